#!/bin/sh
# `make test-spark` starts a Spark cluster, which needs Java 17 or later. If there is none and apt may be used, this installs it.
version() {
  java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1
}
found="$(version)"
[ "${found:-0}" -ge 17 ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "make test-spark: installing openjdk-17-jre-headless by apt"
  apt-get update -qq >/dev/null &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless >/dev/null && exit 0
fi
echo "make test-spark: Spark needs Java 17 or later (found: ${found:-none}) and none could be installed:" >&2
echo "  install a JRE, e.g. \`apt-get install openjdk-17-jre-headless\`, or put one on PATH" >&2
exit 1
