"""Token prices as integers, and the charge of one request: the part of the cost engine the gateway uses."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from breakeven.errors import FactError
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.offer import Offer, PriceTier
from breakeven.schema.policy import TokenPrice, TokenTier
from breakeven.schema.record import Tokens

TOKENS_PER_MTOK = 10**6
PICO_PER_TOKEN = PICO_PER_USD // TOKENS_PER_MTOK
"""1 USD per million tokens is exactly 1e6 pico-USD per token."""
PARTS = ("input", "cached_input", "cache_write", "output")
"""What a request is priced by; a field of an offer is `<part>_usd_per_mtok` or `batch_<part>_usd_per_mtok`."""

Prices = dict[str, int | None]


def token_price(offer: Offer, *, batch: bool = False) -> TokenPrice:
    """The offer's prices in pico-USD per token, halves to even; what the offer does not state stays None (unpriced).

    With `batch`, each part at its batch price, at the standard one where no batch price is stated for it; an offer
    that states no batch price at all is not sold so, and all of it is unpriced.

    Raises:
        FactError: a price is negative or not finite.
    """
    entry = f"{offer.id}@{offer.valid_from}"
    if batch and not _sold_in_batches(offer):
        return TokenPrice(price_id=f"{entry}#batch")
    base = {part: _stated(offer, part, entry, batch=batch) for part in PARTS}
    return TokenPrice(
        price_id=f"{entry}#batch" if batch else entry,
        request_pico_usd=_pico(offer.request_usd, f"{entry}/request_usd", PICO_PER_USD),
        tiers=_tiers(offer, base, entry, batch=batch),
        **_named(base),
    )


def charge_pico_usd(price: TokenPrice, tokens: Tokens, *, cache_write: int = 0) -> int | None:
    """The charge of one request in pico-USD; None when a component it needs is unpriced.

    charge = (input - cached - written) x input price + cached x cached price + written x cache write price
    + output x output price + price per request, all prices those of the last tier that `tokens.input` exceeds.
    `tokens.input` includes `cached_input` and the `cache_write` tokens, `tokens.output` includes `reasoning`. Cached
    and written tokens cost the full input price where no price of their own is stated; a component of zero tokens
    needs no price; no request price is no such fee.

    Never give it the tokens of several requests together: the tier is that of one request (see `offer_at`).
    """
    step: TokenPrice | TokenTier = price
    for tier in price.tiers:
        if tokens.input <= tier.above_input_tokens:
            break
        step = tier
    full, answer, total = step.input_pico_usd, step.output_pico_usd, price.request_pico_usd
    if full is None and answer is None and total is None:
        return None
    total = total or 0
    if tokens.input > 0:
        part = _input_charge(step, tokens, cache_write)
        if part is None:
            return None
        total += part
    if tokens.output > 0:
        return None if answer is None else total + answer * tokens.output
    return total


def offer_at(offer: Offer, input_tokens: float) -> Offer:
    """The offer as a request of that many input tokens is priced by it: the prices of its tier, and no tiers.

    Totals over requests of about this length may be multiplied with its prices; with tiers they may not.
    """
    changes: dict[str, float] = {}
    for tier in offer.tiers:
        if input_tokens > tier.above_input_tokens:
            changes |= {field: getattr(tier, field) for field in stated_in(tier)}
    return msgspec.structs.replace(offer, tiers=(), **changes) if offer.tiers else offer


def stated_in(tier: PriceTier) -> tuple[str, ...]:
    """The price fields that a tier states."""
    return tuple(field for field in tier.__struct_fields__[1:] if getattr(tier, field) is not None)


def price_field(offer: Offer, field: str, input_tokens: float) -> str:
    """Which figure of the offer prices a request of that many input tokens: `field`, or `tiers/<above>/<field>`."""
    for tier in reversed(offer.tiers):
        if input_tokens > tier.above_input_tokens and getattr(tier, field, None) is not None:
            return f"tiers/{tier.above_input_tokens}/{field}"
    return field


def _input_charge(step: TokenPrice | TokenTier, tokens: Tokens, cache_write: int) -> int | None:
    """The charge of a request's input, of which some was read from a cache and some written to one."""
    full, total = step.input_pico_usd, 0
    fresh = tokens.input
    for count, own in ((tokens.cached_input, step.cached_input_pico_usd), (cache_write, step.cache_write_pico_usd)):
        if count > 0 and own is not None:
            part = min(count, fresh)
            fresh -= part
            total += part * own
    if fresh <= 0:
        return total
    return None if full is None else total + full * fresh


def _sold_in_batches(offer: Offer) -> bool:
    return any(getattr(offer, f"batch_{part}_usd_per_mtok") is not None for part in PARTS)


def _tiers(offer: Offer, base: Prices, entry: str, *, batch: bool) -> tuple[TokenTier, ...]:
    found, below = [], base
    for tier in sorted(offer.tiers, key=lambda one: one.above_input_tokens):
        place = f"{entry}/tiers/{tier.above_input_tokens}"
        below = {part: _step(offer, tier, part, place, below[part], batch=batch) for part in PARTS}
        found.append(TokenTier(above_input_tokens=tier.above_input_tokens, **_named(below)))
    return tuple(found)


def _step(offer: Offer, tier: PriceTier, part: str, place: str, below: int | None, *, batch: bool) -> int | None:
    """A tier's price of a part, of the batch where the offer states a batch price of it; else what is below."""
    own = batch and getattr(offer, f"batch_{part}_usd_per_mtok") is not None
    field = f"batch_{part}_usd_per_mtok" if own else f"{part}_usd_per_mtok"
    found = _pico(getattr(tier, field), f"{place}/{field}", PICO_PER_TOKEN)
    return below if found is None else found


def _stated(offer: Offer, part: str, entry: str, *, batch: bool) -> int | None:
    for field in (f"batch_{part}_usd_per_mtok", f"{part}_usd_per_mtok")[0 if batch else 1 :]:
        found = _pico(getattr(offer, field), f"{entry}/{field}", PICO_PER_TOKEN)
        if found is not None:
            return found
    return None


def _named(prices: Prices) -> Prices:
    return {f"{part}_pico_usd": value for part, value in prices.items()}


def _pico(price_usd: float | None, key: str, scale: int) -> int | None:
    if price_usd is None:
        return None
    exact = Decimal(str(price_usd))
    if not exact.is_finite() or exact < 0:
        message = f"{key}: a price must be finite and not negative, got {price_usd}"
        raise FactError(message, "leave the price out if it is unknown: what is unpriced is None, not a number")
    return int((exact * scale).to_integral_value(ROUND_HALF_EVEN))
