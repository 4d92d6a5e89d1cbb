"""Laws of the pages as HTML: one verdict, honest labels, state in the URL, hostile text stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest

from breakeven.schema.routing import PackedWeights, Router

PAGES = {"overview": "/", "unit-cost": "/unit-cost", "decide": "/decide", "tracking": "/tracking", "verify": "/verify"}
HOSTILE = "<script>alert(1)</script>\"'&"


class Outline(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("path", PAGES.values())
def test_every_page_starts_with_one_sentence(memory, get, path):
    """One h1, and under it one sentence that ends with a full stop."""
    answer = get(memory, path)
    assert answer.status == 200
    assert len(Outline(answer.text).all("h1")) == 1
    sentence = re.search(r'class="sentence">([^<]+)<', answer.text)
    assert sentence is not None
    assert sentence[1].endswith(".")


def test_the_verdicts_say_the_numbers(memory, get):
    """The three verdicts name cost, losses and the choice."""
    assert "One useful prediction costs $0.000001489, 65 % of the money paid for idle capacity" in get(memory, "/").text
    assert "Of $0.412 spent, 0.049 % bought useful predictions" in get(memory, "/unit-cost").text
    decided = get(memory, "/decide").text
    assert "Run assistant on l40s-x1 owned for $611.00 a month, $484.00 less than l40s-x1 rented" in decided
    assert "3 of 4 promises that can be judged came true" in decided


@pytest.mark.parametrize("path", PAGES.values())
def test_headings_never_skip_a_level(memory, get, path):
    """h1 comes first and only h2 follow."""
    levels = [tag for tag, _ in Outline(get(memory, path).text).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == "h1"
    assert set(levels[1:]) == {"h2"}


@pytest.mark.parametrize("path", [*PAGES.values(), "/?hours=x"])
def test_a_strict_policy_finds_nothing_inline_and_nothing_foreign(memory, get, path):
    """No inline style, script or handler, and no address that is not ours."""
    answer = get(memory, path)
    outline = Outline(answer.text)
    for tag, attributes in outline.tags:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "action"):
            assert attributes.get(name, "/").startswith(("/", "#")), (tag, attributes)
    assert all(script.get("src", "").startswith("/static/") for script in outline.all("script"))
    assert "style-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", PAGES.values())
def test_controls_have_labels_and_images_have_names(memory, get, path):
    """Every select stands in a label, every chart has role and title, every column header a scope."""
    text = get(memory, path).text
    assert len(re.findall(r"<label>[^<]+<select", text)) == len(Outline(text).all("select"))
    charts = re.findall(r'<svg [^>]*class="chart"[^>]*><title>[^<]+</title><desc>[^<]+</desc>', text)
    assert len(charts) == sum(svg.get("class") == "chart" for svg in Outline(text).all("svg"))
    assert charts or path in {"/tracking", "/verify"}, "these are read in words and tables"
    assert all(header.get("scope") in {"col", "row"} for header in Outline(text).all("th"))


@pytest.mark.parametrize("path", PAGES.values())
def test_every_number_says_how_it_was_computed(memory, get, path):
    """Each number opens to formula and basis (invariant 11), and no two share a key."""
    text = get(memory, path).text
    keys = [found["data-key"] for found in Outline(text).all("details")]
    assert len(keys) == len(set(keys)) > 5
    assert text.count("<dt>basis</dt>") == sum(not key.startswith("folded-") for key in keys)


def test_a_number_names_its_facts(memory, get):
    """Facts and exact value stand in the popover, without an exponent."""
    text = get(memory, "/").text
    assert "offer/cpu-hour/usd_per_hour" in text
    assert "0.0000014886 USD" in text


@pytest.mark.parametrize(
    ("path", "command"), [("/", "serve"), ("/unit-cost", "serve"), ("/decide", "plan"), ("/verify", "serve")]
)
def test_an_empty_page_names_the_next_command(empty, get, path, command):
    """Where there is nothing to show, the page says which command changes that."""
    answer = get(empty, path)
    assert answer.status == 200
    assert f"<code>breakeven {command}" in answer.text
    assert 'class="chart"' not in answer.text


def test_what_stands_beside_the_numbers_is_said(memory, get):
    """An alert and the forecast on the overview; arms, drift and a closed month under verify."""
    overview, verified = get(memory, "/").text, get(memory, "/verify").text
    assert "TTFT of assistant is worse" in overview
    assert "$52.00 expected ($48.00 to $57.00)" in overview
    assert "the chain of 1 closed month holds" in verified
    assert "assistant: plan against holdout" in verified
    assert "2026-11-20" in verified


def test_a_broken_chain_comes_first(memory, get):
    """A close that does not hold is the verdict of the page."""
    (one,) = memory.beside.closes
    broken = msgspec.structs.replace(one, sound=False, wrong="its figures are not those of its hash")
    memory.beside = msgspec.structs.replace(memory.beside, closes=(broken,))
    assert "The close of 2026-10 does not hold: its figures" in get(memory, "/verify").text


def test_the_metrics_are_prometheus_text(memory, get):
    """What a scraper reads says what the pages say."""
    answer = get(memory, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "breakeven_ledger_predictions 13334" in answer.text


def test_an_empty_selection_says_that_it_is_the_selection(empty, get):
    """Nothing in a period is not the same as nothing at all."""
    assert "Nothing of homepage was recorded in the last hour" in get(empty, "/?use_case=homepage&hours=1").text


def test_emulated_data_is_labelled(memory, get):
    """What the emulator answered is said in words on the page and as a badge in the row."""
    text = get(memory, "/").text
    assert "484 of 13,334 predictions were answered by the emulator" in text
    assert text.count("answered by the emulator") == 1
    assert '<span class="badge warn">emulated</span>' in text
    assert "emulat" not in get(memory, "/?use_case=homepage").text


def test_a_plan_checked_on_an_emulated_deployment_says_so(memory, get):
    """Findings from the emulator do not pass for measurements of a machine."""
    assert "come from an emulated deployment" in get(memory, "/decide").text


def test_not_measurable_is_said_and_never_zero(memory, get):
    """A use case without outcomes has no useful predictions in words."""
    text = get(memory, "/unit-cost?use_case=assistant").text
    assert "not measurable" in text
    assert "No outcomes are sent for these predictions" in text


def test_unpriced_is_said_and_never_zero(memory, get):
    """An option whose price is unknown is unpriced."""
    row = get(memory, "/decide").text.split("mistral-small API")[-1]
    assert "unpriced" in row
    assert "$0<" not in row[:2000]


def test_a_statement_that_does_not_add_up_is_a_warning(memory, get, kit):
    """When sums fail, the page says so before anything else."""
    memory.made = lambda _: msgspec.structs.replace(kit.statement(), conserved=False)
    text = get(memory, "/unit-cost").text
    assert "do not add up to the total" in text
    assert 'class="verdict bad"' in text


def test_no_useful_prediction_yet(memory, get, kit):
    """None useful is said as such, without a price."""
    none = msgspec.structs.replace(
        kit.statement("homepage"),
        useful_predictions=0,
        cost_per_useful_prediction_usd=msgspec.structs.replace(
            kit.homepage().cost_per_useful_prediction_usd, value=None, low=None, high=None
        ),
    )
    memory.made = lambda _: none
    assert "none of them is known to be useful yet" in get(memory, "/").text


def test_nothing_measurable(memory, get):
    """Without any outcome the overview says what is missing instead of a price."""
    assert "whether they were useful is not measurable downstream" in get(memory, "/?use_case=assistant").text


def test_a_learned_route_says_from_which_score_on(memory, get):
    """Its targets are sides of a router, and their weights say nothing of the traffic."""
    empty = PackedWeights(buckets=1, intercept=0.0, usual_idf=1.0, places=b"", idf=b"", weights=b"")
    router = Router(strong=("l40s-a",), weak=("l4-b",), threshold=0.25, packed=empty)
    homepage, assistant = memory.rules.use_cases
    route = msgspec.structs.replace(assistant.route, strategy="learned", router=router)
    learned = msgspec.structs.replace(assistant, route=route)
    memory.rules = msgspec.structs.replace(memory.rules, use_cases=(homepage, learned))
    assert "l40s-a from score 0.25 on, else l4-b" in get(memory, "/").text


def test_nothing_charged(memory, get, kit):
    """A ledger of unpriced predictions has no unit cost, and says why."""
    memory.made = lambda _: msgspec.structs.replace(
        kit.statement("homepage"), cost_total_pico_usd=0, waterfall=(), total=kit.cut("total", "", cost_pico_usd=0)
    )
    assert "Nothing was charged" in get(memory, "/unit-cost").text


def test_state_is_in_the_url_and_survives_every_link(memory, get):
    """Use case, period, theme and pause travel along all links and the form."""
    text = get(memory, "/unit-cost?use_case=homepage&hours=24&theme=dark&refresh=off").text
    assert '<html lang="en" data-theme="dark">' in text
    assert 'href="/decide?use_case=homepage&amp;hours=24&amp;theme=dark&amp;refresh=off"' in text
    assert '<input type="hidden" name="theme" value="dark">' in text
    assert 'href="/unit-cost.json?use_case=homepage&amp;hours=24"' in text
    assert '<option value="24" selected>' in text
    assert "data-refresh" not in text
    assert memory.asked[0] == ("homepage", None, 24.0)


def test_the_theme_follows_the_system_unless_told(memory, get):
    """Without a theme in the URL the page sets none."""
    text = get(memory, "/").text
    assert "data-theme" not in text
    assert 'content="light dark"' in text


@pytest.mark.parametrize("query", ["hours=x", "hours=-1", "hours=nan", "hours=inf", "theme=blue", "refresh=maybe"])
@pytest.mark.parametrize("path", ["/", "/unit-cost.json", "/decide.csv"])
def test_a_query_that_cannot_be_meant_is_a_400_with_a_way_out(memory, get, path, query):
    """Bad input is one clear error that names the value and the way out."""
    answer = get(memory, f"{path}?{query}")
    assert answer.status == 400
    assert query.split("=")[1] in answer.text
    assert "leave it out" in answer.text


@pytest.mark.parametrize("path", PAGES.values())
def test_hostile_names_stay_text(memory, get, kit, path):
    """Markup in names from requests, policies and plans is shown, never interpreted."""
    evil = msgspec.structs.replace(
        kit.plan(),
        use_case=HOSTILE,
        reason=HOSTILE,
        chosen=HOSTILE,
        options=(kit.option(HOSTILE, "cloud", 10.0, binding=HOSTILE),),
        assumptions=(HOSTILE,),
    )
    memory.kept = (evil,)
    memory.found = (kit.finding(HOSTILE, "came_true", 1, 1, note=HOSTILE),)
    memory.made = lambda _: msgspec.structs.replace(
        kit.statement(), cuts=(kit.homepage(key=HOSTILE), kit.homepage("model", HOSTILE)), warnings=(HOSTILE,)
    )
    text = get(memory, f"{path}?use_case=%3Cscript%3Ealert(1)%3C/script%3E%22%27%26").text
    assert "<script>alert" not in text
    assert "alert(1)" in text


def test_a_source_that_fails_shows_its_way_out(memory, get):
    """An error of the ledger is a page with the message and what to do; JSON says the same."""
    from breakeven.errors import LedgerError

    said = "segment a.parquet cannot be read", "restore it from a backup"

    def fail(_: object) -> object:
        raise LedgerError(*said)

    memory.made = fail
    page, json = get(memory, "/"), get(memory, "/overview.json")
    assert page.status == json.status == 503
    assert "segment a.parquet cannot be read" in page.text
    assert "Way out: restore it from a backup" in page.text
    assert json.json()["error"] == {
        "code": "BE500",
        "message": "segment a.parquet cannot be read",
        "way_out": "restore it from a backup",
    }


def test_an_unknown_page_names_the_pages(memory, get):
    """A 404 says which pages there are."""
    answer = get(memory, "/nowhere")
    assert answer.status == 404
    assert "/unit-cost" in answer.text


def test_only_reading_is_possible(memory, get):
    """The console changes nothing: other methods than GET are refused."""
    assert get(memory, "/", method="POST").status == 405


def test_the_live_part_changes_its_digest_only_with_its_content(memory, get, kit):
    """A refresh that brings nothing new is recognised."""

    def digest() -> str:
        found = re.search(r'data-digest="([0-9a-f]{16})"', get(memory, "/").text)
        assert found is not None
        return found[1]

    before = digest()
    assert digest() == before
    memory.made = lambda _: kit.statement("homepage")
    assert digest() != before


def test_static_files_are_named_by_their_content(memory, get):
    """Style and script come from here, under a name that changes with them."""
    found = re.search(r'href="(/static/console\.css\?v=[0-9a-f]{12})"', get(memory, "/").text)
    assert found is not None
    answer = get(memory, found[1])
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert get(memory, "/static/live.js").status == 200
    assert get(memory, "/static/../server.py").status == 404
