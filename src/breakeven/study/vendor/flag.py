"""Red flags of a proposal: what its words leave out, and what its figures say against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from breakeven.catalog.check_peer import PEER_SHARE, PEERS
from breakeven.catalog.scope import per_accelerator
from breakeven.quantity import format_seconds
from breakeven.schema.comparison import Flag, LevelCost, Tone
from breakeven.schema.noun import Figure
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor.age import Aged, aged
from breakeven.study.vendor.case import OFFER, Asked
from breakeven.study.vendor.cost import per_token, unpriced_things
from breakeven.study.vendor.currency import billed
from breakeven.study.vendor.latency import SHARES, Speed

ENOUGH = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the flags are raised from."""

    asked: Asked
    found: Evaluated
    speed: Speed
    levels: tuple[LevelCost, ...]
    month: Figure
    without_minimum: Figure | None
    exit: Figure
    exit_months: Figure
    credit: Figure
    licences: tuple[str, ...]
    budget_s: float | None


def flags(seen: Seen) -> tuple[Flag, ...]:
    """Every flag, the bad ones first."""
    found = [flag for raise_ in RAISED for flag in raise_(seen)]
    return tuple(sorted(found, key=lambda flag: flag.tone))


def _flag(kind: str, text: str, tone: Tone = "bad") -> Flag:
    return Flag(kind=kind, tone=tone, text=text)


def promises(seen: Seen) -> Iterator[Flag]:
    """No latency or availability promised; credits that pay nothing."""
    sla = seen.asked.proposal.sla
    if sla.p95 is None and sla.p99 is None:
        yield _flag("missing_slo", "No latency is promised: neither p95 nor p99.")
    if sla.availability is None:
        yield _flag("missing_slo", "No availability is promised.")
    if seen.credit.value is None:
        yield _flag("empty_credit", "A broken promise pays nothing that is stated.", "warn")
    elif seen.credit.value <= 0:
        yield _flag("empty_credit", "The credits for a broken promise cannot exceed nothing.")


def broken(seen: Seen) -> Iterator[Flag]:
    """Measured slower than promised."""
    promised = seen.speed.promised()
    for level in seen.asked.workload.levels:
        measured = seen.speed.measured(level)
        for name in SHARES:
            one, other = measured.seconds.get(name), promised.seconds.get(name)
            if one is not None and other is not None and one > other * (1 + ENOUGH):
                told = f"{name} of {format_seconds(one)} was measured at {level}"
                yield _flag("promise_missed", f"{told}, above the promised {format_seconds(other)}.")


def unpriced(seen: Seen) -> Iterator[Flag]:
    """Egress and features that are needed and have no price."""
    for thing in unpriced_things(seen.asked, seen.found):
        kind = f"missing_{thing.replace(' ', '_')}"
        yield _flag(kind, f"The workload needs {thing}, and the proposal neither prices nor includes it.")


def capacity(seen: Seen) -> Iterator[Flag]:
    """Shared capacity without a word on peaks; scaling without a time; a cold start above the budget; a low limit."""
    chain, scope = seen.asked.proposal.chain, seen.found.scope
    if chain.capacity is None:
        yield _flag("capacity_unknown", "Whether capacity is dedicated or shared is not said.", "warn")
    if chain.capacity != "dedicated" and chain.at_peak is None:
        yield _flag("multiplexed_without_peak", "Capacity is or may be shared, and what happens at peak is not said.")
    if chain.at_peak == "autoscale" and chain.autoscale_time is None:
        yield _flag("autoscale_without_time", "It scales at peak, and does not say how fast.")
    cold = scope.wanted(chain.cold_start, "s", "chain", "cold_start")
    if cold is not None and seen.budget_s is not None and cold.amount.scalar > seen.budget_s:
        told = f"A cold start of {cold.text} is above the budget of {format_seconds(seen.budget_s)}."
        yield _flag("cold_start", told, "warn")


def slow(seen: Seen) -> Iterator[Flag]:
    """Levels at which the budget is missed, or the load does not fit."""
    for level in seen.levels:
        if level.within is False:
            yield _flag("budget_missed", f"{level.per_1000_useful.note or level.latency.note}.")


def tokens(seen: Seen) -> Iterator[Flag]:
    """Tokens counted by another rule than the workload's, or by none that is stated."""
    counting = seen.asked.proposal.counting
    if not per_token(seen.found):
        return
    if counting is None:
        yield _flag("tokens_counted", "It is priced by the token, and does not say how tokens are counted.")
    elif abs(counting.factor - 1) > ENOUGH:
        told = f"It counts {counting.factor:g} tokens for one of the workload's ({counting.rule}); costs hold that."
        yield _flag("tokens_counted", told, "warn")


def licence(seen: Seen) -> Iterator[Flag]:
    """A licence that does not say per what."""
    for told in seen.licences:
        yield _flag("licence_unit", f"The licence {told} does not say per what: accelerator, server or organisation.")


def minimum(seen: Seen) -> Iterator[Flag]:
    """A minimum above what the use alone would cost."""
    whole, used = seen.month.value, seen.without_minimum.value if seen.without_minimum else None
    if whole is not None and used is not None and whole > used * (1 + ENOUGH):
        currency = seen.asked.workload.currency
        told = f"Its minimum lifts a month from {used:,.2f} to {whole:,.2f} {currency}: it is above the expected spend."
        yield _flag("minimum_above_spend", told)


def dates(seen: Seen) -> Iterator[Flag]:
    """Prices without a date, no longer valid, too old, or of a day to come."""
    proposal, today = seen.asked.proposal, seen.asked.workload.as_of
    if proposal.date is None:
        yield _flag("price_without_date", f"The prices have no date; they are taken as of {today}.")
    if proposal.valid_until is not None and proposal.valid_until < today:
        yield _flag("price_expired", f"The prices held until {proposal.valid_until}, before {today}.")
    for one in aged(seen.asked, seen.found):
        if one.state == "future":
            yield _flag("price_in_future", f"{one.what} of {one.date}, after {today}: not in force yet.")
        elif one.state == "stale":
            yield _stale(one, proposal.valid_until or "", today)


def _stale(one: Aged, until: str, today: str) -> Flag:
    """Old prices want an answer, unless the vendor says that they still hold."""
    told = f"{one.what} of {one.date}, {one.days:,} days old (limit {one.limit})"
    if until >= today:
        return _flag("price_stale", f"{told}, though the vendor lets them hold until {until}.", "warn")
    return _flag("price_stale", f"{told}: have them confirmed.")


def spot(seen: Seen) -> Iterator[Flag]:
    """A spot price posed as on demand: by its own words, or far below its peers."""
    rent = seen.asked.option.rent
    if rent is None or rent.basis == "spot":
        return
    offer = seen.asked.catalog.offer(rent.offer, seen.found.scope.on) if rent.offer and rent.price is None else None
    said = rent.price.basis if rent.price is not None else offer.term if offer else ""
    if said == "spot":
        yield _flag("spot_as_on_demand", f"The rent is a spot price, and the proposal calls it {rent.basis}.")
    elif rent.basis == "on_demand" and (far := _far_below(seen)):
        yield _flag("spot_as_on_demand", far)


def _far_below(seen: Seen) -> str:
    """A sentence where the rent is under two fifths of the catalog's median for that accelerator."""
    proposal, scope = seen.asked.proposal, seen.found.scope
    price = _per_accelerator_hour(seen)
    if not proposal.accelerator or price is None:
        return ""
    offers = seen.asked.catalog.offers(on=scope.on, kind="accelerator_hour", accelerator=proposal.accelerator)
    peers = [per_accelerator(one) for one in offers if one.term == "on_demand" and one.usd_per_hour]
    if len(peers) < PEERS or price >= PEER_SHARE * median(peers):
        return ""
    return f"{price:.2f} USD per accelerator-hour on demand, peers' median {median(peers):.2f}: likely a spot price."


def _per_accelerator_hour(seen: Seen) -> float | None:
    rent, scope = seen.asked.option.rent, seen.found.scope
    if rent is None or rent.price is None:
        return None
    known = scope.read(rent.price, "options", OFFER, "rent", "price")
    each = seen.found.option(OFFER).context.fleet.per_server
    for text, share in (("USD/accelerator/h", 1.0), ("USD/server/h", each.amount.scalar if each else 0.0)):
        unit = scope.unit(text)
        if known is not None and share and known.amount.dims == unit.dims:
            return float(known.amount.scalar) / unit.factor / share
    return None


def lock_in(seen: Seen) -> Iterator[Flag]:
    """Leaving that is dear, or that nobody has priced."""
    months, most = seen.exit_months.value, seen.asked.workload.lock_in_months
    if seen.exit.value is None:
        yield _flag("exit_unknown", f"What leaving costs is not known ({seen.exit.note}).", "warn")
    elif months is not None and months > most:
        yield _flag("lock_in", f"Leaving costs {months:.3g} months of spend, above the {most:g} that are accepted.")


def money(seen: Seen) -> Iterator[Flag]:
    """A bill in another currency than the comparison's."""
    asked, own = seen.asked, seen.asked.workload.currency
    found = {asked.proposal.currency} if asked.proposal.currency else set(billed(asked, seen.found.scope))
    if others := sorted(found - {own}):
        yield _flag("currency", f"It is billed in {' and '.join(others)}; the rate to {own} is yours to carry.", "warn")


def regions(seen: Seen) -> Iterator[Flag]:
    """Data that would leave the regions it must stay in."""
    for told in misplaced(seen.asked):
        yield _flag("data_locality", told)


def misplaced(asked: Asked) -> tuple[str, ...]:
    """Why the proposal cannot keep the data where it must stay; empty where it can, or may be anywhere.

    Names are compared whole, upper and lower case alike: `eu-west-2` is not known to be in `eu`.
    """
    wanted, offered = asked.workload.regions, asked.proposal.regions
    if not wanted:
        return ()
    if not offered:
        return (f"Data must stay in {', '.join(wanted)}, and the proposal names no region.",)
    if not {_plain(region) for region in offered} & {_plain(region) for region in wanted}:
        return (f"Data must stay in {', '.join(wanted)}, and the proposal offers {', '.join(offered)}.",)
    return ()


def _plain(region: str) -> str:
    return region.strip().casefold()


RAISED: tuple[Callable[[Seen], Iterator[Flag]], ...] = (
    promises,
    broken,
    slow,
    unpriced,
    capacity,
    tokens,
    licence,
    minimum,
    dates,
    spot,
    lock_in,
    money,
    regions,
)
