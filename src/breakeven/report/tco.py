"""A study as a document: which option costs least over the horizon, of what, how surely, and when it would not."""

from __future__ import annotations

from breakeven.report import number
from breakeven.report.brief import without_details
from breakeven.report.citation import Citations, study_citations
from breakeven.report.currency import cash
from breakeven.report.document import Assumption, Block, Document, Items, Provenance, Risk, Section, Table, Verdict
from breakeven.report.document import Text as Paragraph
from breakeven.report.outlook import chance, outlook_blocks, turn_blocks
from breakeven.report.study_drawing import cost_chart, crossed, saving_chart, spend_chart
from breakeven.report.study_level import level_blocks
from breakeven.report.study_promise import promise_blocks
from breakeven.report.study_table import (
    changes,
    figure_table,
    gist_table,
    line_table,
    named,
    options_table,
    pair_table,
    unbalanced,
    variant_table,
    year_table,
)
from breakeven.report.truth import truth_blocks
from breakeven.report.words import capital
from breakeven.schema.outlook import Chance
from breakeven.schema.tco import Pair, Tco, TcoOption

ALIKE = 1e-9
"""Of a cost, what floats may differ by."""
CLOSE = 0.6
"""The share of draws below which the best option is hardly better than the others."""
SURE = 0.8
"""The share of draws from which on the best option is called sure."""


def tco_document(tco: Tco) -> Document:
    """Everything a study says.

    Raises:
        FactError: a line, figure or swing rests on a fact that the study does not carry.
    """
    known = study_citations(tco)
    sections = (
        Section(title="Answer", blocks=_answer(tco)),
        _warnings(tco),
        Section(title="Options", blocks=_options(tco, known)),
        Section(title="By load", blocks=level_blocks(tco, known)),
        Section(title="What each option costs", blocks=_lines(tco, tco.base.options, known)),
        Section(title="Break-even", blocks=_pairs(tco, known)),
        Section(title="Results", blocks=_results(tco, known)),
        Section(title="Where it is true", blocks=truth_blocks(tco.truths)),
        Section(title="How sure it is", blocks=_outlook(tco, known)),
        Section(title="What would change it", blocks=_turns(tco)),
        *_closing(tco, known),
    )
    return _document(tco, tco.title, "Total cost of ownership", sections)


def memo_of_tco(tco: Tco) -> Document:
    """The decision memo of a study: the same parts, with the lines of the best option alone, and when to look again.

    Raises:
        FactError: a line, figure or swing rests on a fact that the study does not carry.
    """
    known, best = study_citations(tco), cheapest(tco)
    sections = (
        Section(title="Decision", blocks=_answer(tco)),
        _warnings(tco),
        Section(title="Options", blocks=_options(tco, known)),
        Section(title="By load", blocks=level_blocks(tco, known)),
        Section(title="What the cheapest option costs", blocks=_lines(tco, (best,) if best else (), known)),
        Section(title="Break-even", blocks=_pairs(tco, known)),
        Section(title="Where it is true", blocks=truth_blocks(tco.truths)),
        Section(title="How sure it is", blocks=_outlook(tco, known)),
        Section(title="What would change the decision", blocks=_turns(tco)),
        Section(title="Assumptions", blocks=_assumptions(tco)),
        Section(title="How it will be verified", blocks=promise_blocks(tco, best, known)),
        *_closing(tco, known),
    )
    return without_details(_document(tco, tco.title, "Decision memo", sections))


def _document(tco: Tco, title: str, kind: str, sections: tuple[Section, ...]) -> Document:
    seed = (("seed", str(tco.outlook.seed)),) if tco.outlook else ()
    inputs = (("inputs", f"sha256 {tco.digest}"),) if tco.digest else ()
    meta = (("study", tco.id), *inputs, *seed, ("prices as of", tco.as_of), ("format", str(tco.version)))
    return Document(
        title=title,
        subtitle=f"{kind}, prices as of {tco.as_of}",
        sections=tuple(section for section in sections if section.blocks),
        meta=meta,
    )


def horizon(tco: Tco) -> int:
    """Months of the study."""
    return max((len(option.cash) - 1 for option in tco.base.options), default=0)


def ranked(tco: Tco) -> list[TcoOption]:
    """The options of the base that can be chosen, the cheapest present cost first."""
    priced = [option for option in tco.base.options if option.ranked]
    return sorted(priced, key=lambda option: (option.present or 0.0, option.name))


def cheapest(tco: Tco) -> TcoOption | None:
    """The option of the lowest present cost; None where none can be chosen."""
    return next(iter(ranked(tco)), None)


def _answer(tco: Tco) -> tuple[Block, ...]:
    wrong = tuple(Risk(text=text, tone="bad") for text in map(unbalanced, tco.base.options) if text)
    if not tco.base.options:
        return (*wrong, Verdict(sentence=f"{tco.title}: {_said(len(tco.base.results))}, no options to compare."))
    best = cheapest(tco)
    chart = (cost_chart(tco.base.options, best.name, tco.currency),) if best else ()
    return (*wrong, _verdict(tco), *chart)


def _warnings(tco: Tco) -> Section:
    return Section(title="Warnings", blocks=tuple(Risk(text=text) for text in tco.warnings))


def _said(count: int) -> str:
    return "1 result" if count == 1 else f"{count} results"


def _verdict(tco: Tco) -> Verdict:
    options = ranked(tco)
    if not options:
        return Verdict(sentence=f"No option can be chosen. {_left_out(tco)}", tone="warn")
    best, drawn = options[0], chance(tco.outlook, options[0].name) if tco.outlook else None
    band = drawn.present_cost if drawn else None
    bounds = f"{cash(band.p5, tco.currency)} to {cash(band.p95, tco.currency)}" if band and band.p5 is not None else ""
    return Verdict(
        sentence=capital(
            " ".join(part for part in (_ranking(tco, options), _sure(tco, drawn), _left_out(tco)) if part)
        ),
        figure=f"{cash(best.present, tco.currency)} present cost",
        interval=f"5th to 95th percentile {bounds}" if bounds else "",
        tone="good" if drawn is None or drawn.probability_best >= SURE else "warn",
    )


def _ranking(tco: Tco, options: list[TcoOption]) -> str:
    """Who costs least, and by how much less than the next."""
    best, months = options[0], horizon(tco)
    if len(options) == 1:
        return f"{named(best)} is the only option with a price over {months} months."
    rival, size = options[1], best.present or 0.0
    extra = (rival.present or 0.0) - size
    more = f" ({number.change(size, size + extra)})" if size > 0 else ""
    if extra <= ALIKE * max(abs(size), 1.0):
        return f"{named(best)} and {named(rival)} cost alike over {months} months, and least."
    told = f"{named(best)} costs least over {months} months; {named(rival)}, the next, costs"
    return f"{told} {cash(extra, tco.currency)} more{more}."


def _sure(tco: Tco, drawn: Chance | None) -> str:
    if drawn is None or tco.outlook is None:
        return ""
    told = f"the cheapest in {number.share(drawn.probability_best)} of {tco.outlook.draws:,} draws"
    return f"It is {told}." if drawn.probability_best >= CLOSE else f"Too close to call: it is {told}."


def _left_out(tco: Tco) -> str:
    unpriced = [
        f"{named(option)} (no {', '.join(option.unpriced) or 'total'})"
        for option in tco.base.options
        if option.present is None
    ]
    small = [
        f"{named(option)} ({number.percent(option.load or 0.0)} of it)"
        for option in tco.base.options
        if option.present is not None and not option.ranked
    ]
    told = (("for want of a price", unpriced), ("because their fleet does not carry the demand", small))
    return " ".join(f"Not compared, {why}: {', '.join(names)}." for why, names in told if names)


def _options(tco: Tco, known: Citations) -> tuple[Block, ...]:
    if not tco.base.options:
        return ()
    table = options_table(tco.base.options, horizon(tco), tco.currency, known)
    spent = spend_chart(tco.base.options, tco.currency)
    figures = (
        figure_table(f"{named(option)}, figures", option.figures, known, detail=True)
        for option in tco.base.options
        if option.figures
    )
    years = year_table(tco.base.options, tco.currency, known)
    return (table, *((spent,) if spent else ()), *((years,) if years else ()), *figures)


def _lines(tco: Tco, options: tuple[TcoOption, ...], known: Citations) -> tuple[Block, ...]:
    return tuple(line_table(option, horizon(tco), tco.currency, known) for option in options)


def _pairs(tco: Tco, known: Citations) -> tuple[Block, ...]:
    blocks: list[Block] = [gist_table(tco.base.pairs, known)] if tco.base.pairs else []
    for pair in tco.base.pairs:
        blocks.append(pair_table(pair, known))
        if pair.saved and not _drawn_with_band(tco, pair):
            blocks.append(saving_chart(pair, crossed(pair.saved), tco.currency))
    if blocks or len(tco.base.options) < 2:  # noqa: PLR2004 - nothing pays back against nothing
        return tuple(blocks)
    return (Paragraph(text="No option needs more capital than another, so nothing has to pay back."),)


def _drawn_with_band(tco: Tco, pair: Pair) -> bool:
    """Whether the outlook draws this pair's saving with its band, so that a second drawing would repeat it."""
    recoveries = tco.outlook.recoveries if tco.outlook else ()
    return len(recoveries) == 1 and (recoveries[0].owner, recoveries[0].rival) == (pair.owner, pair.rival)


def _results(tco: Tco, known: Citations) -> tuple[Block, ...]:
    base = (figure_table("Results", tco.base.results, known),) if tco.base.results else ()
    if not tco.variants:
        return base
    return (*base, variant_table(tco, known), Items(items=changes(tco.variants)))


def _outlook(tco: Tco, known: Citations) -> tuple[Block, ...]:
    return outlook_blocks(tco.outlook, known, margin(tco)) if tco.outlook else ()


def margin(tco: Tco) -> float | None:
    """What the tornado moves, with every input at base: the compared option's present cost less that of the best.

    Of a single option its present cost; None where one of them has no price.
    """
    if tco.outlook is None:
        return None
    costs = {option.name: option.present for option in tco.base.options}
    best, compared = costs.get(tco.outlook.best), costs.get(tco.outlook.compared)
    if best is None or not tco.outlook.compared:
        return best
    return None if compared is None else compared - best


def _turns(tco: Tco) -> tuple[Block, ...]:
    return turn_blocks(tco.turns)


def _assumptions(tco: Tco) -> tuple[Block, ...]:
    return tuple(
        Assumption(
            name=fact.key,
            value=number.number(fact.value, fact.unit),
            source=fact.source,
            as_of=fact.as_of,
            note=f"range {bounds}" if (bounds := number.interval(fact.low, fact.high, fact.unit)) else "",
        )
        for fact in tco.facts
        if fact.basis == "assumption"
    )


def _closing(tco: Tco, known: Citations) -> tuple[Section, ...]:
    """Conventions and sources."""
    note = known.cite("As the study states them.", ("study",))
    table = Table(
        caption="What every figure rests on", columns=("convention", "value"), rows=tco.conventions, note=note
    )
    return (
        Section(title="Conventions", blocks=(table,) if tco.conventions else ()),
        Section(title="Sources", blocks=(Provenance(sources=known.sources),)),
    )
