"""What one request cost: its tokens at the compiled price, and its share of owned capacity by work."""

from __future__ import annotations

from math import ceil

from breakeven.cost.price import charge_pico_usd
from breakeven.gateway.decision.event import Observed
from breakeven.metric.energy import energy_kwh
from breakeven.metric.work import time_share_s, work_s
from breakeven.schema.noun import Basis, Noun
from breakeven.schema.policy import CapacityPrice, PolicyDeployment, TokenPrice, TokenTier
from breakeven.schema.record import Tokens

BYTES_PER_TOKEN = 4
"""Assumed where a server counts nothing: about four bytes of English text a token."""


class Consumption(Noun, frozen=True, kw_only=True):
    """What the provider consumed, and how it is known. `busy_s` is how long the attempt took; None is unknown."""

    tokens: Tokens = Tokens()
    basis: Basis = "measured"
    rows: int = 0
    in_flight: float = 0.0
    busy_s: float | None = None
    happened: bool = False


class Charge(Noun, frozen=True, kw_only=True):
    """The money and energy of one request; None is unpriced or unknown, never 0."""

    cost_pico_usd: int | None = 0
    price_id: str = ""
    basis: Basis = "derived"
    work_s: float | None = None
    energy_kwh: float | None = None
    energy_basis: Basis = "unknown"
    billable: Tokens = Tokens()
    priced: Tokens = Tokens()


def consumption(
    observed: Observed, *, text: bool, body_bytes: int, rows: int, busy_s: float | None = None
) -> Consumption:
    """Tokens as the server counted them, else an estimate from bytes and chunks, marked assumed.

    An attempt that the server did not accept consumed nothing.
    """
    if not observed.accepted:
        return Consumption()
    if observed.usage is not None or not text:
        tokens, basis = observed.usage or Tokens(), "measured"
    else:
        tokens, basis = Tokens(input=-(-body_bytes // BYTES_PER_TOKEN), output=observed.chunks), "assumed"
    return Consumption(
        tokens=tokens,
        basis="measured" if basis == "measured" else "assumed",
        rows=rows,
        in_flight=observed.in_flight,
        busy_s=busy_s,
        happened=True,
    )


def worst_pico_usd(deployment: PolicyDeployment, *, input_tokens: int, output_tokens: int, rows: int) -> int:
    """What a request can cost at most in pico-USD, given bounds of its tokens; unpriced parts count as 0.

    Each token at the highest price of any tier and any kind of input; capacity alone on its replica, where a request's
    work is greatest.
    """
    total = _capacity_pico_usd(deployment, input_tokens, output_tokens, rows)
    price = deployment.tokens
    if price is None:
        return total
    steps: tuple[TokenPrice | TokenTier, ...] = (price, *price.tiers)
    kinds = [(one.input_pico_usd or 0, one.cached_input_pico_usd or 0, one.cache_write_pico_usd or 0) for one in steps]
    read, written = max(map(max, kinds)), max(one.output_pico_usd or 0 for one in steps)
    return total + (price.request_pico_usd or 0) + read * input_tokens + written * output_tokens


def estimated_pico_usd(deployment: PolicyDeployment, *, input_tokens: int, output_tokens: int, rows: int) -> int | None:
    """What a request likely costs in pico-USD; None where the deployment is unpriced."""
    if deployment.tokens is None and deployment.capacity is None:
        return None
    direct: int | None = 0
    if deployment.tokens is not None:
        direct = charge_pico_usd(deployment.tokens, Tokens(input=input_tokens, output=output_tokens))
    return None if direct is None else direct + _capacity_pico_usd(deployment, input_tokens, output_tokens, rows)


def marginal_pico_usd(deployment: PolicyDeployment, *, input_tokens: int, output_tokens: int) -> int | None:
    """What one more request adds to the bill, in pico-USD: its tokens; None where the deployment is unpriced.

    A replica that stands is paid for whether it is asked or not, so that its capacity adds nothing.
    """
    if deployment.tokens is None:
        return None if deployment.capacity is None else 0
    return charge_pico_usd(deployment.tokens, Tokens(input=input_tokens, output=output_tokens))


def _capacity_pico_usd(deployment: PolicyDeployment, input_tokens: int, output_tokens: int, rows: int) -> int:
    if deployment.capacity is None or deployment.work is None:
        return 0
    alone = work_s(deployment.work, input_tokens=input_tokens, output_tokens=output_tokens, rows=rows, in_flight=1.0)
    return ceil(alone * deployment.capacity.pico_usd_per_replica_s)


def charge(deployment: PolicyDeployment, used: Consumption) -> Charge:
    """Price a consumption: (token charge) + (work x price of a replica-second), both where the deployment has them.

    A deployment with neither is unpriced. Capacity without a work curve is charged by the time the request shared with
    others in flight, on the basis "assumed".
    """
    if not used.happened:
        return Charge()
    direct = None if deployment.tokens is None else charge_pico_usd(deployment.tokens, used.tokens)
    work = _work_s(deployment, used)
    share = _share(deployment.capacity, work)
    billable = used.tokens if deployment.tokens else Tokens()
    joules = _energy(deployment.capacity, work)
    cost = _total(deployment, direct, share)
    guessed = used.basis == "assumed" or (deployment.capacity is not None and deployment.work is None)
    basis: Basis = "assumed" if guessed else "derived"
    return Charge(
        cost_pico_usd=cost,
        price_id=_price_id(deployment),
        basis="unknown" if cost is None else basis,
        work_s=work,
        energy_kwh=joules,
        energy_basis="unknown" if joules is None else basis,
        billable=billable,
        priced=billable if direct is not None else Tokens(),
    )


def _work_s(deployment: PolicyDeployment, used: Consumption) -> float | None:
    replicas = deployment.capacity.replicas if deployment.capacity else 1
    in_flight = used.in_flight / max(1, replicas)
    if deployment.work is None:
        return None if used.busy_s is None or deployment.capacity is None else time_share_s(used.busy_s, in_flight)
    return work_s(
        deployment.work,
        input_tokens=used.tokens.input - used.tokens.cached_input,
        output_tokens=used.tokens.output,
        rows=used.rows,
        in_flight=in_flight,
    )


def _share(capacity: CapacityPrice | None, work: float | None) -> int | None:
    return None if capacity is None or work is None else round(work * capacity.pico_usd_per_replica_s)


def _energy(capacity: CapacityPrice | None, work: float | None) -> float | None:
    if capacity is None or capacity.power_busy_w is None or work is None:
        return None
    return energy_kwh(capacity.power_busy_w, work)


def _total(deployment: PolicyDeployment, direct: int | None, share: int | None) -> int | None:
    wanted = [part for part, has in ((direct, deployment.tokens), (share, deployment.capacity)) if has is not None]
    known = [part for part in wanted if part is not None]
    return sum(known) if wanted and len(known) == len(wanted) else None


def _price_id(deployment: PolicyDeployment) -> str:
    return "+".join(price.price_id for price in (deployment.tokens, deployment.capacity) if price is not None)
