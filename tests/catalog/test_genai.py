"""Laws of imported price lists: they charge what genai-prices charges, and append to a history they never edit."""

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.find import index
from breakeven.catalog.load import DATA, load
from breakeven.catalog.snapshot import Snapshot
from breakeven.catalog.source import genai_read
from breakeven.catalog.source.genai import Left, Listing, listings
from breakeven.catalog.source.refresh import import_offers, offers_of, refresh_prices
from breakeven.cost.price import charge_pico_usd, token_price
from breakeven.errors import FactError
from breakeven.schema.offer import Offer
from breakeven.schema.record import Tokens

DAY = "2026-11-10"
"""The day genai-prices 0.2.3 was published, which the shipped entries of api-*.yaml are of."""
USAGES = [(10, 0, 0, 0), (1000, 0, 0, 500), (1000, 400, 0, 1), (90_000, 0, 30_000, 7), (128_001, 1, 2, 3)]
USAGES += [
    (200_000, 0, 0, 1),
    (200_001, 100_000, 50_000, 1),
    (272_000, 5, 5, 5),
    (272_001, 5, 5, 5),
    (600_000, 1, 1, 1),
]


def provider(*models: dict[str, object], name: str = "openai") -> dict[str, object]:
    return {"id": name, "pricing_urls": ["https://prices.example"], "models": list(models)}


def model(name: str, *rules: object, **more: object) -> dict[str, object]:
    return {"id": name, "prices": rules[0] if len(rules) == 1 else list(rules), **more}


def rule(prices: object, **constraint: str) -> dict[str, object]:
    return {"constraint": constraint, "prices": prices}


def asked(usd: float, **more: object) -> dict[str, object]:
    return {"input_mtok": usd, "output_mtok": 4 * usd, **more}


def listing(*rules: object, **more: object) -> Listing:
    (found,) = listings([provider(model("m", *rules, **more))])
    assert isinstance(found, Listing)
    return found


def imported(data: Sequence[dict[str, object]], existing: Sequence[Offer] = (), on: str = DAY) -> tuple[Offer, ...]:
    return import_offers(data, existing, retrieved=on).offers


def history(offers: Sequence[Offer]) -> list[tuple[str, float | None]]:
    return [(offer.valid_from, offer.input_usd_per_mtok) for offer in sorted(offers, key=lambda one: one.valid_from)]


# --- equal to genai-prices ------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch", [False, True])
def test_a_compiled_price_charges_what_genai_prices_charges(batch: bool) -> None:
    """Every model, every usage, tiers and batches: the same charge to 1e-9, but for prices by the time of day."""
    genai = pytest.importorskip("genai_prices")
    types = pytest.importorskip("genai_prices.types")
    data = pytest.importorskip("genai_prices.data").providers
    theirs = {(one.id, entry.id): (one, entry) for one in data for entry in one.models}
    ids = {"xai": "x-ai", "nebius": "huggingface_nebius"}
    at = dt.datetime.fromisoformat(f"{DAY}T12:00:00+00:00")
    compared = skipped = 0
    for row in listings(genai_read.read_package()):
        if isinstance(row, Left):
            skipped += 1
            continue
        price = token_price([step for start, step in row.steps if start <= DAY][-1], batch=batch)
        owner, entry = theirs[ids.get(row.provider, row.provider), row.model]
        if any(isinstance(getattr(one, "constraint", None), types.TimeOfDateConstraint) for one in _rules(entry)):
            skipped += 1
            continue
        for total, read, written, output in USAGES:
            counts = Tokens(input=total, cached_input=read, output=output)
            ours = charge_pico_usd(price, counts, cache_write=written)
            if ours is None:
                skipped += 1
                continue
            usage = genai.Usage(
                input_tokens=total, cache_read_tokens=read, cache_write_tokens=written, output_tokens=output
            )
            context = {"processing": "batch"} if batch else None
            known = entry.calc_price(usage, owner, genai_request_timestamp=at, price_context=context)
            assert ours / 1e12 == pytest.approx(float(known.total_price), rel=1e-9), (row.model, total)
            compared += 1
    assert compared > (500 if batch else 5000)
    assert skipped < (6000 if batch else 200)


def _rules(entry: object) -> list[object]:
    prices = getattr(entry, "prices", None)
    return prices if isinstance(prices, list) else []


def test_the_shipped_prices_are_those_of_the_list() -> None:
    """The shipped catalog agrees with the list of its day: importing it once more appends nothing to any file."""
    pytest.importorskip("genai_prices")
    texts = {path.name: path.read_text() for path in (DATA / "offers").glob("api-*.yaml")}
    again = refresh_prices("genai-prices", DAY, texts)
    assert again.texts == texts
    assert again.summary.added == again.summary.changed == again.summary.kept == ()
    assert len(again.summary.unchanged) > 500


# --- prices that changed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offer", "before", "after", "paid"),
    [
        ("api-openai-o3", "2025-06-09", "2025-06-10", ((10, 40), (2, 8))),
        ("api-openai-gpt-5.6-luna", "2026-07-29", "2026-07-30", ((1, 6), (0.2, 1.2))),
        ("api-openai-gpt-5.6-luna", "2026-08-21", "2026-11-24", ((0.2, 1.2), (0.2, 1.2))),
        ("api-anthropic-claude-sonnet-5", "2026-08-31", "2026-09-01", ((2, 10), (3, 15))),
        ("api-deepseek-deepseek-chat", "2025-02-07", "2025-02-08", ((0.14, 0.28), (0.27, 1.1))),
    ],
)
def test_a_look_up_knows_what_held_that_day(offer: str, before: str, after: str, paid: object) -> None:
    """Past prices that fell or rose, and one that a stale list would have raised for a day: each names its source."""
    known = [load().offer(offer, on) for on in (before, after)]
    assert tuple((one.input_usd_per_mtok, one.output_usd_per_mtok) for one in known) == paid
    assert all(one.source for one in known)


def test_september_is_known() -> None:
    """What two lists have on both sides of a day has a price on it: the older list's, from its own day on."""
    sold = {offer.id: offer for offer in load().offers(on="2026-09-15", kind="api")}
    assert len(sold) > 350
    assert sold["api-openai-gpt-4"].valid_from == "2026-08-21"
    assert "47df840" in sold["api-openai-gpt-4"].source


# --- listings ---------------------------------------------------------------------------------------------------------


def test_each_date_is_a_step() -> None:
    """What holds before the first stated date begins at no stated day; later rules win from their day."""
    found = listing(rule(asked(1)), rule(asked(2), start_date="2026-01-01"), rule(asked(3), start_date="2027-01-01"))
    assert [(start, step.input_usd_per_mtok) for start, step in found.steps] == [
        ("", 1), ("2026-01-01", 2), ("2027-01-01", 3),
    ]  # fmt: skip


def test_tiers_of_several_prices_are_one_table() -> None:
    """Prices with tiers at several lengths: each tier states all that are tiered, at their price of that length."""
    ladder = {"base": 1, "tiers": [{"start": 100, "price": 2}, {"start": 300, "price": 3}]}
    found = listing({"input_mtok": ladder, "output_mtok": {"base": 5, "tiers": [{"start": 200, "price": 9}]}})
    tiers = found.steps[0][1].tiers
    assert [(t.above_input_tokens, t.input_usd_per_mtok, t.output_usd_per_mtok) for t in tiers] == [
        (100, 2, 5), (200, 2, 9), (300, 3, 9),
    ]  # fmt: skip
    assert tiers[0].cached_input_usd_per_mtok is None


def test_a_batch_begins_when_it_is_sold() -> None:
    """A batch variant adds its prices from its day; other variants, such as a faster tier, are not taken over."""
    variants = [
        {"when": {"speed": "fast"}, "prices": asked(9)},
        {"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5}, "constraint": {"start_date": "2026-10-14"}},
    ]
    found = listing(asked(1), price_variants=variants)
    assert [(start, step.batch_input_usd_per_mtok) for start, step in found.steps] == [("", None), ("2026-10-14", 0.5)]
    assert all(step.input_usd_per_mtok == 1 and step.batch_output_usd_per_mtok is None for _, step in found.steps)


@pytest.mark.parametrize(("end", "usual"), [("04:00:00Z", 1), ("16:30:00Z", 2)])
def test_a_price_by_the_time_of_day_is_that_of_most_hours(end: str, usual: int) -> None:
    """Of two prices a day the one of more hours is taken over, and the note names the other and its hours."""
    found = listing(rule(asked(1)), rule(asked(2), start_time="00:30:00Z", end_time=end))
    ((_, step),) = found.steps
    assert step.input_usd_per_mtok == usual
    assert f"00:30-{end[:5]} UTC: input {3 - usual}" in step.note


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ({"audio_hours": 1}, "not priced by tokens"),
        ({}, "not priced by tokens"),
        ({"input_mtok": 1, "output_image_mtok": 3}, "output_image_mtok"),
        ({"input_mtok": 0, "output_mtok": 0}, "price of 0"),
        ({"input_mtok": {"base": 1, "tiers": [{"start": 5, "price": 0}]}}, "price of 0"),
    ],
)
def test_what_is_no_text_price_is_left_with_a_reason(prices: object, reason: str) -> None:
    """Models priced by anything but text tokens, or at 0, are not taken over, and the summary says why."""
    (found,) = listings([provider(model("m", prices))])
    assert isinstance(found, Left)
    assert reason in found.reason


def test_providers_are_chosen_by_their_id_or_ours() -> None:
    """Either id chooses a provider; none chooses those the catalog has; ours is what entries say."""
    data = [provider(model("m", asked(1)), name=name) for name in ("x-ai", "openrouter")]
    assert [[row.provider for row in listings(data, chosen)] for chosen in (["xai"], ["x-ai"], ["openrouter"], [])] == [
        ["xai"], ["xai"], ["openrouter"], ["xai"],
    ]  # fmt: skip


# --- appending --------------------------------------------------------------------------------------------------------


def test_an_undated_price_begins_the_day_of_the_list() -> None:
    """A new model has one entry, of the day the list was read; a fee per thousand requests is one per request."""
    (offer,) = imported([provider(model("vendor/M 1", asked(1, requests_kcount=5)))])
    assert (offer.id, offer.valid_from, offer.request_usd) == ("api-openai-vendor-m-1", DAY, 0.005)
    assert offer.url == "https://prices.example"


def test_a_changed_price_is_a_further_entry() -> None:
    """The next list with another price appends one entry of its day; with the same price it appends none."""
    first = imported([provider(model("m", asked(1)))], on="2026-01-01")
    assert imported([provider(model("m", asked(1)))], first, on="2026-02-01") == ()
    second = imported([provider(model("m", asked(2)))], first, on="2026-03-01")
    assert history([*first, *second]) == [("2026-01-01", 1), ("2026-03-01", 2)]


def test_a_dated_price_corrects_from_the_day_after_what_it_contradicts() -> None:
    """A price stated since July stands from the day after an entry of August that says otherwise, and not before."""
    first = imported([provider(model("m", asked(1)))], on="2026-08-21")
    data = [provider(model("m", rule(asked(1)), rule(asked(0.2), start_date="2026-07-30")))]
    assert history(imported(data, first)) == [("2026-08-22", 0.2)]
    assert history(imported(data)) == [("2026-07-30", 0.2)]


def test_a_future_price_is_entered_ahead() -> None:
    """A stated change to come is an entry of its day, beside the price that holds until then."""
    data = [provider(model("m", rule(asked(1)), rule(asked(2), start_date="2027-01-01")))]
    assert history(imported(data)) == [(DAY, 1), ("2027-01-01", 2)]


def test_an_older_list_overrules_nothing_younger() -> None:
    """A list of an earlier day appends nothing that would hold over an entry of a later one."""
    newer = imported([provider(model("m", asked(2)))], on="2026-06-01")
    dated = [provider(model("m", rule(asked(0.5)), rule(asked(1), start_date="2026-01-01")))]
    assert imported([provider(model("m", asked(1)))], newer, on="2026-03-01") == ()
    assert imported(dated, newer, on="2026-03-01") == ()


days = st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)).map(dt.date.isoformat)
prices = st.integers(1, 5)


@given(lists=st.lists(st.tuples(days, prices, st.dictionaries(days, prices, max_size=3)), min_size=1, max_size=5))
def test_history_is_only_appended_to(lists: list[tuple[str, int, dict[str, int]]]) -> None:
    """Whatever lists are read in whatever order: no entry changes, no two share a day, reading twice is once.

    A list read last, and younger than all others, is what the catalog then says of its day.
    """
    offers: tuple[Offer, ...] = ()
    for day, base, steps in [*lists, ("2027-06-01", 3, {"2027-05-01": 4})]:
        rules = [rule(asked(base)), *(rule(asked(usd), start_date=on) for on, usd in sorted(steps.items()))]
        data = [provider(model("m", *rules))]
        new = imported(data, offers, on=day)
        assert not {(one.id, one.valid_from) for one in new} & {(one.id, one.valid_from) for one in offers}
        offers = (*offers, *new)
        assert imported(data, offers, on=day) == ()
    assert index(Snapshot(offers=offers)).offer("api-openai-m", "2027-06-01").input_usd_per_mtok == 4


def test_an_override_of_ours_wins_and_is_shown() -> None:
    """While an override holds, a list that contradicts it appends nothing and the summary shows both; then it does."""
    (entry,) = imported([provider(model("m", asked(2)))], on="2026-01-01")
    ours = msgspec.structs.replace(entry, valid_from="2026-02-01", basis="override", valid_to="2026-12-01")
    found = import_offers([provider(model("m", asked(1)))], [entry, ours], retrieved=DAY)
    assert found.offers == ()
    (kept,) = found.summary.kept
    assert (kept.offer, kept.on) == ("api-openai-m", DAY)
    assert ("input 2," in kept.ours, "input 1," in kept.listed) == (True, True)
    assert history(imported([provider(model("m", asked(1)))], [entry, ours], on="2026-12-01")) == [("2026-12-01", 1)]


def test_ids_stay_with_the_model_they_were_given_to() -> None:
    """An entry sold under another name keeps its id and model; a model whose own id is taken is left out."""
    known = Offer(
        id="api-openai-ours", provider="openai", kind="api", valid_from="2026-01-01", source="s", model="ours",
        note="sold as vendor/Theirs", input_usd_per_mtok=1.0,
    )  # fmt: skip
    data = [
        provider(model("vendor/Theirs", asked(2)), model("ours", asked(3)), model("old", asked(1), deprecated=True))
    ]
    found = import_offers(data, [known], retrieved=DAY)
    assert [(one.id, one.model, one.input_usd_per_mtok) for one in found.offers] == [("api-openai-ours", "ours", 2)]
    assert "sold as vendor/Theirs" in found.offers[0].note
    assert [(row.model, row.reason) for row in found.summary.left] == [
        ("ours", "the id api-openai-ours is another model's"), ("old", "deprecated"),
    ]  # fmt: skip


def test_the_summary_names_what_is_gone() -> None:
    """An id the list no longer has is named and its entries stay; other providers' ids are nobody's loss."""
    old = [*imported([provider(model("a", asked(1)))]), *imported([provider(model("b", asked(1)), name="groq")])]
    assert import_offers([provider(model("c", asked(1)))], old, retrieved=DAY).summary.gone == ("api-openai-a",)


# --- texts ------------------------------------------------------------------------------------------------------------


def test_texts_are_appended_to(tmp_path: Path) -> None:
    """What was in a file stays its beginning; what is new loads as it was imported, with source, date and licence."""
    variants = [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5}}]
    tiered = asked(1, cache_write_mtok={"base": 0.000125, "tiers": [{"start": 9, "price": 2}]})
    path = tmp_path / "slim.json"
    path.write_text(json.dumps([provider(model("v/M:1", tiered, price_variants=variants), model("true", asked(1)))]))
    before = {"api-openai.yaml": "# Ours.\noffers:\n  - {id: o, provider: openai, kind: api, source: s, "}
    before["api-openai.yaml"] += "model: m, valid_from: 2026-01-01, input_usd_per_mtok: 1}  # a remark\n"
    after = refresh_prices(str(path), DAY, before)
    assert after.texts["api-openai.yaml"].startswith(before["api-openai.yaml"])
    first, second = (offer for offer in offers_of(after.texts) if offer.id != "o")
    assert (first.model, second.model) == ("true", "v/M:1")
    assert (second.tiers[0].cache_write_usd_per_mtok, second.cache_write_usd_per_mtok) == (2, 0.000125)
    assert second.batch_input_usd_per_mtok == 0.5
    assert (second.source, second.licence) == ("pydantic/genai-prices, slim.json", "MIT")
    assert refresh_prices(str(path), DAY, after.texts).texts == after.texts


def test_a_list_read_on_two_days_is_cited_twice(tmp_path: Path) -> None:
    """Each day's list is a source of its own, and the first stays as it was."""
    path = tmp_path / "slim.json"
    texts: dict[str, str] = {}
    for day, usd in (("2026-01-01", 1), ("2026-02-01", 2)):
        path.write_text(json.dumps([provider(model("m", asked(usd)))]))
        texts = refresh_prices(str(path), day, texts).texts
    assert [texts["api-sources.yaml"].count(f"genai-prices-{day}:") for day in ("2026-01-01", "2026-02-01")] == [1, 1]
    assert "retrieved: 2026-01-01, confidence: medium" in texts["api-sources.yaml"]


def test_an_older_list_fills_the_past_and_overrules_nothing(tmp_path: Path) -> None:
    """What has no price on the day of an older list gets it, announced changes too; all other answers stay.

    Models that the younger list has no more are not brought back, and reading it twice is once.
    """
    path = tmp_path / "slim.json"
    path.write_text(json.dumps([provider(model("m", asked(3)), model("n", asked(9)))]))
    texts = refresh_prices(str(path), "2026-11-10", {}).texts
    past = rule(asked(1)), rule(asked(2), start_date="2026-09-01"), rule(asked(5), start_date="2026-12-01")
    path.write_text(json.dumps([provider(model("m", past), model("gone", asked(7)))]))
    filled = refresh_prices(str(path), "2026-08-21", texts, read="2026-11-24")
    assert filled.summary.changed == ("api-openai-m",)
    assert history([one for one in offers_of(filled.texts) if one.model == "m"]) == [
        ("2026-08-21", 1), ("2026-09-01", 2), ("2026-11-10", 3),
    ]  # fmt: skip
    before, after = (index(Snapshot(offers=offers_of(one))) for one in (texts, filled.texts))
    assert before.offers(on="2026-11-10") == after.offers(on="2026-11-10")
    assert "as_of: 2026-08-21, retrieved: 2026-11-24" in filled.texts["api-sources.yaml"]
    assert refresh_prices(str(path), "2026-08-21", filled.texts).texts == filled.texts


@pytest.mark.parametrize(
    ("content", "named"), [("[]", "no list of providers"), ("{", "cannot be read"), ('[{"id": "x"}]', "no list")]
)
def test_a_file_that_is_no_list_is_named(tmp_path: Path, content: str, named: str) -> None:
    """A price file that cannot be read, or is something else, is an error with its path and the way out."""
    path = tmp_path / "slim.json"
    path.write_text(content)
    with pytest.raises(FactError, match=named) as caught:
        refresh_prices(str(path), DAY, {})
    assert "data_slim.json" in caught.value.way_out


def test_a_date_is_needed_and_a_missing_file_named(tmp_path: Path) -> None:
    """Without a whole date nothing is imported; a path that does not exist is named."""
    with pytest.raises(FactError, match="'today' is not a date"):
        refresh_prices("genai-prices", "today", {})
    with pytest.raises(FactError, match=r"gone\.json"):
        refresh_prices(str(tmp_path / "gone.json"), DAY, {})


def test_the_package_reads_as_its_file_does() -> None:
    """The reader of the package gives the form of the JSON file: it survives JSON, and has the providers and models."""
    providers = pytest.importorskip("genai_prices.data").providers
    data = genai_read.read_package()
    assert json.loads(json.dumps(data)) == data
    assert [(one["id"], len(one["models"])) for one in data] == [(one.id, len(one.models)) for one in providers]
    assert len(list(itertools.islice(listings(data), 10))) == 10
