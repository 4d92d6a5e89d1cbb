#!/bin/sh
# `make test` opens the pages in a real browser. If there is none and apt may be used, this installs Debian's Chromium.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "make test: installing chromium by apt for the browser tests"
  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "make test: no Chromium found and none could be installed; the browser tests will be skipped" >&2
