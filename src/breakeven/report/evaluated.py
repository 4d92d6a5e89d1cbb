"""An off-policy evaluation as a document: the answer or the refusal, each estimate, and what the log can carry."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.quantity import format_count
from breakeven.report.document import Align, Document, Items, Section, Table, Tone, Verdict
from breakeven.schema.evaluation import Estimated, Evaluated

LEFT: Align = "left"
RIGHT: Align = "right"
NAMES = {"ips": "inverse propensity (IPS)", "snips": "self-normalised (SNIPS)", "dr": "doubly robust (DR)"}


def evaluated_document(found: Evaluated) -> Document:
    """What `ope` prints."""
    sections = [Section(title="Answer", blocks=(_answer(found),))]
    if found.estimates:
        sections.append(Section(title="Estimates", blocks=(_table(found),)))
    sections.append(Section(title="What the log can carry", blocks=(Items(items=tuple(_carried(found))),)))
    return Document(
        title="What the target policy would have earned",
        subtitle=f"from {format_count(found.n)} logged choices",
        sections=tuple(sections),
    )


def _answer(found: Evaluated) -> Verdict:
    tones: dict[str, Tone] = {"better than the log": "good", "worse than the log": "bad"}
    if found.gain is None or found.dr is None:
        return Verdict(sentence=f"{found.verdict[0].upper()}{found.verdict[1:]}.", tone="bad")
    ratio = "" if not found.logged else f", {found.dr / found.logged:.3f} times the log's {found.logged:.4g}"
    return Verdict(
        sentence=f"{found.verdict[0].upper()}{found.verdict[1:]}.",
        figure=f"{found.dr:.4g} per choice (doubly robust){ratio}",
        interval=f"95 %: {found.low:.4g} to {found.high:.4g}; gain {found.gain.low:.4g} to {found.gain.high:.4g}",
        tone=tones.get(found.verdict, "warn"),
    )


def _table(found: Evaluated) -> Table:
    return Table(
        caption="Mean reward per choice",
        columns=("estimate", "value", "standard error", "95 % interval", "of the log's"),
        rows=tuple(_row(NAMES[name], one, found.logged) for name, one in found.estimates.items()),
        align=(LEFT, *[RIGHT] * 4),
    )


def _row(name: str, one: Estimated, logged: float) -> tuple[str, ...]:
    of = f"{one.value / logged:.3f}" if logged else "-"
    return name, f"{one.value:.4g}", f"{one.se:.2g}", f"{one.low:.4g} to {one.high:.4g}", of


def _carried(found: Evaluated) -> Iterator[str]:
    yield f"effective sample size {found.ess:,.0f} of {format_count(found.n)} choices"
    yield f"weights: mean {found.mean_weight:.3g} (1 in a sound log), largest {found.max_weight:.3g}"
    yield f"the target's choices that the log never made: {found.uncovered:.1%}"
    yield f"logged: {found.logged:.4g} per choice, standard error {found.logged_se:.2g}"
    if found.bad_rows:
        such = f", such as {found.bad[0]}" if found.bad else ""
        yield f"{format_count(found.bad_rows)} rows could not be read and are not counted{such}"
    yield from found.notes
