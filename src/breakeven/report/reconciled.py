"""A reconciliation as a document: whether the two sides agree, class by class, and what nothing explains."""

from __future__ import annotations

from breakeven.quantity import format_count, format_usd, usd_from_pico
from breakeven.report.document import Align, Document, Items, Section, Table, Verdict
from breakeven.report.words import instant
from breakeven.schema.reconcile import REASONS, Amount, Difference, Reconciliation

_LEFT: Align = "left"
_RIGHT: Align = "right"
_NAMES = {"invoice": "Invoice", "downstream": "Downstream report", "events": "Events"}


def reconciled_document(found: Reconciliation) -> Document:
    """What `reconcile` prints."""
    sections = [Section(title="Answer", blocks=(_answer(found), _sides(found)))]
    if found.differences:
        blocks = (_classes(found), *_examples(found))
        sections.append(Section(title="Why they differ", blocks=blocks))
    said = _said(found)
    if said:
        sections.append(Section(title="What to know about it", blocks=(Items(items=said),)))
    return Document(
        title=f"{_NAMES.get(found.subject, found.subject)} against the ledger",
        subtitle=f"{instant(found.start_s)} to {instant(found.end_s)}, {found.other_name}",
        sections=tuple(sections),
    )


def _usd(pico: int) -> str:
    return format_usd(usd_from_pico(pico))


def _answer(found: Reconciliation) -> Verdict:
    figure = f"{_usd(found.difference_pico_usd)} apart, {_usd(found.unexplained_pico_usd)} of it unexplained"
    if found.alarms:
        return Verdict(sentence=f"They differ: {', '.join(found.alarms)}.", figure=figure, tone="bad")
    return Verdict(sentence="They agree.", figure=figure, tone="good")


def _sides(found: Reconciliation) -> Table:
    def row(name: str, amount: Amount) -> tuple[str, ...]:
        counts = (amount.calls, amount.input_tokens, amount.cached_input_tokens, amount.output_tokens)
        return (name, *map(format_count, counts), _usd(amount.pico_usd))

    return Table(
        caption="The two sides",
        columns=("side", "requests", "input tokens", "of it cached", "output tokens", "money"),
        rows=(row("ledger", found.ledger), row(found.other_name, found.other)),
        align=(_LEFT, *[_RIGHT] * 5),
    )


def _classes(found: Reconciliation) -> Table:
    rows = [_row(one) for one in found.differences]
    rows.append(("unexplained", "", "", _usd(found.unexplained_pico_usd), _usd(found.unexplained_gross_pico_usd), ""))
    rows.append(("together", "", "", _usd(found.difference_pico_usd), "", ""))
    return Table(
        caption="Classes in the order in which they are tried; the net sums to the difference",
        columns=("class", "what", "count", "net", "concerns", "matters"),
        rows=tuple(rows),
        align=(_LEFT, _LEFT, _RIGHT, _RIGHT, _RIGHT, _LEFT),
    )


def _row(one: Difference) -> tuple[str, ...]:
    money = (_usd(one.net_pico_usd), _usd(one.gross_pico_usd))
    return one.kind, REASONS[one.reason], format_count(one.count), *money, "yes" if one.material else "no"


def _examples(found: Reconciliation) -> tuple[Table, ...]:
    rows: list[tuple[str, str]] = [(one.kind, text) for one in found.differences for text in one.examples]
    rows += [("unexplained", text) for text in found.unexplained_examples]
    return (Table(caption="Such as", columns=("class", "example"), rows=tuple(rows), detail=True),) if rows else ()


def _said(found: Reconciliation) -> tuple[str, ...]:
    kept = [f"kept aside: {one.file}:{one.line}: {one.column} {one.value!r}: {one.problem}" for one in found.bad[:10]]
    more = [f"and {len(found.bad) - 10} more rows kept aside"] if len(found.bad) > 10 else []  # noqa: PLR2004
    return (*(f"assumed: {text}" for text in found.assumptions), *kept, *more, *found.remarks)


def reconciled_json(found: Reconciliation) -> dict[str, object]:
    """The same as plain data: money in USD beside exact pico-USD."""
    return {
        "subject": found.subject,
        "mode": found.mode,
        "start": instant(found.start_s),
        "end": instant(found.end_s),
        "ledger": _amount_json(found.ledger),
        "other": {"name": found.other_name, **_amount_json(found.other)},
        "difference_usd": usd_from_pico(found.difference_pico_usd),
        "difference_pico_usd": found.difference_pico_usd,
        "agrees": not found.alarms,
        "alarms": list(found.alarms),
        "classes": [_difference_json(one) for one in found.differences],
        "unexplained_usd": usd_from_pico(found.unexplained_pico_usd),
        "unexplained_pico_usd": found.unexplained_pico_usd,
        "unexplained_gross_usd": usd_from_pico(found.unexplained_gross_pico_usd),
        "unexplained_examples": list(found.unexplained_examples),
        "shift_h": found.shift_h,
        "bad_rows": list(found.bad),
        "assumptions": list(found.assumptions),
        "remarks": list(found.remarks),
    }


def _amount_json(amount: Amount) -> dict[str, object]:
    counts = {name: getattr(amount, name) for name in amount.__struct_fields__}
    return {**counts, "usd": usd_from_pico(amount.pico_usd)}


def _difference_json(one: Difference) -> dict[str, object]:
    return {
        "class": one.kind,
        "reason": one.reason,
        "meaning": REASONS[one.reason],
        "count": one.count,
        "usd": usd_from_pico(one.net_pico_usd),
        "pico_usd": one.net_pico_usd,
        "concerns_usd": usd_from_pico(one.gross_pico_usd),
        "material": one.material,
        "examples": list(one.examples),
    }
