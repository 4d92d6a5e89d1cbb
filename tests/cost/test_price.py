"""Laws of token prices and charges."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cost.price import charge_pico_usd, offer_at, price_field, token_price
from breakeven.errors import FactError
from breakeven.schema.offer import Offer, PriceTier
from breakeven.schema.policy import TokenPrice, TokenTier
from breakeven.schema.record import Tokens

counts = st.integers(0, 10**7)
pico = st.integers(0, 10**9)


def offer(**prices: object) -> Offer:
    return Offer(id="api-x-y", provider="x", kind="api", valid_from="2026-01-01", source="test", **prices)


def price(**prices: int | None) -> TokenPrice:
    return TokenPrice(price_id="api-x-y", **prices)


@st.composite
def token_counts(draw: st.DrawFn) -> Tokens:
    total = draw(counts)
    return Tokens(input=total, cached_input=draw(st.integers(0, total)), output=draw(counts))


@given(mtok_micro_usd=st.integers(0, 10**9))
def test_price_is_exact(mtok_micro_usd: int) -> None:
    """A price in whole micro-USD per million tokens converts to pico-USD per token without rounding."""
    compiled = token_price(offer(input_usd_per_mtok=mtok_micro_usd / 1e6))
    assert compiled.input_pico_usd == mtok_micro_usd


def test_one_usd_per_mtok_is_a_million_pico() -> None:
    """1 USD/Mtok is 1e6 pico-USD per token, and a million tokens cost one dollar."""
    compiled = token_price(offer(input_usd_per_mtok=1.0, output_usd_per_mtok=1.0))
    assert compiled.input_pico_usd == 10**6
    assert charge_pico_usd(compiled, Tokens(input=10**6)) == 10**12


@given(first=token_counts(), second=token_counts(), p=st.tuples(pico, pico, pico))
def test_charge_is_additive(first: Tokens, second: Tokens, p: tuple[int, int, int]) -> None:
    """Without a fee per request, the charge of two requests is the charge of their tokens together."""
    known = price(input_pico_usd=p[0], cached_input_pico_usd=p[1], output_pico_usd=p[2])
    both = Tokens(
        input=first.input + second.input,
        cached_input=first.cached_input + second.cached_input,
        output=first.output + second.output,
    )
    one, two = charge_pico_usd(known, first), charge_pico_usd(known, second)
    assert one is not None
    assert two is not None
    assert charge_pico_usd(known, both) == one + two


@given(tokens=token_counts(), low=pico, rise=pico)
def test_charge_is_monotone_in_price(tokens: Tokens, low: int, rise: int) -> None:
    """A dearer price never charges less."""
    cheap = charge_pico_usd(price(input_pico_usd=low, output_pico_usd=low), tokens)
    dear = charge_pico_usd(price(input_pico_usd=low + rise, output_pico_usd=low + rise), tokens)
    assert cheap is not None
    assert dear is not None
    assert cheap <= dear


@given(tokens=token_counts(), p=pico)
def test_cached_without_a_price_costs_full_input(tokens: Tokens, p: int) -> None:
    """Cached tokens cost the full input price when no cached price is stated."""
    assert charge_pico_usd(price(input_pico_usd=p, output_pico_usd=0), tokens) == p * tokens.input


@given(tokens=token_counts())
def test_unpriced_is_never_zero(tokens: Tokens) -> None:
    """An offer without any price charges None, whatever the tokens, and so does a needed component without one."""
    assert charge_pico_usd(token_price(offer()), tokens) is None
    if tokens.output:
        assert charge_pico_usd(price(input_pico_usd=5), tokens) is None


def test_zero_tokens_need_no_price() -> None:
    """A component without tokens needs no price; an embedding has no output price and is priced."""
    assert charge_pico_usd(price(input_pico_usd=7), Tokens(input=3)) == 21


def test_a_fee_per_request_is_added_once() -> None:
    """The price per request is charged once, on top of the tokens, and may stand alone."""
    assert charge_pico_usd(price(input_pico_usd=7, request_pico_usd=100), Tokens(input=3)) == 121
    assert charge_pico_usd(token_price(offer(request_usd=0.005)), Tokens()) == 5 * 10**9


def test_more_cached_than_input_counts_as_all_cached() -> None:
    """A provider that reports more cached than input tokens is charged for the input at most."""
    known = price(input_pico_usd=10, cached_input_pico_usd=1)
    assert charge_pico_usd(known, Tokens(input=5, cached_input=9)) == 5


@pytest.mark.parametrize("bad", [math.inf, math.nan, -0.01])
@pytest.mark.parametrize("field", ["input_usd_per_mtok", "batch_output_usd_per_mtok", "request_usd"])
def test_an_impossible_price_is_refused(field: str, bad: float) -> None:
    """A price that is negative or not finite is refused: the error names entry, field, value and way out."""
    with pytest.raises(FactError, match=f"api-x-y@2026-01-01/{field}.*{bad}") as caught:
        token_price(offer(**{"batch_input_usd_per_mtok": 1.0, field: bad}), batch="batch" in field)
    assert "leave" in caught.value.way_out


TIERED = offer(
    input_usd_per_mtok=2.0,
    cached_input_usd_per_mtok=0.2,
    output_usd_per_mtok=10.0,
    batch_input_usd_per_mtok=1.0,
    tiers=(
        PriceTier(above_input_tokens=1000, input_usd_per_mtok=4.0, batch_input_usd_per_mtok=2.0),
        PriceTier(above_input_tokens=5000, output_usd_per_mtok=15.0),
    ),
)


@pytest.mark.parametrize(
    ("count", "paid"), [(1000, 1000 * 2 + 10 * 10), (1001, 1001 * 4 + 10 * 10), (5001, 5001 * 4 + 10 * 15)]
)
def test_a_tier_prices_the_whole_request(count: int, paid: int) -> None:
    """Above a tier's length all tokens pay its prices, at it none; what it does not state stays as below it."""
    assert charge_pico_usd(token_price(TIERED), Tokens(input=count, output=10)) == paid * 10**6


@given(count=st.integers(1, 10_000), output=counts)
def test_an_offer_at_a_length_charges_as_its_tiers_do(count: int, output: int) -> None:
    """The offer flattened at a request's length charges that request what the tiered offer charges it."""
    tokens = Tokens(input=count, cached_input=count // 3, output=output)
    flat = offer_at(TIERED, count)
    assert flat.tiers == ()
    assert charge_pico_usd(token_price(flat), tokens) == charge_pico_usd(token_price(TIERED), tokens)


@given(count=st.integers(0, 10_000), tenth=st.integers(0, 10), more=st.integers(1, 1000))
def test_more_tokens_never_cost_less(count: int, tenth: int, more: int) -> None:
    """Input and output each raise the charge, over the edge of a tier too where its prices are not lower."""
    known, cached = token_price(TIERED), count * tenth // 10
    charges = [
        charge_pico_usd(known, Tokens(input=count + extra, cached_input=cached, output=extra)) for extra in (0, more)
    ]
    assert charges[0] is not None
    assert charges[1] is not None
    assert charges[0] < charges[1]


@given(tokens=token_counts())
def test_reading_a_cache_never_costs_more(tokens: Tokens) -> None:
    """Where the cached price is at most the input price, cached tokens cost at most what fresh ones do."""
    known = token_price(TIERED)
    cached, fresh = (
        charge_pico_usd(known, tokens),
        charge_pico_usd(known, Tokens(input=tokens.input, output=tokens.output)),
    )
    assert cached is not None
    assert fresh is not None
    assert cached <= fresh


@given(total=counts, read=counts, written=counts, p=st.tuples(pico, pico, pico))
def test_input_is_split_without_loss(total: int, read: int, written: int, p: tuple[int, int, int]) -> None:
    """Read, written and fresh tokens add up to the input: at one price for all three the split does not show."""
    tokens = Tokens(input=total, cached_input=read)
    same = price(input_pico_usd=p[0], cached_input_pico_usd=p[0], cache_write_pico_usd=p[0])
    assert charge_pico_usd(same, tokens, cache_write=written) == p[0] * total
    own = price(input_pico_usd=p[0], cached_input_pico_usd=p[1], cache_write_pico_usd=p[2])
    known = charge_pico_usd(own, tokens, cache_write=written)
    assert known is not None
    assert min(p) * total <= known <= max(p) * total


@given(tokens=token_counts(), written=counts)
def test_writing_a_cache_without_a_price_costs_full_input(tokens: Tokens, written: int) -> None:
    """Tokens written to a cache cost the input price where no price of writing is stated."""
    known = token_price(offer(input_usd_per_mtok=3.0, output_usd_per_mtok=9.0))
    assert charge_pico_usd(known, tokens, cache_write=written) == charge_pico_usd(known, tokens)


def test_a_batch_has_its_own_prices() -> None:
    """In a batch, parts with a batch price pay it, in their tier too, and the others the standard price."""
    batch = token_price(TIERED, batch=True)
    assert charge_pico_usd(batch, Tokens(input=1000, output=10)) == (1000 * 1 + 10 * 10) * 10**6
    assert charge_pico_usd(batch, Tokens(input=2000, cached_input=500)) == int((1500 * 2 + 500 * 0.2) * 10**6)
    assert batch.price_id != token_price(TIERED).price_id


def test_what_is_not_sold_in_batches_is_unpriced_in_one() -> None:
    """An offer without any batch price charges None for a batch, never its standard price."""
    known = offer(input_usd_per_mtok=3.0, output_usd_per_mtok=9.0)
    assert charge_pico_usd(token_price(known, batch=True), Tokens(input=1)) is None


def test_an_unpriced_part_of_a_tier_is_unpriced() -> None:
    """A part no tier prices stays None in every tier."""
    known = offer(input_usd_per_mtok=1.0, tiers=(PriceTier(above_input_tokens=9, input_usd_per_mtok=2.0),))
    assert charge_pico_usd(token_price(known), Tokens(input=10)) == 20 * 10**6
    assert charge_pico_usd(token_price(known), Tokens(input=10, output=1)) is None


def test_a_free_offer_charges_nothing() -> None:
    """Stated prices of 0 charge 0, which is not None."""
    known = offer(input_usd_per_mtok=0.0, output_usd_per_mtok=0.0, free=True)
    assert charge_pico_usd(token_price(known), Tokens(input=10, output=1)) == 0


@pytest.mark.parametrize(
    ("field", "count", "found"),
    [
        ("input_usd_per_mtok", 1000, "input_usd_per_mtok"),
        ("input_usd_per_mtok", 5001, "tiers/1000/input_usd_per_mtok"),
        ("output_usd_per_mtok", 5001, "tiers/5000/output_usd_per_mtok"),
        ("cached_input_usd_per_mtok", 5001, "cached_input_usd_per_mtok"),
        ("request_usd", 5001, "request_usd"),
    ],
)
def test_a_price_names_the_figure_it_is(field: str, count: int, found: str) -> None:
    """The figure named for a length is the one the flattened offer holds."""
    assert price_field(TIERED, field, count) == found


def test_a_policy_keeps_tiers_and_says_nothing_of_none() -> None:
    """A compiled price survives JSON, and one without tiers writes none."""
    known = token_price(TIERED)
    assert msgspec.json.decode(msgspec.json.encode(known), type=TokenPrice) == known
    assert known.tiers[-1] == TokenTier(
        above_input_tokens=5000, input_pico_usd=4 * 10**6, cached_input_pico_usd=200_000, output_pico_usd=15 * 10**6
    )
    assert b"tiers" not in msgspec.json.encode(price(input_pico_usd=1))
