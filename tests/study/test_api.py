"""Tokens and requests at a provider's price: cache, batch, discounts, tiers, minimums and offers, against hand sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import StudyError

MTOK = 1e-6
"""USD/Mtok in USD/token, the unit of draws."""
CHAT = {
    "requests": "10000 request/month",
    "input_tokens": "100 Mtok/month",
    "cached_input_tokens": "40 %",
    "output_tokens": "50 Mtok/month",
}
TIERS = ({"above": "500 Mtok/month", "input": "0.5 USD/Mtok"}, {"above": "2000 Mtok/month", "input": "0.2 USD/Mtok"})
prices = st.floats(0, 50)
volumes = st.floats(0, 5000)
shares = st.floats(0, 1)


def months(costed):
    """Month 1 by line."""
    return {flow.name: costed.months_of(flow)[0] for flow in costed.flows}


def read(option, volume, **api):
    """Month 1 of so many Mtok of input."""
    return option({"api": api}, demand={"input_tokens": f"{volume} Mtok/month"}).first_month[0]


def in_tiers(volume, bands):
    """The definition: each part of a volume pays the price of the band it lies in."""
    ends = [bound for bound, _ in bands[1:]] + [math.inf]
    return sum(
        price * max(0.0, min(volume, end) - bound) for (bound, price), end in zip(sorted(bands), ends, strict=True)
    )


def test_each_kind_of_token_has_its_price(option):
    """60 Mtok read anew at 1, 40 from the cache at 0.1, 50 written at 4, 10,000 requests at 0.002 USD."""
    api = {
        "input": "1 USD/Mtok",
        "cached_input": "0.1 USD/Mtok",
        "output": "4 USD/Mtok",
        "request": "0.002 USD/request",
    }
    found = option({"api": api}, demand=CHAT)
    assert months(found) == pytest.approx(
        {"input_tokens": 60, "cached_input_tokens": 4, "output_tokens": 200, "requests": 20}
    )
    assert found.total[0] == pytest.approx(36 * 284)


def test_a_cache_without_a_price_of_its_own_is_read_at_the_price_of_input(option):
    """Input costs the same however much of it is cached, where the provider has no price for that."""
    api = {"input": "1 USD/Mtok", "output": "4 USD/Mtok"}
    cached = option({"api": api}, demand=CHAT)
    assert cached.first_month[0] == pytest.approx(300)
    assert months(cached)["cached_input_tokens"] == pytest.approx(40)


def test_tokens_may_be_stated_per_request(option):
    """10,000 requests of 1,500 and 300 tokens are 15 and 3 Mtok; thinking and samples are output."""
    demand = {"requests": "10000 request/month", "input_tokens": "1500 token/request"}
    demand |= {"output_tokens": "200 token/request", "reasoning_tokens": "100 token/request", "samples": 2}
    found = option({"api": {"input": "2 USD/Mtok", "output": "10 USD/Mtok"}}, demand=demand)
    assert months(found) == pytest.approx({"input_tokens": 30, "output_tokens": 60})


@given(volumes, volumes, shares, prices, prices, prices)
def test_a_bill_is_the_sum_of_volumes_times_prices(option, read_, written, cached, fresh_price, cache_price, price):
    """No line is lost and none counts twice: fresh, cached and written tokens, each once."""
    api = {
        "input": f"{fresh_price} USD/Mtok",
        "cached_input": f"{cache_price} USD/Mtok",
        "output": f"{price} USD/Mtok",
    }
    demand = {
        "input_tokens": f"{read_} Mtok/month",
        "cached_input_tokens": cached,
        "output_tokens": f"{written} Mtok/month",
    }
    found = option({"api": api}, demand=demand)
    assert found.first_month[0] == pytest.approx(
        read_ * ((1 - cached) * fresh_price + cached * cache_price) + written * price, abs=1e-9
    )
    assert found.first_month[0] == pytest.approx(math.fsum(months(found).values()), rel=1e-12)


@given(shares, shares, shares)
def test_batch_and_discount_leave_a_share_of_every_price(option, batch, saved, discount):
    """(1 - batch share x batch discount) x (1 - discount) of what it cost without either."""
    api = {"input": "1 USD/Mtok", "output": "4 USD/Mtok", "request": "0.002 USD/request"}
    reduced = {**api, "batch_share": batch, "batch_discount": saved, "discount": discount}
    whole, left = (months(option({"api": one}, demand=CHAT)) for one in (api, reduced))
    for name, cost in whole.items():
        assert left[name] == pytest.approx(cost * (1 - batch * saved) * (1 - discount), abs=1e-9), name


def test_half_of_the_traffic_at_half_the_price(option):
    """300 USD; half of it sent as batch at 50 % off is 225, and 10 % off that 202.50."""
    api = {"input": "1 USD/Mtok", "output": "4 USD/Mtok", "batch_share": "50 %", "batch_discount": "50 %"}
    assert option({"api": api}, demand=CHAT).first_month[0] == pytest.approx(225)
    assert option({"api": {**api, "discount": "10 %"}}, demand=CHAT).first_month[0] == pytest.approx(202.5)


@pytest.mark.parametrize(
    ("volume", "cost"), [(0, 0), (400, 400), (500, 500), (700, 600), (2000, 1250), (3000, 1250 + 200)]
)
def test_a_tier_charges_the_volume_above_its_bound(option, volume, cost):
    """500 Mtok at 1, the next 1,500 at 0.5, the rest at 0.2 USD: no volume is charged anew at the next price."""
    assert read(option, volume, input="1 USD/Mtok", tiers=TIERS) == pytest.approx(cost)


@given(volumes, st.lists(st.tuples(st.floats(1, 4000), prices), min_size=1, max_size=3), prices, st.randoms())
def test_tiers_are_what_each_band_costs(option, volume, tiers, base, random):
    """Any number of tiers, rising or falling, in whatever order they stand in the file."""
    tiers = list(dict(tiers).items())
    bands = sorted([(0.0, base), *tiers])
    random.shuffle(tiers)
    stated = tuple({"above": f"{bound} Mtok/month", "input": f"{price} USD/Mtok"} for bound, price in tiers)
    found = read(option, volume, input=f"{base} USD/Mtok", tiers=stated)
    assert found == pytest.approx(in_tiers(volume, bands), rel=1e-9, abs=1e-9)


@given(st.sampled_from([500.0, 2000.0]), st.floats(1e-6, 1))
def test_no_cost_jumps_at_the_bound_of_a_tier(option, bound, more):
    """A little more than the bound costs a little more, at the price of the tier; a little less at the one before."""
    api = {"input": "1 USD/Mtok", "tiers": TIERS}
    at, above, below = (read(option, volume, **api) for volume in (bound, bound + more, bound - more))
    before, after = {500.0: (1.0, 0.5), 2000.0: (0.5, 0.2)}[bound]
    assert above - at == pytest.approx(after * more, rel=1e-4, abs=1e-9)
    assert at - below == pytest.approx(before * more, rel=1e-4, abs=1e-9)


@given(volumes, volumes)
def test_more_tokens_never_cost_less_and_never_more_each(option, volume, more):
    """With falling tiers the bill rises with the volume, and the price of a token falls."""
    api = {"input": "1 USD/Mtok", "tiers": TIERS}
    small, large = read(option, volume, **api), read(option, volume + more, **api)
    assert large >= small * (1 - 1e-12)
    assert large * volume <= small * (volume + more) * (1 + 1e-9) + 1e-9


def test_a_tier_concerns_the_tokens_it_prices(option):
    """Each kind of token fills its own tiers: output above 20 Mtok is cheaper, however little input there is."""
    tiers = ({"above": "20 Mtok/month", "output": "3 USD/Mtok"},)
    api = {"input": "1 USD/Mtok", "cached_input": "0.1 USD/Mtok", "output": "4 USD/Mtok", "tiers": tiers}
    found = months(option({"api": api}, demand=CHAT))
    assert found == pytest.approx(
        {"input_tokens": 60, "cached_input_tokens": 4, "output_tokens": 20 * 4 + 30 * 3},
    )


def test_growing_traffic_reaches_its_tier_when_it_does(option):
    """Each month is charged on its own volume."""
    demand = {"input_tokens": "400 Mtok/month", "growth": "50 %/month"}
    found = option({"api": {"input": "1 USD/Mtok", "tiers": TIERS}}, months=6, demand=demand)
    bands = [(0.0, 1.0), (500.0, 0.5), (2000.0, 0.2)]
    assert found.cash[0, 1:] == pytest.approx([in_tiers(400 * 1.5**month, bands) for month in range(6)])


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_a_minimum_tops_up_what_is_missing(option, volume, least):
    """The month costs the larger of use and minimum; the difference is a line, and none where nothing is missing."""
    api = {"input": "1 USD/Mtok", "minimum": f"{least} USD/month"}
    found = option({"api": api}, demand={"input_tokens": f"{volume} Mtok/month"})
    assert found.first_month[0] == pytest.approx(max(volume, least), abs=1e-9)
    assert months(found)["input_tokens"] == pytest.approx(volume, abs=1e-9)
    missing = months(found).get("minimum_commitment", 0.0)
    assert missing == pytest.approx(max(0.0, least - volume), abs=1e-9)
    assert missing > 0 or "minimum_commitment" not in months(found)


def test_a_minimum_is_held_against_each_month(option):
    """What one month uses beyond the minimum does not count for another."""
    demand = {"input_tokens": "100 Mtok/month", "growth": "100 %/month"}
    found = option({"api": {"input": "1 USD/Mtok", "minimum": "300 USD/month"}}, months=4, demand=demand)
    assert found.cash[0, 1:] == pytest.approx([300, 300, 400, 800])


def test_what_is_missing_to_a_minimum_rests_on_all_it_is_computed_from(option):
    """The line names the minimum and the prices of what was used."""
    api = {"input": "1 USD/Mtok", "output": "4 USD/Mtok", "minimum": "1000 USD/month"}
    found = option({"api": api}, demand=CHAT)
    line = next(flow for flow in found.flows if flow.name == "minimum_commitment")
    ends = {fact.removeprefix("study/made-up/options.it.api.") for fact in line.facts}
    assert {"input", "output", "minimum"} <= ends


@given(shares)
def test_an_option_pays_for_the_share_it_serves(option, share):
    """A share of the demand costs that share of the bill."""
    api = {"input": "1 USD/Mtok", "output": "4 USD/Mtok"}
    whole, part = option({"api": api}, demand=CHAT), option({"api": api, "share": share}, demand=CHAT)
    assert part.first_month[0] == pytest.approx(share * whole.first_month[0], abs=1e-9)


def test_a_price_changes_when_it_says_so(option):
    """Steps and trends are prices of their month."""
    price = {"value": "1 USD/Mtok", "steps": ((3, "0.5 USD/Mtok"),)}
    demand = {"input_tokens": "100 Mtok/month"}
    assert option({"api": {"input": price}}, months=4, demand=demand).cash[0, 1:] == pytest.approx([100, 100, 50, 50])
    falling = option({"api": {"input": {"value": "1 USD/Mtok", "trend": "-40 %/year"}}}, months=13, demand=demand)
    assert falling.cash[0, 13] == pytest.approx(60)


@pytest.mark.parametrize(
    ("on", "cost"), [("2025-05-01", 100 * 10 + 50 * 40), ("2025-07-01", 60 * 2 + 40 * 0.5 + 50 * 8)]
)
def test_an_offer_costs_what_it_did_on_the_day(option, on, cost):
    """The price of o3 fell in June 2025, and got one for cached input; the fact names the entry."""
    found = option({"api": {"offer": "api-openai-o3"}}, demand=CHAT, as_of=on)
    assert found.first_month[0] == pytest.approx(cost)
    began = "2025-04-16" if on < "2025-06-10" else "2025-06-10"
    assert f"offer/api-openai-o3@{began}/input_usd_per_mtok" in found.flows[0].facts


def test_stated_prices_override_those_of_the_offer(option):
    """What the contract says comes first, field by field."""
    api = {"offer": "api-openai-o3", "output": "1 USD/Mtok"}
    found = months(option({"api": api}, demand=CHAT, as_of="2025-07-01"))
    assert found == pytest.approx({"input_tokens": 120, "cached_input_tokens": 20, "output_tokens": 50})


def test_an_offer_in_dollars_needs_a_rate_in_another_currency(option):
    """Currencies never meet without a dated rate."""
    parts = {"api": {"offer": "api-openai-o3"}}
    with pytest.raises(StudyError, match="USD") as failed:
        option(parts, demand=CHAT, as_of="2025-07-01", currency="EUR")
    assert "fx" in failed.value.way_out
    rate = {"from": "USD", "to": "EUR", "rate": 0.5, "as_of": "2025-07-01", "source": "made up"}
    found = option(parts, demand=CHAT, as_of="2025-07-01", currency="EUR", fx=(rate,))
    assert found.first_month[0] == pytest.approx(540 / 2)


@settings(max_examples=20)
@given(st.lists(st.tuples(prices, volumes), min_size=2, max_size=4))
def test_many_draws_at_once_are_what_they_are_one_at_a_time(option, evaluated, draws):
    """Drawn price and volume, with tiers and a minimum: each row is the study of that draw."""
    api = {"tiers": TIERS, "minimum": "700 USD/month"}

    def body(price, volume):
        it = {"api": {**api, "input": f"{price} USD/Mtok"}}
        return {"demand": {"input_tokens": f"{volume} Mtok/month"}, "options": {"it": it}}

    study = evaluated(body(1, 100))
    flow = study.scope.unit("Mtok/month").factor
    drawn = {
        "options.it.api.input": np.array([price * MTOK for price, _ in draws]),
        "demand.input_tokens": np.array([volume * flow for _, volume in draws]),
    }
    together = evaluated(body(1, 100), drawn).option("it").present
    alone = [evaluated(body(price, volume)).option("it").present[0] for price, volume in draws]
    assert together == pytest.approx(alone, rel=1e-9)


def test_a_drawn_cache_holds_at_most_all_input(evaluated):
    """Where draws put more tokens into the cache than are read, all of them are cached, and none is paid back."""
    demand = {"input_tokens": "100 Mtok/month", "cached_input_tokens": "80 Mtok/month"}
    body = {
        "demand": demand,
        "options": {"it": {"api": {"input": "1 USD/Mtok", "cached_input": "0.1 USD/Mtok"}}},
    }
    flow = evaluated(body).scope.unit("Mtok/month").factor
    found = evaluated(body, {"demand.input_tokens": np.array([100.0, 50.0]) * flow}).option("it")
    assert found.first_month == pytest.approx([20 + 8, 5])


@pytest.mark.parametrize(
    ("api", "missing"),
    [
        ({"input": "1 USD/Mtok"}, "output_tokens of api"),
        ({"output": "1 USD/Mtok", "request": "1 USD/request"}, "input_tokens of api"),
        ({"input": {"value": None}, "output": "1 USD/Mtok"}, "api.input"),
        ({"input": "1 USD/Mtok", "output": "1 USD/Mtok", "minimum": {"value": None}}, "api.minimum"),
        ({"offer": "azure-nd96isr-v5-h100-on-demand"}, "input_tokens of api"),
    ],
    ids=str,
)
def test_tokens_without_a_price_leave_the_option_unpriced(evaluated, api, missing):
    """What nobody has priced is never free: it is named, and the option is in no ranking."""
    study = evaluated({"demand": CHAT, "as_of": "2026-01-01", "options": {"it": {"api": api}}})
    assert missing in study.option("it").context.unpriced
    assert study.priced() == ()


def test_a_price_by_the_request_prices_the_tokens_too(evaluated):
    """Where only requests have a price, tokens need none."""
    study = evaluated({"demand": CHAT, "options": {"it": {"api": {"request": "0.01 USD/request"}}}})
    assert not study.option("it").context.unpriced
    assert months(study.option("it")) == pytest.approx({"requests": 100})


BAD = [
    ({"input": "-1 USD/Mtok"}, "`api.input` of option `it` is -1 USD/Mtok: a price is not negative", "negative rate"),
    ({"input": "1 USD"}, "options.it.api.input_tokens: ", "check what its unit is per"),
    ({"input": "1 EUR/Mtok"}, "1 EUR/Mtok is in EUR, and the study is in USD", "fx"),
    ({"batch_share": "50 %"}, "`batch_share` without `batch_discount`", "state both"),
    ({"batch_discount": "50 %"}, "`batch_discount` without `batch_share`", "state both"),
    ({"batch_share": 50, "batch_discount": "50 %"}, "is 50, and must be between 0 and 100 %", "`%`"),
    ({"discount": "120 %"}, "is 120 %, and must be between 0 and 100 %", "`%`"),
    ({"discount": "5 USD"}, "is in USD, and a plain number is needed", ""),
    ({"tiers": ({"above": "5 USD", "input": "1 USD/Mtok"},)}, "is in USD, and token/s is needed", ""),
    ({"tiers": ({"above": "-5 Mtok/month", "input": "1 USD/Mtok"},)}, "is -5 Mtok/month, and must be 0 or more", ""),
    ({"tiers": ({"above": "5 Mtok/month", "input": "-1 USD/Mtok"},)}, "-1 USD/Mtok: a price is not negative", ""),
    ({"minimum": "5 USD"}, "api.minimum: the minimum is in USD, and USD/s is needed", "per time"),
    ({"minimum": "5 USD/request"}, "the minimum is in USD/request, and USD/s is needed", ""),
    ({"offer": "api-openai-o4711"}, "api-openai-o4711", ""),
    ({"offer": "api-openai-o3"}, "'api-openai-o3' has no price on 2024-01-01; its entries hold 2025-04-16", "date"),
]


@pytest.mark.parametrize(("api", "told", "way_out"), BAD, ids=[told for _, told, _ in BAD])
def test_what_no_provider_can_mean_is_refused(option, api, told, way_out):
    """One sentence names the quantity and what it meets, another the way out; the path is where it stands."""
    priced = {} if "offer" in api else {"input": "1 USD/Mtok", "output": "4 USD/Mtok"}
    with pytest.raises(StudyError) as failed:
        option({"api": {**priced, **api}}, demand=CHAT, as_of="2024-01-01")
    assert told in failed.value.message
    assert failed.value.way_out
    assert way_out in failed.value.way_out
    assert failed.value.path[:3] == ("options", "it", "api")


@pytest.mark.parametrize("demand", [{}, {"requests": "100 request/month"}])
def test_an_api_without_anything_to_charge_for_is_refused(option, demand):
    """Prices of tokens for a demand without tokens would be free: the option says what to state."""
    with pytest.raises(StudyError, match="has nothing to charge for") as failed:
        option({"api": {"input": "1 USD/Mtok"}}, demand=demand)
    assert failed.value.path == ("options", "it", "api")
    assert "tokens" in failed.value.way_out


def test_a_cache_that_holds_more_than_is_read_is_refused(option):
    """Cached input is a part of input: both volumes are told."""
    demand = {"input_tokens": "10 Mtok/month", "cached_input_tokens": "20 Mtok/month"}
    with pytest.raises(StudyError) as failed:
        option({"api": {"input": "1 USD/Mtok"}}, demand=demand)
    assert "(20 Mtok/month) are more than input tokens (10 Mtok/month)" in failed.value.message
    assert failed.value.path == ("demand", "cached_input_tokens")
