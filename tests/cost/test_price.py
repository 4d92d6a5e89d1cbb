"""Laws of token prices and charges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cost.price import charge_pico_usd, token_price
from breakeven.schema.offer import Offer
from breakeven.schema.policy import TokenPrice
from breakeven.schema.record import Tokens

counts = st.integers(0, 10**7)
pico = st.integers(0, 10**9)


def offer(**prices: float | None) -> Offer:
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


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_non_finite_price_is_refused(bad: float) -> None:
    """A price that is not finite is refused, not turned into a number."""
    with pytest.raises(ValueError, match="finite"):
        token_price(offer(input_usd_per_mtok=bad))
