"""Lines as one side of a reconciliation: requests where every line names one, else sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from breakeven.ledger.invoice.line import Line, Terms
from breakeven.schema.reconcile import NOTHING, Amount, BadRow, Item, Side, Tally

_FINEST_S = 3600.0


def gathered(lines: Sequence[Line], bad: Sequence[BadRow], name: str, terms: Terms) -> Side:
    """The side that lines make; without calls, tokens or money where no line has them."""
    by_request = all(line.request_id for line in lines)
    return Side(
        name=name,
        items=_items(lines) if by_request else (),
        tallies=() if by_request else _tallies(lines),
        has_calls=any(line.calls is not None for line in lines),
        has_tokens=any(line.input_tokens is not None or line.output_tokens is not None for line in lines),
        has_money=any(line.pico_usd is not None for line in lines),
        bad=tuple(bad),
        assumptions=tuple(_assumptions(terms)),
    )


def _assumptions(terms: Terms) -> list[str]:
    rates = [f"1 {one.currency} = {one.usd} USD as of {one.on}" for one in terms.rates.values()]
    zone = [] if terms.zone_name == "UTC" else [f"times without a zone are {terms.zone_name}"]
    return rates + zone


def _items(lines: Sequence[Line]) -> tuple[Item, ...]:
    """One item for each request; charges of one request by meter are put together, a meter that repeats is a repeat."""
    seen: Counter[tuple[str, str]] = Counter()
    parts: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in lines:
        key = (line.request_id, line.meter)
        parts[line.request_id, seen[key]].append(line)
        seen[key] += 1
    return tuple(_item(mine) for mine in parts.values())


def _item(lines: Sequence[Line]) -> Item:
    first = lines[0]
    return Item(
        id=first.request_id,
        ids=(first.request_id,),
        time_s=min(line.start_s for line in lines),
        model=first.model,
        amount=_sum(lines, calls=1),
        batch=first.batch,
        day_only=first.day_only,
        place=first.place,
    )


def _tallies(lines: Sequence[Line]) -> tuple[Tally, ...]:
    places: dict[tuple[float, float, str, str], list[Line]] = defaultdict(list)
    for line in lines:
        start_s = line.start_s
        end_s = max(line.end_s, start_s + 1)
        if end_s - start_s < _FINEST_S:
            start_s = start_s // _FINEST_S * _FINEST_S
            end_s = start_s + _FINEST_S
        places[start_s, end_s, line.model, line.key].append(line)
    return tuple(_tally(key, places[key]) for key in sorted(places))


def _tally(key: tuple[float, float, str, str], lines: Sequence[Line]) -> Tally:
    start_s, end_s, model, name = key
    again = _repeats(lines)
    return Tally(
        start_s=start_s,
        end_s=end_s,
        model=model,
        key=name,
        total=_sum(lines),
        duplicate=_sum(again, least=1) if again else NOTHING,
        batch=_sum([line for line in lines if line.batch]),
        lines=len(lines),
        place=lines[0].place,
    )


def _repeats(lines: Sequence[Line]) -> list[Line]:
    """Lines that say again, to the last digit, what a line of the same file has said."""
    seen: set[tuple[object, ...]] = set()
    again = []
    for line in lines:
        said = tuple(getattr(line, name) for name in line.__struct_fields__ if name != "place")
        file = line.place.rpartition(":")[0]
        if (file, *said) in seen:
            again.append(line)
        seen.add((file, *said))
    return again


def _sum(lines: Sequence[Line], calls: int | None = None, least: int = 0) -> Amount:
    counts = {name: sum(getattr(line, name) or 0 for line in lines) for name in Amount.__struct_fields__}
    counts["calls"] = max(counts["calls"], least) if calls is None else calls
    return Amount(**counts)
