"""What an analyst types by mistake: told with both values and the way out, or computed with a warning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from breakeven.errors import StudyError
from breakeven.study import strain

ONE = {"servers": "1 server"}
RENT = {"fleet": ONE, "rent": {"price": "2 USD/server/h"}}
BUY = {"fleet": ONE, "purchase": {"price": "36000 USD/server", "life": "36 month"}}
TOKENS = {"requests": "10 request/s", "input_tokens": "1000 token/request"}
UNITS = {"price": "260 USD/unit/month", "capacity": "1000 token/s/unit", "units": "1 unit"}
OVERFLOW = {"overflow": {"input": "1 USD/Mtok"}}


def part(option: Mapping[str, Any], name: str, **changed: Any) -> dict[str, Any]:
    """An option with fields of one part changed."""
    return {**option, name: {**option.get(name, {}), **changed}}


PER_CENT = {
    "overhead": part(RENT, "rent", overhead=15),
    "goodput loss": part(RENT, "rent", goodput_loss=15),
    "support": part(RENT, "rent", support=15),
    "interruption": part(RENT, "rent", basis="spot", interruption=15),
    "a share of a part": {**BUY, "lines": {"care": "12 of purchase"}},
    "utilisation": part(BUY, "power", per_server="8 kW/server", tariff="0.1 USD/kWh", utilisation=60),
}


@pytest.mark.parametrize("mistake", PER_CENT)
def test_per_cent_left_out_is_refused(option: Callable[..., Any], mistake: str) -> None:
    """15 for 15 % is fifteen times, and nobody means that."""
    with pytest.raises(StudyError, match="must be between") as refused:
        option(PER_CENT[mistake])
    assert "`%` and plain numbers differ" in refused.value.way_out


POWER = {"per_server": "8 kW/server", "tariff": "0.1 USD/kWh"}
REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "PUE in per cent": (part(BUY, "power", **POWER, pue=140), "between 1 and 5"),
    "a server ratio below its parts": (
        {
            "fleet": {**ONE, "accelerators_per_server": "8 accelerator/server"},
            "power": {"per_accelerator": "700 W/accelerator", "server_ratio": 0.5, "tariff": "0.1 USD/kWh"},
        },
        "between 1 and 10",
    ),
    "a carbon price as carbon": (part(BUY, "power", **POWER, carbon="-380 gCO2/kWh"), "0 or more"),
    "a life of nothing": (part(BUY, "purchase", life="0 month", refresh=True), "1 to 600"),
    "a life of ages": (part(BUY, "purchase", life="1e9 year"), "1 to 600"),
    "half a month": (
        {"fleet": ONE, "lease": {"payment": "1 USD/server/month", "term": "1.5 month", "buyout": "1 USD"}},
        "no whole number",
    ),
    "worth that rises": (
        part(BUY, "purchase", residual_curve=[[12, "60 %"], [36, "80 %"]]),
        "rises from 60 % at age 12 months to 80 % at 36",
    ),
    "two prices from one volume": (
        {
            "api": {
                "input": "1 USD/Mtok",
                "tiers": [
                    {"above": "5 Mtok/month", "input": "0.5 USD/Mtok"},
                    {"above": "5 Mtok/month", "input": "0.4 USD/Mtok"},
                ],
            }
        },
        "two prices of input hold from 5 Mtok/month on",
    ),
    "less overflow than there is": (
        {"provisioned": {**UNITS, **OVERFLOW, "overflow_share": "10 %"}},
        "is 10 %, and the mean rate alone leaves 90.0% above the units",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_be_is_refused(option: Callable[..., Any], mistake: str) -> None:
    """Both values in the sentence, and something to do about it."""
    parts, told = REFUSED[mistake]
    with pytest.raises(StudyError) as refused:
        option(parts, demand=TOKENS)
    assert told in refused.value.message
    assert refused.value.way_out


def test_electricity_without_a_tariff_is_unpriced(option: Callable[..., Any]) -> None:
    """Unknown is unpriced, never 0; a stated 0 is a price, and a place that is paid for may hold it."""
    power = {"per_server": "10.2 kW/server"}
    assert option(part(BUY, "power", **power)).context.unpriced == ["power.tariff"]
    assert option(part(BUY, "power", **power, tariff="0 USD/kWh")).context.unpriced == []
    housed = option({**part(BUY, "power", **power), "housing": {"price": "200 USD/kW/month"}})
    assert housed.context.unpriced == []
    assert any("held in the price of the place" in told for told in housed.context.scope.warnings)


WARNED = {
    "watts for kilowatts": (part(BUY, "power", per_server="10.2 W/server", tariff="0.1 USD/kWh"), "is little for any"),
    "less contracted than drawn": (
        {**part(BUY, "power", **POWER), "housing": {"price": "200 USD/kW/month", "contracted": "5 kW"}},
        "draw 8 kW/server x 1 server, and 5 kW are contracted",
    ),
    "a short curve": (part(BUY, "purchase", residual_curve=[[12, "65 %"]]), "ends at month 12"),
    "a last time that never comes": (
        {**RENT, "lines": {"again": {"rate": "5 USD", "month": 36, "every": "12 month"}}},
        "falls due in month 36, the horizon is 36",
    ),
}


@pytest.mark.parametrize("doubt", WARNED)
def test_what_is_doubtful_is_computed_with_a_warning(option: Callable[..., Any], doubt: str) -> None:
    """The figure stands, and the sentence beside it names what was done."""
    parts, told = WARNED[doubt]
    warnings = option(parts).context.scope.warnings
    assert any(told in one for one in warnings), list(warnings)


def test_overflow_grows_with_the_demand(option: Callable[..., Any]) -> None:
    """A stated share is that of the start; where demand outgrows the units, what they cannot carry overflows."""
    growing = {**TOKENS, "requests": "1 request/s", "growth": "100 %/year"}
    over = option({"provisioned": {**UNITS, **OVERFLOW, "overflow_share": "10 %"}}, demand=growing).context.figures
    shares = over["overflow_share"].amount.values[0]
    assert shares[0] == pytest.approx(0.1)
    assert shares[35] == pytest.approx(1 - 2 ** (-35 / 12))


def test_a_fleet_that_is_too_small_is_not_chosen(evaluated: Callable[..., Any]) -> None:
    """Of two rents the cheaper cannot carry the demand: it has no price per request, and says in which month."""
    fleet = {"servers": "1 server", "capacity": "5 request/s/server"}
    found = evaluated(
        {
            "demand": {"requests": "4 request/s", "growth": "100 %/year"},
            "options": {
                "small": {**RENT, "fleet": fleet},
                "large": {**RENT, "fleet": {**fleet, "servers": "9 server"}},
            },
        }
    )
    assert strain.overloaded(found.option("small")).all()
    assert not strain.overloaded(found.option("large")).any()
    [told] = strain.warnings(found.option("small"))
    assert "takes 101 % of what its fleet carries in month 5" in told
    assert np.isnan(found.named("small.cost_per_request").amount.scalar)
    assert found.named("large.cost_per_request").amount.scalar > 0
