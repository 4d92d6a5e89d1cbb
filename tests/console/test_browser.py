"""Laws of the pages in a real Chromium: nothing foreign, legible in both themes, usable by keyboard, live."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest

from breakeven.console import server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATHS = ("/", "/unit-cost", "/decide", "/tracking", "/verify")

CONTRAST = """() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (text) => {
    const [r, g, b] = numbers(text).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour) && colour !== "transparent") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const element of document.body.querySelectorAll("*")) {
    const said = [...element.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
    if (!said.length || !element.checkVisibility() || element.closest("title, desc, option")) continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const [one, other] = [luminance(colour), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) poor.push([element.textContent.trim().slice(0, 40), colour, behind(element), ratio]);
  }
  return poor;
}"""

LABELS = """() => [...document.querySelectorAll("svg.chart")].filter((svg) => svg.checkVisibility()).flatMap((svg) => {
  const view = svg.viewBox.baseVal;
  const boxes = [...svg.querySelectorAll("text")].map((label) => [label.textContent, label.getBBox()]);
  const outside = boxes.filter(([, b]) => b.x < -1 || b.y < -3 || b.x + b.width > view.width + 1
                                          || b.y + b.height > view.height + 3);
  const over = boxes.flatMap(([name, a], i) => boxes.slice(i + 1).filter(([, b]) =>
    a.x + a.width > b.x + 1 && b.x + b.width > a.x + 1 && a.y + a.height - 4 > b.y && b.y + b.height - 4 > a.y
  ).map(([other]) => `${name} over ${other}`));
  return [...outside.map(([name]) => `${name} outside`), ...over];
})"""

NAMELESS = """() => [...document.querySelectorAll("a, button, select, summary, [role=img]")].filter((element) => {
  const label = element.labels?.[0]?.textContent ?? element.querySelector("title")?.textContent;
  return !(element.textContent.trim() || label || element.getAttribute("aria-label"));
}).map((element) => element.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def source(kit):
    """The source behind the running console."""
    return kit.Memory()


@pytest.fixture(scope="module")
def base(source) -> Iterator[str]:
    """The address of a running console."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    read_fd, write_fd = os.pipe()
    thread = threading.Thread(target=server.run, args=(source, "127.0.0.1", port, read_fd))
    thread.start()
    _wait_until_up(port)
    yield f"http://127.0.0.1:{port}"
    os.close(write_fd)
    thread.join(timeout=20)
    os.close(read_fd)


def _wait_until_up(port: int) -> None:
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()


@pytest.fixture(scope="module")
def chromium():
    """One browser for the module."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH; `apt-get install chromium` runs these tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Watched:
    """A page, and what it complained about or asked for."""

    def __init__(self, page, base: str) -> None:
        self.page, self.base = page, base
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: str):
        self.page.goto(self.base + path)
        return self.page


@pytest.fixture
def watch(chromium, base):
    """`watch(width, theme)` opens a page and watches it."""
    pages = []

    def make(width: int = 1280, theme: str = "light") -> Watched:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        pages.append(page)
        return Watched(page, base)

    yield make
    for page in pages:
        page.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_without_complaint_and_asks_nobody_else(watch, path):
    """No console message (a broken security policy would be one), no error, no request to the outside."""
    watched = watch()
    watched.open(path)
    watched.page.wait_for_load_state("networkidle")
    assert watched.complaints == []
    assert watched.requests
    assert all(url.startswith(watched.base) for url in watched.requests)


@pytest.mark.parametrize("width", [390, 760, 1119, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_scrolls_sideways(watch, path, width):
    """No horizontal scrolling at the widths of phone, tablet and desk, popovers closed or open."""
    page = watch(width).open(path)
    measure = "() => document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(measure) <= 0
    page.evaluate("() => document.querySelectorAll('details').forEach((number) => number.open = true)")
    assert page.evaluate(measure) <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_text_has_contrast(watch, path, theme):
    """Every visible text, in charts too, reaches 4.5:1 against what is behind it, in both themes."""
    page = watch(theme=theme).open(path)
    assert page.evaluate(CONTRAST) == []


def test_the_theme_follows_the_system_and_the_url_overrules_it(watch):
    """Dark where the system is dark; `?theme=` wins; charts change with the page."""

    def colours(system: str, path: str) -> tuple[str, str]:
        page = watch(theme=system).open(path)
        label = "getComputedStyle(document.querySelector('svg.chart text')).fill"
        return page.evaluate("getComputedStyle(document.body).backgroundColor"), page.evaluate(label)

    light, dark = colours("light", "/"), colours("dark", "/")
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    assert colours("light", "/?theme=dark") == dark
    assert colours("dark", "/?theme=light") == light


@pytest.mark.parametrize("width", [390, 900, 1280])
@pytest.mark.parametrize("path", PATHS[:3])
def test_labels_of_charts_fit_in_the_real_font(watch, path, width):
    """What the server estimated holds in the browser's font: no label outside, none over another."""
    page = watch(width).open(path)
    assert page.evaluate(LABELS) == []
    assert page.evaluate("document.querySelectorAll('svg.chart').length") > 0


@pytest.mark.parametrize("path", PATHS)
def test_exactly_one_size_of_each_chart_is_there(watch, path):
    """Whoever listens to the page hears each chart once."""
    for width in (390, 900, 1280):
        page = watch(width).open(path)
        seen = page.evaluate("[...document.querySelectorAll('svg.chart')].map((svg) => svg.checkVisibility())")
        assert len(seen) == 3 * sum(seen)


@pytest.mark.parametrize("path", PATHS)
def test_everything_that_can_be_used_has_a_name(watch, path):
    """Links, buttons, selects, numbers and charts are named; ids are unique; there is one main."""
    page = watch().open(path)
    assert page.evaluate(NAMELESS) == []
    assert page.locator("main").count() == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))


def test_the_keyboard_is_enough(watch):
    """Tab reaches the skip link first, Enter opens a number, Escape closes it, and focus is visible."""
    page = watch().open("/?refresh=off")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator(".number summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == 1
    assert page.locator(".pop").first.is_visible()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Escape")
    assert page.locator("details[open]").count() == 0


def test_the_selectors_work_without_script(chromium, base):
    """Use case and period are a plain form; the state is in the URL afterwards."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/?theme=dark")
    page.select_option("select[name=use_case]", "homepage")
    page.select_option("select[name=hours]", "24")
    page.click("button")
    assert "use_case=homepage" in page.url
    assert "hours=24" in page.url
    assert "theme=dark" in page.url
    assert page.locator("text=not measurable").count() == 0
    context.close()


def test_the_page_is_live_and_keeps_what_is_open(watch, source, kit):
    """A new statement changes the number without a reload; the open popover stays open and keeps the focus."""
    watched = watch()
    page = watched.open("/")
    page.locator("[data-key=predictions] summary").click()
    assert page.locator("[data-key=predictions] summary").inner_text() == "13,334"
    try:
        source.made = lambda _: msgspec.structs.replace(kit.statement(), predictions=13_999)
        page.locator("[data-key=predictions] summary", has_text="13,999").wait_for(timeout=30_000)
    finally:
        source.made = kit.statement
    assert page.locator("[data-key=predictions]").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.closest('[data-key]')?.dataset.key") == "predictions"
    assert watched.complaints == []


def test_a_paused_page_asks_nothing(watch):
    """`?refresh=off` stops the refresh (WCAG 2.2.2), and a link resumes it."""
    watched = watch()
    page = watched.open("/?refresh=off")
    page.wait_for_load_state("networkidle")
    before = len(watched.requests)
    page.wait_for_timeout(4000)
    assert len(watched.requests) == before
    assert page.locator("footer a", has_text="resume").count() == 1


def test_a_failing_ledger_is_said_and_recovers(watch, source, kit):
    """An error replaces the live part with its way out, and the page comes back by itself."""
    from breakeven.errors import LedgerError

    said = "segment a.parquet cannot be read", "restore it"

    def fail(_: object) -> object:
        raise LedgerError(*said)

    page = watch().open("/")
    try:
        source.made = fail
        page.wait_for_selector("text=segment a.parquet cannot be read", timeout=30_000)
        assert "does not answer" in page.locator("#status").inner_text()
    finally:
        source.made = kit.statement
    page.wait_for_selector("[data-key=predictions]", timeout=30_000)


def test_it_prints(watch):
    """Printed, the selectors and links are gone and the cards are whole."""
    page = watch().open("/unit-cost")
    page.emulate_media(media="print")
    assert not page.locator(".filters").is_visible()
    assert page.locator("h1").is_visible()
    tops = page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect().top)")
    assert all(above <= below for above, below in pairwise(tops))
