"""Levers as documents: the verdict, both sides, where it flips, what must hold; and rules of thumb."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.quantity import format_usd
from breakeven.report import number, truth
from breakeven.report.document import Align, Block, Document, Items, Section, Table, Text, Tone, Verdict
from breakeven.schema.lever import Claim, Flip, Lever, Side
from breakeven.schema.noun import Figure
from breakeven.schema.tco import Truth

LEFT: Align = "left"
RIGHT: Align = "right"
TONES: dict[str, Tone] = {"pays": "good", "loses money": "bad", "not sure": "warn", "changes nothing": "neutral"}
INTERVALS = "Intervals hold 80 % of draws of the inputs' ranges; an input without a range is taken as it stands."


def lever_document(found: Lever) -> Document:
    """One lever."""
    return Document(title=found.title, sections=tuple(_sections(found)))


def _sections(found: Lever) -> Iterator[Section]:
    yield Section(title="Answer", blocks=(verdict(found), *_month(found)))
    yield Section(title="Both sides, per prediction", blocks=(_sides(found), *_further(found)))
    if found.flips:
        yield Section(title="What would turn it", blocks=(Items(items=tuple(map(flip, found.flips))),))
    yield Section(title="What must hold", blocks=(Items(items=found.conditions), Text(text=_basis(found))))


def verdict(found: Lever) -> Verdict:
    """The lever's answer in one sentence."""
    bounds = number.interval(found.saving.low, found.saving.high, found.saving.unit)
    surely = "" if found.surely is None else f"; pays in {found.surely:.0%} of draws".replace("%", " %")
    return Verdict(
        sentence=found.sentence,
        interval=f"80 % interval: {bounds}{surely}" if bounds else "",
        tone=TONES[found.verdict],
    )


def _month(found: Lever) -> tuple[Block, ...]:
    if found.saving_usd_per_month.value is None:
        return ()
    word = "saved" if found.saving_usd_per_month.value >= 0 else "lost"
    amount = format_usd(abs(found.saving_usd_per_month.value))
    return (Text(text=f"{amount} a month {word} at the stated predictions."),)


def _sides(found: Lever) -> Table:
    names = {
        "cost_usd": "cost of a prediction",
        "cost_per_useful_usd": "cost of a useful prediction",
        "latency_s": "latency",
        "quality": "share useful",
    }
    rows = (_row(label, name, found.baseline, found.changed) for name, label in names.items())
    return Table(
        caption="Now, and with the lever",
        columns=("", "now", "with the lever"),
        rows=tuple(row for row in rows if row[1:] != ("unknown", "unknown")),
        align=(LEFT, RIGHT, RIGHT),
    )


def _row(label: str, name: str, first: Side, second: Side) -> tuple[str, ...]:
    return label, number.figure(getattr(first, name)), number.figure(getattr(second, name))


def _further(found: Lever) -> tuple[Block, ...]:
    if not found.found:
        return ()
    rows = tuple((one.name.replace("_", " "), _shown(one.figure), one.figure.how) for one in found.found)
    return (Table(caption="Further figures", columns=("", "value", "how"), rows=rows, align=(LEFT, RIGHT, LEFT)),)


def _shown(figure: Figure) -> str:
    return number.figure(figure, unknown="never") if figure.value is not None else "never"


def flip(one: Flip) -> str:
    """The value of an input beyond which the verdict turns, as a sentence."""
    name = one.input.replace("_", " ")
    value, stated = number.number(one.value, one.unit), number.number(one.stated, one.unit)
    return f"{name}: pays {one.pays} {value}, stated is {stated}"


def _basis(found: Lever) -> str:
    note = found.saving.note
    said = f" {note[0].upper()}{note[1:]}." if note else ""
    return f"{INTERVALS}{said}"


def lever_table(found: Sequence[Lever]) -> Table:
    """Several levers side by side."""
    return Table(
        caption="Levers, the largest saving first",
        columns=("lever", "verdict", "saving", "of the cost", "turns where"),
        rows=tuple(_line(one) for one in found),
        align=(LEFT, LEFT, RIGHT, RIGHT, LEFT),
        note="Savings do not add up: a prediction that is not made cannot be made cheaper as well.",
    )


def levers_document(found: Sequence[Lever]) -> Document:
    """Several levers side by side, and how their intervals are meant."""
    blocks = (lever_table(found), Text(text=INTERVALS))
    return Document(title="Levers", sections=(Section(title="Answer", blocks=blocks),))


def _line(one: Lever) -> tuple[str, ...]:
    nearest = min(one.flips, key=lambda flip: abs(flip.value - flip.stated) / (abs(flip.stated) or 1.0), default=None)
    return (
        one.name,
        one.verdict,
        number.figure(one.saving),
        _part(one.saving_share.value),
        flip(nearest) if nearest else "nowhere",
    )


def _part(share: float | None) -> str:
    return f"{share:.3g} times" if share is not None and abs(share) >= 1 else number.share(share)


def rules_document(found: Sequence[Claim]) -> Document:
    """Rules of thumb, and for which inputs each is true."""
    items = tuple(rule(one) for one in found)
    note = "None of these is asserted: each is computed along one input, the others as said in brackets."
    return Document(
        title="Rules of thumb, tested",
        sections=(Section(title="Where each is true", blocks=(Items(items=items), Text(text=note))),),
    )


def rule(one: Claim) -> str:
    """A rule as a sentence: true when, false otherwise, and at the stated value."""
    told = Truth(
        name=one.name, claim=one.claim, varied=one.varied, unit=one.unit, searched=one.searched,
        true_when=one.holds_when, variant="; ".join(one.given),
    )  # fmt: skip
    stated = number.number(one.stated, one.unit)
    return f"{truth.sentence(told)} At {stated} it is {'true' if one.holds else 'false'}."
