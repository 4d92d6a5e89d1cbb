"""An experiment as a document: the answer, every metric with both intervals, segments, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.quantity import format_count, format_usd
from breakeven.report import number
from breakeven.report.chart import course
from breakeven.report.document import Align, Block, Chart, Document, Items, Section, Table, Text, Tone, Verdict
from breakeven.schema.experiment import Effect, Lift, SampleRatio, Worth

LEFT: Align = "left"
RIGHT: Align = "right"
NAMES = {
    "cost_per_useful": "cost per useful prediction",
    "conversion": "conversion of subjects",
    "revenue_per_subject": "revenue per subject",
    "useful_share": "share of predictions that are useful",
    "cost_per_subject": "cost per subject",
    "return_on_spend": "revenue per USD spent on inference",
}
RULE = (
    "The interval may be looked at any day: of experiments without an effect it excludes nought in at most the stated "
    "share, however often and whenever one looks. The one at a fixed horizon holds only where the day of the look was "
    "chosen before the start. Subjects, not predictions, are counted as independent."
)
_TONES: dict[str, Tone] = {"better": "good", "worse": "bad"}


def lift_document(found: Lift) -> Document:
    """What `lift` prints."""
    sections = [Section(title="Answer", blocks=(_answer(found),))]
    sections.append(Section(title="Metric by metric", blocks=(_table(found), Text(text=RULE))))
    if any(look.estimate is not None for look in found.course):
        sections.append(Section(title="Day by day", blocks=(_chart(found),)))
    if found.segments:
        sections.append(Section(title="Segments", blocks=tuple(_segments(found))))
    if found.worth is not None:
        sections.append(Section(title="Is it worth it?", blocks=tuple(_worth(found.worth))))
    sections.append(Section(title="May it be believed?", blocks=tuple(_belief(found))))
    return Document(
        title=f"{found.treatment} against {found.control}",
        subtitle=f"{format_count(found.subjects)} subjects, {format_count(found.rows)} predictions",
        sections=tuple(sections),
    )


def _answer(found: Lift) -> Verdict:
    name = NAMES.get(found.metric, found.metric)
    tone: Tone = "bad" if found.verdict.startswith("blocked") else _TONES.get(found.verdict, "warn")
    because = f": {found.why}" if found.why else ""
    sentence = f"{name[0].upper()}{name[1:]}: {found.verdict}{because}."
    if found.estimate is None or found.verdict.startswith("blocked"):
        return Verdict(sentence=sentence, tone=tone)
    main = next(one for one in found.effects if one.metric == found.metric)
    bounds = number.interval(main.low, main.high, main.unit)
    return Verdict(
        sentence=sentence,
        figure=f"{_signed(main.estimate, main.unit)}{_relative(main)}",
        interval=f"{found.confidence:.0%} at every look: {bounds}" if bounds else "",
        tone=tone,
    )


def _signed(value: float | None, unit: str) -> str:
    written = number.number(value, unit, unknown="-")
    return f"+{written}" if value is not None and value > 0 else written


def _relative(one: Effect) -> str:
    return "" if one.relative is None else f" ({one.relative:+.1%})"


def _table(found: Lift) -> Table:
    return Table(
        caption=f"{found.treatment} less {found.control}",
        columns=(
            "metric",
            found.control,
            found.treatment,
            "difference",
            "at every look",
            "at a fixed horizon",
            "verdict",
        ),
        rows=tuple(_row(NAMES.get(one.metric, one.metric), one) for one in found.effects),
        align=(LEFT, *[RIGHT] * 5, LEFT),
    )


def _row(name: str, one: Effect) -> tuple[str, ...]:
    return (
        name,
        number.number(one.control, one.unit, unknown="-"),
        number.number(one.treatment, one.unit, unknown="-"),
        _signed(one.estimate, one.unit) + _relative(one),
        number.interval(one.low, one.high, one.unit) or "-",
        number.interval(one.fixed_low, one.fixed_high, one.unit) or "-",
        one.verdict,
    )


def _chart(found: Lift) -> Chart:
    title = f"{NAMES.get(found.metric, found.metric)}: difference and its interval"
    known = [look for look in found.course if look.estimate is not None]
    last = known[-1]
    bounds = number.interval(last.low, last.high, found.unit)
    summary = f"after {len(known)} days {_signed(last.estimate, found.unit)}, interval {bounds or 'none'}"
    return Chart(
        title=title,
        summary=summary,
        svg=course.course(found.course, unit=found.unit, title=title, description=summary),
    )


def _segments(found: Lift) -> Iterator[Block]:
    yield Table(
        caption="The same metric by segment",
        columns=("segment", "subjects", "difference", "at every look", "corrected p", "verdict"),
        rows=tuple(
            (
                one.segment,
                format_count(one.effect.subjects_control + one.effect.subjects_treatment),
                _signed(one.effect.estimate, one.effect.unit) + _relative(one.effect),
                number.interval(one.effect.low, one.effect.high, one.effect.unit) or "-",
                "-" if one.p_corrected is None else f"{one.p_corrected:.2g}",
                one.effect.verdict,
            )
            for one in found.segments
        ),
        align=(LEFT, *[RIGHT] * 4, LEFT),
        note="p is corrected for the number of segments (Holm); intervals are not",
    )
    if found.p_heterogeneity is not None:
        yield Text(
            text=f"That segments differ among themselves: p {found.p_heterogeneity:.2g} (Cochran's Q, one look)."
        )


def _worth(worth: Worth) -> Iterator[Block]:
    net = worth.net
    said = (
        f"Per prediction {_signed(worth.extra_useful, 'share')} useful for {_signed(worth.extra_cost_usd, 'USD')}; "
        f"at {format_usd(worth.value_usd)} a useful one and {format_usd(worth.loss_usd)} lost by a wrong one"
    )
    yield Verdict(
        sentence=f"{said}: {worth.verdict}.",
        figure=f"net {_signed(net.estimate, 'USD')} per prediction",
        interval=number.interval(net.low, net.high, "USD"),
        tone={"worth it": "good", "not worth it": "bad"}.get(worth.verdict, "warn"),  # type: ignore[arg-type]
    )
    lines = []
    if worth.threshold_usd is not None:
        lines.append(f"it pays from {format_usd(worth.threshold_usd)} of value and loss per useful prediction")
    if worth.evsi_usd is not None and worth.testing_usd is not None:
        more = "more" if worth.evsi_usd > worth.testing_usd else "less"
        lines.append(
            f"testing {format_count(worth.more_subjects)} more subjects an arm is worth {format_usd(worth.evsi_usd)} "
            f"over {format_count(worth.predictions_to_come)} predictions to come, {more} than the "
            f"{format_usd(worth.testing_usd)} that it costs"
        )
    if lines:
        yield Items(items=tuple(lines))


def _belief(found: Lift) -> Iterator[Block]:
    items = [_ratio(found.sample_ratio, found)]
    if found.bad_rows:
        such = f", such as {found.bad[0]}" if found.bad else ""
        items.append(f"{format_count(found.bad_rows)} rows could not be read and are not counted{such}")
    yield Items(items=(*items, *found.notes))


def _ratio(ratio: SampleRatio, found: Lift) -> str:
    counts = f"{format_count(ratio.control)} in {found.control}, {format_count(ratio.treatment)} in {found.treatment}"
    return f"subjects: {counts}; {ratio.expected:.0%} in {found.treatment} was meant, p {ratio.p:.2g} at every look"
