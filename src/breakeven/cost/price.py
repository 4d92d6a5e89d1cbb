"""Token prices as integers, and the charge of one request: the part of the cost engine the gateway uses."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from breakeven.quantity import PICO_PER_USD, pico_from_usd
from breakeven.schema.offer import Offer
from breakeven.schema.policy import TokenPrice
from breakeven.schema.record import Tokens

TOKENS_PER_MTOK = 10**6
PICO_PER_TOKEN = PICO_PER_USD // TOKENS_PER_MTOK
"""1 USD per million tokens is exactly 1e6 pico-USD per token."""


def token_price(offer: Offer) -> TokenPrice:
    """The offer's prices in pico-USD per token, halves to even; what the offer does not state stays None (unpriced).

    Raises:
        ValueError: a price is not finite.
    """
    return TokenPrice(
        price_id=offer.id,
        input_pico_usd=_per_token(offer.input_usd_per_mtok),
        cached_input_pico_usd=_per_token(offer.cached_input_usd_per_mtok),
        output_pico_usd=_per_token(offer.output_usd_per_mtok),
        request_pico_usd=None if offer.request_usd is None else pico_from_usd(offer.request_usd),
    )


def charge_pico_usd(price: TokenPrice, tokens: Tokens) -> int | None:
    """The charge of one request in pico-USD; None when a component it needs is unpriced.

    charge = (input - cached) x input price + cached x cached price + output x output price + price per request.
    `tokens.input` includes `cached_input`, `tokens.output` includes `reasoning`. Cached tokens cost the full input
    price where no cached price is stated; a component of zero tokens needs no price; no request price is no such fee.
    """
    cached = min(tokens.cached_input, tokens.input)
    cached_price = price.input_pico_usd if price.cached_input_pico_usd is None else price.cached_input_pico_usd
    parts = (
        _component(price.input_pico_usd, tokens.input - cached),
        _component(cached_price, cached),
        _component(price.output_pico_usd, tokens.output),
    )
    total = price.request_pico_usd or 0
    for part in parts:
        if part is None:
            return None
        total += part
    return None if _says_nothing(price) else total


def _per_token(usd_per_mtok: float | None) -> int | None:
    if usd_per_mtok is None:
        return None
    exact = Decimal(str(usd_per_mtok))
    if not exact.is_finite():
        message = f"a price per million tokens must be finite, got {usd_per_mtok}"
        raise ValueError(message)
    return int((exact * PICO_PER_TOKEN).to_integral_value(ROUND_HALF_EVEN))


def _component(pico_per_token: int | None, tokens: int) -> int | None:
    if tokens <= 0:
        return 0
    return None if pico_per_token is None else pico_per_token * tokens


def _says_nothing(price: TokenPrice) -> bool:
    return price.input_pico_usd is None and price.output_pico_usd is None and price.request_pico_usd is None
