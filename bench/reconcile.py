"""Fault classes of tracking and billing, injected into generated months: are they found, named right, and valued right?

    python bench/reconcile.py --seeds 20 --json

A month has 30 days of some hundred requests to two models with daily and weekly rhythm, prompt caches, a share of
failed requests, and a provider that books by the end of a request and rounds each line to millionths of a dollar. Each
fault is put into a month of its own, and every month is also read without one: a class that matters there is a false
alarm. Faults of tracking are told from events against predictions, and from a cut-over in the middle of the month.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from breakeven.assembly.downstream import of_events
from breakeven.assembly.migrating import of_rows
from breakeven.assembly.reconciling import Scope, of_snapshot
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.invoice.mapped import Columns
from breakeven.ledger.invoice.table import side
from breakeven.ledger.snapshot import of_records
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction, Tokens

DAY_S, DAYS = 86_400, 30
START_S = 1_790_812_800  # 2026-10-01 UTC
RATES = {"small": (150_000, 75_000, 600_000), "large": (2_500_000, 1_250_000, 10_000_000)}
"""Pico-USD per uncached, cached and output token."""
COLUMNS = Columns(
    time="time", bucket="hour", model="model", calls="requests", input_tokens="input", cached_input_tokens="cached",
    output_tokens="output", cost="usd", batch="batch",
)  # fmt: skip


@dataclass
class Call:
    """One request at the provider, and what the ledger wrote of it."""

    id: str
    time_s: float
    model: str
    uncached: int
    cached: int
    output: int
    lag_s: float
    failed: bool = False
    batch: bool = False
    billed: int | None = None
    copies: int = 1
    logged: Prediction | None = None

    @property
    def cost(self) -> int:
        """At the list price."""
        return sum(
            rate * n for rate, n in zip(RATES[self.model], (self.uncached, self.cached, self.output), strict=True)
        )


@dataclass
class Month:
    """Requests, and what a fault should show: class, reason, pico-USD (gross)."""

    calls: list[Call]
    kind: str = ""
    pico_usd: int = 0
    shift_h: float = 0.0
    extra: list[Prediction] = field(default_factory=list)


def month(rng: random.Random, per_day: int) -> Month:
    """A clean month, with a day before and after it."""
    calls: list[Call] = []
    for day in range(-1, DAYS + 1):
        weekly = 1.0 if (day + 3) % 7 < 5 else 0.55
        for _ in range(round(per_day * weekly * rng.lognormvariate(0, 0.15))):
            hour = next(hour for hour in iter(lambda: rng.gauss(14, 4.5), None) if 0 <= hour < 23.99)
            calls.append(_call(rng, len(calls), START_S + day * DAY_S + hour * 3600))
    calls.sort(key=lambda one: one.time_s)
    for at, call in enumerate(calls):
        call.logged = _logged(call, at)
    return Month(calls)


def _call(rng: random.Random, number: int, time_s: float) -> Call:
    tokens = max(20, round(rng.lognormvariate(6.5, 0.8)))
    cached = round(tokens * rng.uniform(0.3, 0.9)) if rng.random() < 0.4 else 0
    return Call(
        id=f"req-{number:06d}", time_s=time_s, model="large" if rng.random() < 0.3 else "small",
        uncached=tokens - cached, cached=cached, output=max(1, round(rng.lognormvariate(5, 0.7))),
        lag_s=rng.uniform(0.3, 20), failed=rng.random() < 0.01,
    )  # fmt: skip


def _logged(call: Call, at: int) -> Prediction:
    tokens = Tokens(input=call.uncached + call.cached, cached_input=call.cached, output=call.output)
    plain = Prediction(
        prediction_id=f"p-{call.id}", request_id=call.id, node="gw", sequence=at, time_s=call.time_s, use_case="chat",
        model=call.model, deployment=call.model, placement="api", consumed=tokens, billable=tokens, priced=tokens,
        cost_pico_usd=call.cost, total_s=call.lag_s, tokens_basis="measured", cost_basis="derived",
        subject=f"s{at % 97}", consent="denied" if at % 11 == 0 else "granted",
    )  # fmt: skip
    if call.failed:
        return msgspec.structs.replace(
            plain, status="failed", deployment="", consumed=Tokens(), billable=Tokens(), cost_pico_usd=0
        )
    return plain


def _inside(call: Call) -> bool:
    return START_S <= call.time_s < START_S + DAYS * DAY_S


def _some(found: Month, rng: random.Random, share: float) -> list[Call]:
    inside = [one for one in found.calls if _inside(one) and not one.failed and one.logged is not None]
    return rng.sample(inside, max(1, round(share * len(inside))))


def not_logged(found: Month, rng: random.Random) -> None:
    """Nine provider requests, eight logs."""
    chosen = _some(found, rng, 1 / 9)
    for call in chosen:
        call.logged = None
    found.kind, found.pico_usd = "missing", sum(one.cost for one in chosen)


def cached_as_full(found: Month, _rng: random.Random) -> None:
    """The ledger charges cached tokens at the full price."""
    for call in found.calls:
        if call.logged is not None and not call.failed:
            price = RATES[call.model]
            wrong = call.cost + (price[0] - price[1]) * call.cached
            call.logged = msgspec.structs.replace(call.logged, cost_pico_usd=wrong)
            found.pico_usd += (wrong - call.cost) * _inside(call)
    found.kind = "cached_tokens"


def cached_unseen(found: Month, rng: random.Random) -> None:
    """The ledger sees no cached tokens at all."""
    cached_as_full(found, rng)
    for call in found.calls:
        if call.logged is not None and not call.failed:
            tokens = Tokens(input=call.uncached + call.cached, output=call.output)
            call.logged = msgspec.structs.replace(call.logged, consumed=tokens, billable=tokens)


def duplicate_rows(found: Month, rng: random.Random) -> None:
    """The same request written twice, under another prediction id."""
    chosen = _some(found, rng, 0.05)
    for at, call in enumerate(chosen):
        assert call.logged is not None
        again = {"prediction_id": f"again-{at}", "sequence": 10**6 + at, "time_s": call.time_s + 1.0}
        found.extra.append(msgspec.structs.replace(call.logged, **again))
    found.kind, found.pico_usd = "duplicate", sum(one.cost for one in chosen)


def zero_rows(found: Month, rng: random.Random) -> None:
    """Rows that cost $0 although tokens were taken."""
    chosen = _some(found, rng, 0.06)
    for call in chosen:
        assert call.logged is not None
        call.logged = msgspec.structs.replace(call.logged, cost_pico_usd=0)
    found.kind, found.pico_usd = "price", sum(one.cost for one in chosen)


def batch_unwritten(found: Month, rng: random.Random) -> None:
    """Batch spend that never reaches the ledger, at half the price."""
    for at in range(round(0.08 * len(found.calls))):
        call = _call(rng, 900_000 + at, START_S + rng.uniform(0.1, DAYS - 0.1) * DAY_S)
        call = replace(call, batch=True, failed=False, billed=call.cost // 2)
        found.calls.append(call)
        found.pico_usd += call.billed or 0
    found.kind = "missing"


def late(found: Month, rng: random.Random) -> None:
    """Four days whose last requests are booked on the next."""
    for day in rng.sample(range(1, DAYS - 1, 3), 4):
        mine = [one for one in found.calls if (one.time_s - START_S) // DAY_S == day and not one.failed]
        for call in mine[-len(mine) // 5 :]:
            call.lag_s = (day + 1) * DAY_S + rng.uniform(600, 9000) - (call.time_s - START_S)
            found.pico_usd += call.cost
    found.kind = "late"


def out_of_order(found: Month, rng: random.Random) -> None:
    """Booked hours before they were asked for."""
    chosen = [one for one in _some(found, rng, 0.04) if (one.time_s - START_S) % DAY_S > 5 * 3600]
    for call in chosen:
        call.lag_s = -rng.uniform(1800, 4 * 3600)
    found.kind, found.pico_usd = "out_of_order", sum(one.cost for one in chosen)


def other_clock(found: Month, rng: random.Random) -> None:
    """The export's days are those of another zone."""
    found.shift_h = rng.choice([-8.0, -5.0, 2.0, 5.5, 9.0])
    found.kind = "timezone"
    found.pico_usd = -1


def price_rise(found: Month, rng: random.Random) -> None:
    """From some day on everything costs a fifth more, and the ledger does not know."""
    from_s = START_S + rng.randrange(5, 25) * DAY_S
    for call in found.calls:
        if call.time_s >= from_s and not call.failed:
            call.billed = call.cost * 6 // 5
            found.pico_usd += (call.billed - call.cost) * _inside(call)
    found.kind = "price"


def failed_billed(found: Month, _rng: random.Random) -> None:
    """Requests that the ledger has as failed are billed."""
    for call in found.calls:
        if call.failed:
            call.billed = call.cost
            found.pico_usd += call.cost * _inside(call)
    found.kind = "missing"


FAULTS: dict[str, Callable[[Month, random.Random], None]] = {
    "not_logged": not_logged,
    "cached_as_full": cached_as_full,
    "cached_unseen": cached_unseen,
    "duplicate_rows": duplicate_rows,
    "zero_rows": zero_rows,
    "batch_unwritten": batch_unwritten,
    "late": late,
    "out_of_order": out_of_order,
    "timezone": other_clock,
    "price_rise": price_rise,
    "failed_billed": failed_billed,
}
ONLY_BY_REQUEST = {"out_of_order"}
"""Sums tell no order."""


def booked(found: Month) -> list[tuple[Call, float, int]]:
    """What the provider bills: call, time on its clock, pico-USD."""
    billed = [one for one in found.calls if not one.failed or one.billed is not None]
    return [
        (one, one.time_s + one.lag_s + found.shift_h * 3600, one.cost if one.billed is None else one.billed)
        for one in billed
    ]


def usd(pico: int) -> str:
    """As an export writes it: in millionths."""
    return f"{pico / 1e12:.6f}"


def export(found: Month, folder: Path, *, by_request: bool) -> tuple[Path, Columns]:
    """The provider's CSV of the month with a day around it: hours, or requests."""
    path = folder / "export.csv"
    if by_request:
        lines = ["time,id,model,input,cached,output,usd,batch"]
        for call, at_s, pico in booked(found):
            if START_S - DAY_S <= at_s < START_S + (DAYS + 1) * DAY_S:
                exact = f"{pico / 1e12:.9f}"
                lines.append(
                    f"{at_s:.3f},{call.id},{call.model},{call.uncached + call.cached},{call.cached},"
                    f"{call.output},{exact},{int(call.batch)}"
                )
        path.write_text("\n".join(lines) + "\n")
        return path, msgspec.structs.replace(COLUMNS, request_id="id", calls="")
    sums: dict[tuple[int, str, bool], list[int]] = {}
    for call, at_s, pico in booked(found):
        if START_S - DAY_S <= at_s < START_S + (DAYS + 1) * DAY_S:
            row = sums.setdefault((math.floor(at_s / 3600) * 3600, call.model, call.batch), [0] * 5)
            for at, n in enumerate((1, call.uncached + call.cached, call.cached, call.output, pico)):
                row[at] += n
    lines = ["time,model,requests,input,cached,output,usd,batch"]
    lines += [
        f"{hour},{model},{n},{i},{c},{o},{usd(pico)},{int(batch)}"
        for (hour, model, batch), (n, i, c, o, pico) in sorted(sums.items())
    ]
    path.write_text("\n".join(lines) + "\n")
    return path, COLUMNS


def moved(found: Month, *, by_request: bool) -> int:
    """Pico-USD that another clock puts on another day: of each request, or of sums of day and model both ways."""
    days: dict[tuple[int, str], int] = {}
    requests = 0
    for call, at_s, pico in booked(found):
        true_s = at_s - found.shift_h * 3600
        if at_s // DAY_S != true_s // DAY_S and START_S <= at_s < START_S + DAYS * DAY_S:
            requests += pico
        for time_s, sign in ((at_s, 1), (true_s, -1)):
            if START_S <= time_s < START_S + DAYS * DAY_S:
                key = (int(time_s // DAY_S), call.model)
                days[key] = days.get(key, 0) + sign * pico
    return requests if by_request else sum(map(abs, days.values()))


def trial(name: str, seed: int, *, by_request: bool, per_day: int = 120) -> dict[str, object]:
    """One month with one fault ("" is none): was it found, and how far off is the money?"""
    rng = random.Random(f"{name}/{seed}/{by_request}")
    found = month(rng, per_day)
    if name:
        FAULTS[name](found, rng)
    records = [one.logged for one in found.calls if one.logged is not None] + found.extra
    with tempfile.TemporaryDirectory() as folder:
        path, columns = export(found, Path(folder), by_request=by_request)
        billed = side([path], columns=columns)
    scope = Scope(start_s=START_S, end_s=START_S + DAYS * DAY_S)
    result = of_snapshot(of_records(records), billed, scope)
    total = sum(one.net_pico_usd for one in result.differences) + result.unexplained_pico_usd
    assert total == result.difference_pico_usd, "the classes do not sum to the difference"
    gross = sum(one.gross_pico_usd for one in result.differences if one.kind == found.kind and one.reason != "edge")
    others = [one for one in result.alarms if one != found.kind]
    off = abs(gross - found.pico_usd) / found.pico_usd if name and found.pico_usd > 0 else 0.0
    if name == "timezone":
        off = 1.0 if result.shift_h != found.shift_h else abs(gross / moved(found, by_request=by_request) - 1)
    return {"fault": name, "found": not name or found.kind in result.alarms, "off": off, "others": others,
            "alarms": list(result.alarms), "result": result}  # fmt: skip


def tracked(rng: random.Random, per_day: int = 60) -> tuple[list[Prediction], list[Outcome]]:
    """A month of predictions and what came of them: seen in seconds, bought in minutes, unless consent was denied."""
    predictions = [one.logged for one in month(rng, per_day).calls if one.logged is not None and not one.failed]
    outcomes: list[Outcome] = []
    for one in predictions:
        if one.consent == "denied" or rng.random() > 0.7:
            continue
        seen_s = one.time_s + rng.lognormvariate(1, 0.5)
        outcomes.append(_event(len(outcomes), one, "exposure", seen_s, None, rng))
        if rng.random() < 0.15:
            bought_s = seen_s + min(1500.0, rng.expovariate(1 / 300))
            outcomes.append(
                _event(len(outcomes), one, "conversion", bought_s, round(rng.lognormvariate(3, 0.6), 2), rng)
            )
    return predictions, outcomes


def _event(number: int, of: Prediction, kind: str, time_s: float, value: float | None, rng: random.Random) -> Outcome:
    return Outcome(
        event_id=f"e{number}", source="/shop", kind=kind, event_type=f"breakeven.{kind}.v1", time_s=time_s,
        received_s=time_s + rng.uniform(0.05, 5), node="gw", sequence=10**7 + number, tenant=of.tenant,
        prediction_id=of.prediction_id, value=value, currency="USD",
    )  # fmt: skip


World = tuple[list[Prediction], list[Outcome], int]
"""Predictions, events, and the pico-USD that the fault concerns."""


def identity_broken(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """From a deploy on no record has a subject."""
    from_s = START_S + rng.randrange(8, 22) * DAY_S
    lost = [msgspec.structs.replace(one, subject="") if one.time_s >= from_s else one for one in predictions]
    return lost, outcomes, sum(one.cost_pico_usd or 0 for one in lost if not one.subject)


def consent_ignored(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """Events are sent for users who denied consent."""
    denied = [one for one in predictions if one.consent == "denied"]
    more = [_event(10**6 + at, one, "conversion", one.time_s + 60, 9.99, rng) for at, one in enumerate(denied)]
    return predictions, [*outcomes, *more], len(more) * 9_990_000_000_000


def events_early(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """A client's clock that is wrong dates events before what they answer."""
    chosen = set(rng.sample(range(len(outcomes)), len(outcomes) // 20))
    found = [
        msgspec.structs.replace(one, time_s=one.time_s - 4000) if at in chosen else one
        for at, one in enumerate(outcomes)
    ]
    return predictions, found, _value([found[at] for at in chosen])


def events_late(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """A queue that stood still: events days late."""
    chosen = set(rng.sample(range(len(outcomes)), len(outcomes) // 20))
    late_s = 3 * DAY_S + 700
    found = [
        msgspec.structs.replace(one, received_s=one.received_s + late_s) if at in chosen else one
        for at, one in enumerate(outcomes)
    ]
    return predictions, found, _value([found[at] for at in chosen])


def events_twice(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """A client that retries under a new id."""
    chosen = rng.sample([one for one in outcomes if one.kind == "conversion"], 40)
    again = [
        msgspec.structs.replace(one, event_id=f"again-{at}", received_s=one.received_s + 3, sequence=2 * 10**7 + at)
        for at, one in enumerate(chosen)
    ]
    return predictions, [*outcomes, *again], _value(again)


def events_orphaned(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """Predictions that were never written, whose events arrive."""
    lost = set(rng.sample(range(len(predictions)), len(predictions) // 9))
    gone = {one.prediction_id for at, one in enumerate(predictions) if at in lost}
    kept = [one for one in predictions if one.prediction_id not in gone]
    return kept, outcomes, _value([one for one in outcomes if one.prediction_id in gone])


def events_other_clock(predictions: list[Prediction], outcomes: list[Outcome], rng: random.Random) -> World:
    """Local times written as if they were UTC."""
    ahead_s = rng.choice([-8.0, 2.0, 5.5]) * 3600
    return (
        predictions,
        [msgspec.structs.replace(one, time_s=one.time_s + ahead_s) for one in outcomes],
        _value(outcomes),
    )


def _value(outcomes: list[Outcome]) -> int:
    return sum(round((one.value or 0) * 1e6) * 10**6 for one in outcomes)


EVENT_FAULTS: dict[str, tuple[str, Callable[[list[Prediction], list[Outcome], random.Random], World]]] = {
    "identity_broken": ("identity", identity_broken),
    "consent_ignored": ("consent", consent_ignored),
    "events_early": ("out_of_order", events_early),
    "events_late": ("late", events_late),
    "events_twice": ("duplicate", events_twice),
    "events_orphaned": ("missing", events_orphaned),
    "events_other_clock": ("timezone", events_other_clock),
}


def event_trial(name: str, seed: int) -> dict[str, object]:
    """A month of events with one fault ("" is none)."""
    rng = random.Random(f"events/{name}/{seed}")
    predictions, outcomes = tracked(rng)
    kind, pico = "", 0
    if name:
        kind, fault = EVENT_FAULTS[name]
        predictions, outcomes, pico = fault(predictions, outcomes, rng)
    result = of_events(Rows(of_records([*predictions, *outcomes])), {"chat": 1800.0}, None, None)
    total = sum(one.net_pico_usd for one in result.differences) + result.unexplained_pico_usd
    assert total == result.difference_pico_usd, "the classes do not sum to the difference"
    gross = sum(one.gross_pico_usd for one in result.differences if one.kind == kind)
    others = [one for one in result.alarms if one != kind]
    off = abs(gross - pico) / pico if pico else 0.0
    return {"fault": name, "found": not name or kind in result.alarms, "off": off, "others": others, "result": result}


CUT = START_S // DAY_S + 15


def migration_trial(name: str, seed: int) -> dict[str, object]:
    """A cut-over in the middle of a month, at which nothing changes, or identity, order or timing breaks a little."""
    rng = random.Random(f"migration/{name}/{seed}")
    predictions, outcomes = tracked(rng)
    cut_s = CUT * DAY_S
    if name == "identity_rate":
        predictions = [
            msgspec.structs.replace(one, subject="") if one.time_s >= cut_s and rng.random() < 0.15 else one
            for one in predictions
        ]
    if name == "timing":
        outcomes = [
            msgspec.structs.replace(one, received_s=one.received_s + 3) if one.time_s >= cut_s else one
            for one in outcomes
        ]
    if name == "match_rate":
        outcomes = [
            msgspec.structs.replace(one, prediction_id="lost") if one.time_s >= cut_s and rng.random() < 0.1 else one
            for one in outcomes
        ]
    found = of_rows(Rows(of_records([*predictions, *outcomes])), {"chat": 1800.0}, CUT, "2026-10-16")
    changed = [one.name for one in found.measures if one.verdict == "changed"]
    return {"fault": name, "found": bool(changed) == bool(name), "off": 0.0, "others": [] if name else changed}


def _summed(trials: list[dict[str, object]]) -> dict[str, object]:
    return {
        "found": sum(bool(one["found"]) for one in trials),
        "of": len(trials),
        "money_off_max": max(float(str(one["off"])) for one in trials),
        "other_alarms": sum(bool(one["others"]) for one in trials),
    }


def main() -> int:
    """Run every fault over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    seeds, found = range(parser.parse_args().seeds), {}
    for by_request in (False, True):
        for name in ("", *FAULTS):
            if by_request or name not in ONLY_BY_REQUEST:
                key = f"{name or 'clean'}/{'requests' if by_request else 'sums'}"
                found[key] = _summed([trial(name, seed, by_request=by_request) for seed in seeds])
                print(key, found[key], file=sys.stderr)
    for name in ("", *EVENT_FAULTS):
        found[f"{name or 'clean'}/events"] = _summed([event_trial(name, seed) for seed in seeds])
        print(name, found[f"{name or 'clean'}/events"], file=sys.stderr)
    for name in ("", "identity_rate", "timing", "match_rate"):
        found[f"{name or 'clean'}/migration"] = _summed([migration_trial(name, seed) for seed in seeds])
        print(name, found[f"{name or 'clean'}/migration"], file=sys.stderr)
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
