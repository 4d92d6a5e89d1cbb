"""The browser snippet in a real Chromium, on pages of other origins, against a real gateway."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from breakeven.demo.process import free_port, wait_until_ready
from breakeven.ledger import snapshot
from breakeven.ledger.restore import restore
from breakeven.schema.outcome import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.browser]

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SCRIPT = Path(__file__).parents[2] / "src/breakeven/gateway/static/breakeven.js"

PAGE = """<!doctype html><title>A shop</title>
<script>performance.mark("p1")</script>
<div data-prediction="p1" id="first">An offer</div>
<div style="height: 3000px"></div><div data-prediction="p2" id="second">Another, out of sight</div>
TAG<script>addEventListener("load", () => setTimeout(() => {
  const late = document.createElement("p"); late.dataset.prediction = "p3"; late.textContent = "Later";
  document.body.prepend(late) }, 50))</script>"""


class Shop(BaseHTTPRequestHandler):
    """Serves one page."""

    tag = ""

    def do_GET(self) -> None:
        body = PAGE.replace("TAG", type(self).tag).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def shops() -> Iterator[tuple[str, str, type[Shop]]]:
    """Two origins that serve the same page."""

    class Here(Shop):
        pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Here) for _ in range(2)]
    for one in servers:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    yield (*(f"http://127.0.0.1:{one.server_port}" for one in servers), Here)  # type: ignore[misc]
    for one in servers:
        one.shutdown()
        one.server_close()


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH; `apt-get install chromium` runs these tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


CONFIG = """
gateway: {{port: {port}, console_port: 0, cors_origins: ["{origin}"]}}
tenants: [{{name: shop, key_env: SHOP_KEY, keys: [{{key_env: SHOP_WEB_KEY, scope: events}}]}}]
backends: [{{name: b, kind: openai, base_url: "http://127.0.0.1:9/v1"}}]
deployments: [{{name: d, backend: b}}]
"""
POLICY = "use_cases: [{name: a, route: {targets: [{deployment: d}]}}]\ntracking: {unknown: bad}\n"


def told(page, data_dir: Path, at_least: int, wait_s: float = 15.0) -> list[Outcome]:
    """The outcomes of the ledger, once there are so many, or after a while in which the page goes on."""
    until = time.monotonic() + wait_s
    while True:
        found = snapshot.of_folder(data_dir) if data_dir.exists() else snapshot.Snapshot()
        events = [one for one in (*found.records, *restore(found)) if isinstance(one, Outcome)]
        if len(events) >= at_least or time.monotonic() > until:
            return events
        page.wait_for_timeout(100)


def test_it_is_small() -> None:
    """Under a kilobyte as it is loaded, before any compression, and plain ASCII on one line."""
    script = SCRIPT.read_bytes()
    assert len(script) < 1000
    assert script.isascii()
    assert b"\n" not in script
    assert b"</" not in script


def test_events_of_a_listed_page_arrive_and_of_no_other(
    start: Callable[..., subprocess.Popen[bytes]],
    breakeven: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    chromium,
    shops,
) -> None:
    """Exposure, render time, click and consent; once each, whatever is reloaded; nothing from an unlisted origin."""
    listed, other, shop = shops
    port = free_port()
    monkeypatch.setenv("SHOP_KEY", "full-key")
    monkeypatch.setenv("SHOP_WEB_KEY", "web-key")
    (tmp_path / "breakeven.yaml").write_text(CONFIG.format(port=port, origin=listed))
    (tmp_path / "policy.yaml").write_text(POLICY)
    start("serve")
    base = f"http://127.0.0.1:{port}"
    wait_until_ready(f"{base}/readyz")
    data = tmp_path / ".breakeven"

    shop.tag = f'<script src="{base}/breakeven.js" data-key="web-key"></script>'
    page = chromium.new_page()
    page.goto(other)
    page.click("#first")
    page.wait_for_timeout(1500)
    page.goto("about:blank")

    page.goto(listed)
    page.evaluate("breakeven.consent('granted')")
    page.click("#first")
    events = told(page, data, 5)
    assert {one.tenant for one in events} == {"shop"}
    assert {one.source for one in events} == {listed}
    seen = {(one.kind, one.prediction_id) for one in events}
    assert seen == {("exposure", "p1"), ("stage", "p1"), ("click", "p1"), ("exposure", "p3"), ("stage", "p3")}
    [click] = [one for one in events if one.kind == "click"]
    assert click.consent == "granted"
    render = [one for one in events if one.kind == "stage" and one.prediction_id == "p1"]
    assert render[0].stage == "render"
    assert 0 < render[0].duration_s < 60

    inline = breakeven("events", "snippet", "--url", base, "--key", "web-key", "--consent", "granted")
    assert inline.returncode == 0, inline.stderr
    shop.tag = inline.stdout
    page.goto(listed)
    page.evaluate("document.querySelector('#second').scrollIntoView()")
    page.wait_for_timeout(300)
    page.goto("about:blank")  # what is queued leaves with the page
    events = told(page, data, 11)
    distinct = {(one.source, one.event_id) for one in events}
    assert sum(one.kind == "exposure" for one in events) > 3, "the page was loaded twice"
    kinds = sorted(one.event_id for one in events if one.kind == "exposure" and (one.source, one.event_id) in distinct)
    assert sorted(set(kinds)) == ["p1/e", "p2/e", "p3/e"], "an exposure counts once, however often it is told"

    before = len(told(page, data, 0))
    shop.tag = shop.tag.replace('data-consent="granted"', 'data-consent="denied"')
    page.goto(listed)
    page.click("#first")
    page.wait_for_timeout(1500)
    page.goto("about:blank")
    assert len(told(page, data, before + 1, wait_s=1.0)) == before, "nothing is told of who denied it"
    page.close()


def test_the_script_is_served_with_its_name_in_the_cache(
    start: Callable[..., subprocess.Popen[bytes]], model_url: str, tmp_path: Path
) -> None:
    """200 with a lifetime and a tag first, 304 after; a page that nobody listed sends nothing even without keys."""
    port = free_port()
    start("serve", "--openai-base-url", model_url, "--port", str(port), "--console-port", "0")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")

    def ask(method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path, b"[]" if method == "POST" else None, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    status, headers, body = ask("GET", "/breakeven.js")
    assert (status, body) == (200, SCRIPT.read_bytes())
    assert headers["content-type"].startswith("text/javascript")
    assert "max-age=3600" in headers["cache-control"]
    assert ask("GET", "/breakeven.js", **{"if-none-match": headers["etag"]})[0] == 304
    assert ask("POST", "/events", origin="https://evil.example")[0] == 403
