"""What a study is warned of, and what its inputs and names may not be: one sentence each, at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from breakeven.config.study.file import StudyFile
from breakeven.errors import ConfigError, StudyError
from breakeven.study.compute import compute
from breakeven.study.expect import check

RENT = {"fleet": {"servers": "1 server"}, "rent": {"price": "= price"}}
BODY: Mapping[str, Any] = {"inputs": {"price": "2 USD/server/h"}, "options": {"a": RENT}}


@pytest.fixture
def warnings(study_of: Callable[..., StudyFile], shipped: Any) -> Callable[..., tuple[str, ...]]:
    """What a study with these sections is warned of."""

    def found(**sections: Any) -> tuple[str, ...]:
        return compute(study_of({**BODY, **sections}), shipped).warnings

    return found


def priced(**more: Any) -> dict[str, Any]:
    """The study's one price, with a day or a range of its own."""
    return {"price": {"value": "2 USD/server/h", **more}}


AGES = {"2024-12-31": "366 days old (limit 365)", "2026-02-01": "after the study's prices of 2026-01-01"}


@pytest.mark.parametrize("day", AGES)
def test_an_own_price_tells_its_age(warnings: Callable[..., tuple[str, ...]], day: str) -> None:
    """Older than a year, or of a day to come: used, and warned of; a year old and younger is fresh."""
    assert any(AGES[day] in one for one in warnings(inputs=priced(as_of=day)))
    assert warnings(inputs=priced(as_of="2025-01-01")) == ()


def test_an_old_rate_tells_its_age(warnings: Callable[..., tuple[str, ...]]) -> None:
    """Money of other countries moves faster than prices: ninety days."""
    rate = {"from": "EUR", "to": "USD", "rate": 1.1, "source": "a bank"}
    inputs = {"price": "2 EUR/server/h"}
    [told] = warnings(inputs=inputs, fx=[{**rate, "as_of": "2025-10-02"}])
    assert "rate is of 2025-10-02, 91 days old (limit 90)" in told
    assert warnings(inputs=inputs, fx=[{**rate, "as_of": "2025-10-03"}]) == ()


def test_an_offer_tells_its_age(warnings: Callable[..., tuple[str, ...]]) -> None:
    """A catalog price is used with its age where it is older than prices of its kind keep."""
    rent = {"offer": "lambda-h100-sxm-8x-on-demand"}
    rented = {"options": {"a": {"fleet": {"servers": "1 server"}, "rent": rent}}, "inputs": {}}
    assert warnings(**rented, as_of="2026-04-01") == ()
    [told] = warnings(**rented, as_of="2026-11-20")
    assert "price is of 2026-03-16, 249 days old (limit 90)" in told


def test_an_input_that_nothing_uses_is_told(warnings: Callable[..., tuple[str, ...]]) -> None:
    """A misspelt name would vanish otherwise; rules, variants, grids and expectations are uses."""
    idle = {**BODY["inputs"], "prise": "3 USD/server/h"}
    assert warnings(inputs=idle) == ("the input `prise` is used by nothing",)
    assert warnings(inputs=idle, variants={"dear": {"prise": 4}}) == ()
    assert warnings(inputs=idle, grid={"prise": [3, 4]}) == ()


UNREAD = {"banana": "is no quantity", "5 kUSD": "write `1000 USD`"}


@pytest.mark.parametrize("value", UNREAD)
def test_an_input_that_nothing_uses_is_read_all_the_same(warnings: Callable[..., tuple[str, ...]], value: str) -> None:
    """A mistake in it is a mistake."""
    with pytest.raises(StudyError) as refused:
        warnings(inputs={**BODY["inputs"], "idle": value})
    assert UNREAD[value] in f"{refused.value.message} {refused.value.way_out}"
    assert refused.value.path == ("inputs", "idle")


def test_a_pair_the_wrong_way_round_says_whose_rate_it_is(warnings: Callable[..., tuple[str, ...]]) -> None:
    """Who needs less capital has a rate too: that of not buying."""
    buy = {"fleet": {"servers": "1 server"}, "purchase": {"price": "9000 USD/server", "life": "36 month"}}
    both = {"buy": buy, "a": RENT}
    assert warnings(options=both, pairs=[["buy", "a"]]) == ()
    assert "the cost of not buying" in warnings(options=both, pairs=[["a", "buy"]])[0]


def test_an_error_of_a_variant_names_it(warnings: Callable[..., tuple[str, ...]]) -> None:
    """It stands at the variant, not at the input that it changes."""
    with pytest.raises(StudyError, match=r"variant `cheap`: .*a price is not negative") as refused:
        warnings(variants={"cheap": {"price": "-2 USD/server/h"}})
    assert refused.value.path == ("variants", "cheap")


WRONG: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a variant named as a point of the grid": (
        {"variants": {"price=3": {"price": 4}}, "grid": {"price": [3, 5]}},
        "`price=3` is a point of the grid, and another variant or point",
    ),
    "two values for one month": ({"inputs": priced(steps=[[13, 1], [13, 5]])}, "`steps` states month 13 twice"),
    "endless": ({"inputs": {"price": "1e308 USD/server/h"}}, "larger than anything that is counted"),
    "no time": ({"inputs": {"price": "2 USD/server"}}, "an amount per time is needed"),
    "a trend of nothing": ({"inputs": priced(trend=3)}, "says neither per what time nor that it is in per cent"),
    "two counts of one thing": (
        {"options": {"a": {**RENT, "fleet": {"servers": "1 server", "counts": {"more": "5 server"}}}}},
        "`fleet.servers` and `fleet.counts.more` both say how many servers there are",
    ),
    "more accelerators than the servers hold": (
        {
            "options": {
                "a": {
                    "fleet": {
                        "servers": "1 server",
                        "accelerators_per_server": "8 accelerator/server",
                        "accelerators": "100 accelerator",
                    },
                    "rent": {"price": "2 USD/accelerator/h"},
                }
            },
            "inputs": {},
        },
        "has 100 accelerator, and its servers hold 1 server x 8 accelerator/server",
    ),
    "a fact that loses what it is per": (
        {
            "options": {"a": {"lines": {"staff": {"fact": "assumption/staff_loaded", "unit": "USD/year"}}}},
            "inputs": {},
        },
        "",
    ),
    "a rule in another currency": (
        {
            "rules": {
                "r": {
                    "claim": "c",
                    "holds": "a.total > 0 * price * hour",
                    "vary": "price",
                    "low": "1 EUR/server/h",
                    "high": 3,
                }
            }
        },
        "state a dated rate",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_contradicts_itself_is_refused(warnings: Callable[..., tuple[str, ...]], case: str) -> None:
    """Two values for one thing: neither wins in silence."""
    sections, told = WRONG[case]
    with pytest.raises((StudyError, ConfigError, ValueError)) as refused:
        warnings(**sections)
    assert told in str(refused.value)


def test_an_expectation_of_nothing_is_no_expectation(study_of: Callable[..., StudyFile], shipped: Any) -> None:
    """Infinite values and allowances would always pass; an unknown name is told with where names are listed."""
    for endless in ({"value": float("inf")}, {"value": 1, "within": float("inf")}):
        with pytest.raises(ValueError, match="finite"):
            study_of({**BODY, "expected": [{"name": "a.total", "published": "p", **endless}]})
    unknown = study_of({**BODY, "expected": [{"name": "a.totl", "value": 1, "published": "p"}]})
    with pytest.raises(StudyError) as refused:
        check(unknown, shipped)
    assert "a.total" in refused.value.way_out
    assert refused.value.path == ("expected", 0)


def test_no_demand_has_no_price_and_is_no_error(study_of: Callable[..., StudyFile], shipped: Any) -> None:
    """Nothing is served: costs stand, prices per request do not."""
    found = compute(study_of({**BODY, "demand": {"requests": "0 request/day"}}), shipped)
    assert found.base.options[0].total == pytest.approx(2 * 730 * 36)
    assert {level.unit_cost for level in found.levels} == {None}


def test_every_study_says_what_would_change_it(study_of: Callable[..., StudyFile], shipped: Any) -> None:
    """Without a single draw: the price at which the decision flips is that at which both cost the same."""
    other = {"fleet": {"servers": "1 server"}, "rent": {"price": "3 USD/server/h"}}
    found = compute(study_of({**BODY, "options": {"a": RENT, "b": other}}), shipped)
    at = {turn.name: (turn.at, turn.winner) for turn in found.turns}
    assert at["price"][0] == pytest.approx(3)
    assert at["price"][1] == "b"
    assert at["b.rent.price"][0] == pytest.approx(2)
    assert compute(study_of(BODY), shipped).turns == ()
