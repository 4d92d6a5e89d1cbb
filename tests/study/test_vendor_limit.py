"""What a proposal and a workload may state: bounds, dates, currencies and words, each refused at its place."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from breakeven.assembly import vendors
from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.catalog.stale import LIMIT_DAYS
from breakeven.config.study.file import load as load_study
from breakeven.config.study.given import Given
from breakeven.config.study.proposal import Proposal, WorkloadFile, load_proposal, load_workload
from breakeven.errors import ConfigError, StudyError
from breakeven.report.compare import comparison_document
from breakeven.report.render import html, markdown, text
from breakeven.schema.comparison import Assessed, Comparison
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor.age import limit_days
from breakeven.study.vendor.assess import assess
from breakeven.study.vendor.limit import PROPOSAL, WORKLOAD

WORK = """
workload: 1
id: w
title: W
source: made up
as_of: 2026-11-20
conventions: {hours_per_month: 730, horizon_months: 24}
demand: {requests: 1000000 request/month, useful: 50 %, value: 0.01 USD/useful_prediction}
levels: {low: {multiple: 0.5, hours: 0.5}, peak: {multiple: 1.5, hours: 0.5}}
latency: {limit: 100 ms}
model_growth: {what: parameters, tokens: 1.5, capacity: 0.5}
feature_store: {size: 100 feature_gb, reads: 2 feature_read/request, growth: 0.4}
regions: [eu]
"""
OFFER = """
proposal: 1
id: one
vendor: One
title: T
source: made up
date: 2026-11-01
option:
  provisioned: {price: 2 USD/unit/h, capacity: 10 request/s/unit, units: 1 unit, term: 12 month}
  lines: {store: 1 USD/feature_gb/month, reads: 0.2 USD/1000000 feature_read}
  exit: {notice: 3 month, penalty: 50 %, migration: 1000 USD}
sla: {availability: 99.9 %, p95: 80 ms, credit: 10 %, credit_cap: 20 %}
chain:
  network: {included: false, time: 5 ms}
  feature_retrieval: {included: true}
  autoscale_time: 90 s
  cold_start: 1 s
  limit: 100 request/s
latency:
  low: {p50: 20 ms, p95: 40 ms, p99: 60 ms}
  peak: {p50: 30 ms, p95: 60 ms, p99: 90 ms}
counting: {rule: own, factor: 1.08}
regions: [eu]
growth: {rise_cap: 5 %/year, larger_model: 1.9}
"""


@cache
def catalog() -> Catalog:
    return load_catalog()


def changed(plain: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert plain.count(old) == 1, old
        plain = plain.replace(old, new)
    return plain


def compared(*changes: tuple[str, str], work: tuple[tuple[str, str], ...] = ()) -> Comparison:
    return assess([load_proposal(changed(OFFER, *changes))], load_workload(changed(WORK, *work)), catalog())


def one(*changes: tuple[str, str], work: tuple[tuple[str, str], ...] = ()) -> Assessed:
    return compared(*changes, work=work).proposals[0]


def flags(found: Assessed, kind: str) -> list[tuple[str, str]]:
    return [(flag.tone, flag.text) for flag in found.flags if flag.kind == kind]


@pytest.fixture
def refused(tmp_path: Path):
    """What `breakeven compare` says against two files."""

    def run(offer: str = OFFER, work: str = WORK) -> str:
        (tmp_path / "p.yaml").write_text(offer)
        (tmp_path / "w.yaml").write_text(work)
        with pytest.raises(ConfigError) as raised:
            vendors.compared([tmp_path / "p.yaml"], tmp_path / "w.yaml")
        return str(raised.value).replace(f"{tmp_path}/", "")

    return run


def test_the_plain_case_is_in_order() -> None:
    """Without a change nothing is refused: otherwise the cases below would prove nothing."""
    assert one().cost.value is not None


OUTSIDE = {
    "availability: 99.9 %": ["99.9", "101 %", "-5 %", "5 ms"],
    "p95: 80 ms": ["80", "0 ms", "-80 ms"],
    "credit: 10 %": ["10", "-1 %", "200 %"],
    "credit_cap: 20 %": ["20", "300 %"],
    "penalty: 50 %": ["50", "101 %"],
    "notice: 3 month": ["3", "-3 month"],
    "migration: 1000 USD": ["1000", "-1 USD", "5 month"],
    "time: 5 ms": ["5", "-5 ms"],
    "autoscale_time: 90 s": ["90", "-1 s"],
    "cold_start: 1 s": ["1", "-1 s"],
    "limit: 100 request/s": ["100", "0 request/s", "-1 request/s"],
    "p50: 20 ms": ["20", "0 ms", "-20 ms"],
    "factor: 1.08": ["108", "0", "-1"],
    "rise_cap: 5 %/year": ["5", "5 %", "500 %/year"],
    "larger_model: 1.9": ["190", "0"],
}
OUTSIDE_WORK = {
    "requests: 1000000 request/month": ["0 request/day", "-1 request/day", "1000000"],
    "useful: 50 %": ["50", "101 %", "-1 %"],
    "limit: 100 ms": ["100", "0 s", "-1 s"],
    "tokens: 1.5": ["150", "0"],
    "capacity: 0.5": ["50", "0"],
    "size: 100 feature_gb": ["100", "100 GB", "-1 feature_gb"],
    "reads: 2 feature_read/request": ["-2 feature_read/request"],
    "growth: 0.4": ["40", "-0.1"],
    "low: {multiple: 0.5, hours: 0.5}": ["{multiple: 0.5, hours: 50}", "{multiple: 0, hours: 0.5}"],
}


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(old, value) for old, values in table.items() for value in values]


@pytest.mark.parametrize(("old", "value"), cases(OUTSIDE))
def test_what_cannot_be_is_refused_at_its_place(old: str, value: str, refused) -> None:
    """Nothing outside its bounds is costed: the key, the value, the place and the way out are named."""
    key = old.partition(":")[0]
    new = f"{key}: {value}"
    [line] = [at for at, text in enumerate(OFFER.splitlines(), 1) if old in text]
    shown = refused(changed(OFFER, (old, new)))
    assert f"p.yaml:{line}:" in shown
    assert key in shown
    assert new in shown
    assert "write" in shown


@pytest.mark.parametrize(("old", "value"), cases(OUTSIDE_WORK))
def test_what_a_workload_cannot_ask_is_refused_at_its_place(old: str, value: str, refused) -> None:
    """The same of the workload: no demand at all, shares above all, budgets that no answer keeps."""
    new = f"{old.partition(':')[0]}: {value}"
    [line] = [at for at, text in enumerate(WORK.splitlines(), 1) if old in text]
    shown = refused(work=changed(WORK, (old, new)))
    assert f"w.yaml:{line}:" in shown
    assert new in shown
    assert "write" in shown


def quantities(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Dotted paths of the quantities of a grammar that stand outside an option, a demand and inputs."""
    found = []
    for name, field in model.model_fields.items():
        if name in {"option", "demand", "inputs", "conventions", "fx"}:
            continue
        kinds = [kind for kind in _kinds(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        named = f"{prefix}{name}" + (".x" if "dict" in str(field.annotation) else "")
        for kind in kinds:
            found += [named] if kind is Given else quantities(kind, f"{named}.")
    return found


def _kinds(annotation: object) -> list[object]:
    below = getattr(annotation, "__args__", ())
    return [one for part in below for one in _kinds(part)] if below else [annotation]


@pytest.mark.parametrize(("model", "table"), [(Proposal, PROPOSAL), (WorkloadFile, WORKLOAD)])
def test_every_quantity_of_both_grammars_has_a_bound(model: type[BaseModel], table: dict[str, object]) -> None:
    """A field that is added without a bound is found here, not by whoever mistypes it."""
    stated = quantities(model)
    assert stated
    assert [name for name in stated if not any(fnmatchcase(name, pattern) for pattern in table)] == []


@pytest.mark.parametrize("useful", ["0 %", "0"])
def test_nothing_useful_has_no_price_per_useful_prediction(useful: str) -> None:
    """Unknown is not needed here: the net is the cost lost, and the missing price says why."""
    found = one(work=(("useful: 50 %", f"useful: {useful}"),))
    assert found.per_1000_useful.value is None
    assert "none of the predictions is useful" in found.per_1000_useful.note
    assert found.levels[0].net.value == pytest.approx(-found.levels[0].cost.value)


def test_per_cent_and_number_are_the_same() -> None:
    """`45 %` and 0.45 are one value wherever a plain share or multiple is asked for."""
    offer = (("factor: 1.08", "factor: 108 %"), ("larger_model: 1.9", "larger_model: 190 %"))
    work = (("growth: 0.4", "growth: 40 %"), ("low: {multiple: 0.5, hours: 0.5}", "low: {multiple: 0.5, hours: 50 %}"))
    assert compared(*offer, work=work) == compared()


AGES = {
    "fresh": ("2026-08-22", None),
    "a day too old": ("2026-08-21", ("91 days old", "limit 90")),
    "years old": ("2020-01-02", ("2,514 days old", "limit 90")),
    "a day to come": ("2026-11-21", ("after 2026-11-20",)),
    "years to come": ("2030-01-02", ("after 2026-11-20",)),
}


@pytest.mark.parametrize("case", AGES)
def test_a_price_is_used_silently_only_within_its_days(case: str) -> None:
    """Older than its kind may be, or of a day to come, it is flagged with its date, its age and the limit."""
    date, words = AGES[case]
    found = one(("date: 2026-11-01", f"date: {date}"))
    told = flags(found, "price_stale") + flags(found, "price_in_future")
    assert len(told) == (words is not None)
    for word in (date, *(words or ())) if told else ():
        assert word in told[0][1]
    assert all(tone == "bad" for tone, _ in told)


def test_an_old_price_that_still_holds_is_to_be_known() -> None:
    """With a last day that has not come the age is told, and nothing needs to be cleared."""
    found = one(("date: 2026-11-01", "date: 2020-01-02\nvalid_until: 2027-01-31"))
    [(tone, told)] = flags(found, "price_stale")
    assert tone == "warn"
    assert "2,514 days old (limit 90)" in told
    assert "2027-01-31" in told


def test_a_single_price_may_be_older_than_the_rest() -> None:
    """A date of its own counts for a price, and names it; what is no price does not age."""
    old = "price: {value: 2 USD/unit/h, as_of: 2024-01-01}"
    [(_, told)] = flags(one(("price: 2 USD/unit/h", old)), "price_stale")
    assert "`option.provisioned.price`" in told
    assert not flags(
        one(("capacity: 10 request/s/unit", "capacity: {value: 10 request/s/unit, as_of: 2020-01-01}")), "price_stale"
    )


def test_the_limit_is_that_of_the_shortest_lived_part() -> None:
    """Commitments hold longer than list prices, and machines longer still; both together as the shorter."""
    rent = changed(
        OFFER,
        (
            "provisioned: {price: 2 USD/unit/h, capacity: 10 request/s/unit, units: 1 unit, term: 12 month}",
            "rent: {price: 2 USD/h, basis: reserved, term: 12 month}",
        ),
    )
    assert limit_days(load_proposal(rent).option) == LIMIT_DAYS["accelerator_hour/reserved"]
    bought = changed(rent, ("rent: {price: 2 USD/h, basis: reserved, term: 12 month}", "purchase: {price: 9 USD}"))
    assert limit_days(load_proposal(bought).option) == LIMIT_DAYS["server_purchase"]
    assert limit_days(load_proposal(OFFER).option) == LIMIT_DAYS["api"]


DAYS = {
    "no such day": (("date: 2026-11-01", "date: 2026-02-30"), ("p.yaml:7:7", "no such day")),
    "over before it began": (
        ("date: 2026-11-01", "date: 2026-11-01\nvalid_until: 2026-10-01"),
        ("p.yaml:8:14", "2026-11-01"),
    ),
    "a price of no day": (
        ("price: 2 USD/unit/h", "price: {value: 2 USD/unit/h, as_of: 2026-04-31}"),
        ("p.yaml:9", "2026-04-31"),
    ),
}


@pytest.mark.parametrize("case", DAYS)
def test_days_that_cannot_be_are_refused(case: str, refused) -> None:
    """A date is a day of the calendar, and prices hold from their date on."""
    change, words = DAYS[case]
    shown = refused(changed(OFFER, change))
    assert all(word in shown for word in words), shown


def test_a_stage_counts_inside_or_on_top() -> None:
    """Two values for one thing are refused; either alone is taken."""
    with pytest.raises(ConfigError, match=r"keep one of them"):
        load_proposal(changed(OFFER, ("included: false, time: 5 ms", "included: true, time: 5 ms")))
    assert one().levels[0].latency.value == pytest.approx(0.045)
    assert one(("included: false, time: 5 ms", "included: true")).levels[0].latency.value == pytest.approx(0.040)
    assert one(("included: false, time: 5 ms", "time: 5 ms")).levels[0].latency.value == pytest.approx(0.045)


# -- currencies --------------------------------------------------------------------------------------------------------

FX = ("regions:", "fx: [{from: EUR, to: USD, rate: 1.1, as_of: 2026-11-19, source: a bank}]\nregions:")


def euros(offer: str) -> str:
    return offer.replace(" USD", " EUR")


def test_another_currency_needs_a_rate_in_the_workload(refused) -> None:
    """The place is the price's, and the way out names the file that takes `fx:`."""
    shown = refused(euros(OFFER))
    assert "p.yaml:11:53" in shown
    assert "in the workload's file: `fx:" in shown


def test_a_stated_currency_is_that_of_every_price(refused) -> None:
    """`currency:` and prices in another one contradict each other; one's own people and moving may be in any."""
    shown = refused(OFFER + "currency: EUR\n")
    assert "p.yaml:9:" in shown
    assert "`option.provisioned.price` is in USD" in shown
    assert "`currency` is EUR" in shown
    own = euros(OFFER).replace("migration: 1000 EUR", "migration: 1000 USD") + "currency: EUR\n"
    own = own.replace("lines: {", "lines: {staff: {rate: 50 USD/month, category: people}, ")
    found = assess([load_proposal(own)], load_workload(changed(WORK, FX)), catalog()).proposals[0]
    assert flags(found, "currency") == [("warn", "It is billed in EUR; the rate to USD is yours to carry.")]


def test_a_currency_left_out_is_that_of_the_prices() -> None:
    """Prices say what they are in; at a rate of 1.1 the same figures cost a tenth more."""
    found = assess([load_proposal(euros(OFFER))], load_workload(changed(WORK, FX)), catalog()).proposals[0]
    assert len(flags(found, "currency")) == 1
    assert found.cost.value == pytest.approx(1.1 * one().cost.value)
    assert not flags(one(), "currency")


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", ["[EU]", "[us, Eu]", '[" eu "]'])
def test_regions_are_the_same_in_upper_and_lower_case(offered: str) -> None:
    """`EU` is `eu`; another name is another place, and stays out with both names told."""
    assert one(("regions: [eu]", f"regions: {offered}")).standing.place == 1
    out = one(("regions: [eu]", "regions: [eu-west-2]"))
    assert out.standing.place is None
    assert "eu-west-2" in out.standing.excluded[0]


def test_a_notice_is_no_term() -> None:
    """It may be longer than the horizon, which it does not commit to."""
    found = one(
        (
            "provisioned: {price: 2 USD/unit/h, capacity: 10 request/s/unit, units: 1 unit, term: 12 month}",
            "rent: {price: 2 USD/h}",
        ),
        work=(("horizon_months: 24", "horizon_months: 1"),),
    )
    assert found.exit.value is not None


@pytest.mark.parametrize("render", [text.render, markdown.render, html.render])
def test_no_word_of_a_file_steers_a_terminal(render) -> None:
    """Control characters of titles and names are in no form of the document."""
    words = ("title: T", r'title: "T\e[31mred\x9b1m"'), ("vendor: One", r'vendor: "One\e]0;x\a"')
    shown = render(comparison_document(compared(*words)))
    assert not [letter for letter in shown if (ord(letter) < 32 and letter not in "\n\t") or 127 <= ord(letter) < 160]


def test_no_word_of_an_error_steers_a_terminal(refused) -> None:
    """Nor in what is said against a file: they are written out."""
    shown = refused(changed(OFFER, ("  low: {p50", r'  "l\e[31mow": {p50')))
    assert "\x1b" not in shown
    assert r"\x1b[31m" in shown


EXITS = {"migration: 15000": "migration", "penalty: 50": "penalty"}


@pytest.mark.parametrize("stated", EXITS)
def test_the_engine_places_what_leaving_cannot_cost(stated: str) -> None:
    """A study's own exit has its unit and its bounds as well: an error is one of the study, at its key."""
    told = "study: 1\nid: s\ntitle: S\nsource: {title: s, published: 2026-01-01}\n"
    options = f"options: {{a: {{lines: {{x: 1 USD/month}}, exit: {{{stated}}}}}}}\n"
    with pytest.raises(StudyError) as raised:
        Evaluated(load_study(told + options), catalog()).named("a.exit_after_12")
    assert raised.value.path == ("options", "a", "exit", EXITS[stated])
