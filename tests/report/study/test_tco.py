"""What the document of a study must say: sums that add up, never and unpriced in words, a source for every number."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from breakeven.assembly.studies import computed
from breakeven.errors import FactError
from breakeven.report.citation import study_citations
from breakeven.report.document import MARK, Chart, Document, Risk, Table, Verdict
from breakeven.report.render import html, markdown, text
from breakeven.report.study_drawing import crossed, saving_chart
from breakeven.report.study_table import unbalanced, variant_table
from breakeven.report.tco import margin, memo_of_tco, tco_document
from breakeven.schema.noun import Figure
from breakeven.schema.tco import Result, Tco, TcoOption, Variant

Compare = Callable[[str, str], None]
Make = Callable[[Tco], Document]
replace = msgspec.structs.replace
both = pytest.mark.parametrize("make", [tco_document, memo_of_tco])


def verdict(document: Document) -> Verdict:
    return next(block for block in document.blocks() if isinstance(block, Verdict))


def tables(document: Document) -> dict[str, Table]:
    return {block.caption: block for block in document.blocks() if isinstance(block, Table)}


def with_options(tco: Tco, options: tuple[TcoOption, ...]) -> Tco:
    return replace(tco, base=replace(tco.base, options=options, pairs=()), outlook=None)


@pytest.mark.parametrize(("suffix", "render"), [("txt", text.render), ("md", markdown.render), ("html", html.render)])
def test_the_study_reads_as_committed(tco: Tco, same_as_committed: Compare, suffix: str, render) -> None:
    """Same study, same bytes, in every format."""
    same_as_committed(f"tco.{suffix}", render(tco_document(tco)))


def test_the_memo_of_a_study_reads_as_committed(tco: Tco, same_as_committed: Compare) -> None:
    """The same parts in the order of a decision."""
    same_as_committed("tco_memo.txt", text.render(memo_of_tco(tco)))


@both
def test_every_mark_of_a_study_has_a_source_with_a_date(tco: Tco, make: Make) -> None:
    """And every fact of the study is among the sources."""
    document = make(tco)
    assert document.problems() == ()
    assert {fact.key for fact in tco.facts} <= {source.key for source in document.sources()}


@both
def test_every_cited_key_is_marked_where_its_number_stands(tco: Tco, make: Make) -> None:
    """Each line's row and each swing's row carries the marks of all its facts."""
    document = make(tco)
    mark = {source.key: f"[^{source.mark}]" for source in document.sources()}
    found = tables(document)
    for row, line in zip(found["8 x H100, owned"].rows, tco.base.options[0].lines, strict=False):
        assert all(mark[key] in row[-1] for key in line.facts or ("study",)), line.name
    swings = {row[0]: row[-1] for row in found["One input at a time, the others at base"].rows}
    assert tco.outlook is not None
    assert all(mark[key] in swings[swing.name] for swing in tco.outlook.tornado for key in swing.facts)


def _unknown_line(tco: Tco) -> Tco:
    option = tco.base.options[0]
    line = replace(option.lines[0], facts=("nobody/said",))
    return with_options(tco, (replace(option, lines=(line, *option.lines[1:])),))


def _unknown_figure(tco: Tco) -> Tco:
    figure = Figure(value=1.0, unit="USD", facts=("nobody/said",))
    return with_options(tco, (replace(tco.base.options[0], figures=(Result(name="x", figure=figure),)),))


def _unknown_pair(tco: Tco) -> Tco:
    figure = Figure(value=1.0, unit="month", facts=("nobody/said",))
    pair = replace(tco.base.pairs[0], figures=(Result(name="x", figure=figure),))
    return replace(tco, base=replace(tco.base, pairs=(pair,)))


def _unknown_swing(tco: Tco) -> Tco:
    swing = replace(tco.outlook.tornado[0], facts=("nobody/said",))
    return replace(tco, outlook=replace(tco.outlook, tornado=(swing,)))


@both
@pytest.mark.parametrize("broken", [_unknown_line, _unknown_figure, _unknown_pair, _unknown_swing])
def test_a_number_without_a_fact_is_no_document(tco: Tco, make: Make, broken: Callable[[Tco], Tco]) -> None:
    """A line, a figure, a break-even or a swing that rests on nothing is an error that names the key."""
    with pytest.raises(FactError, match="nobody/said"):
        make(broken(tco))


def test_the_verdict_names_the_cheapest_its_lead_and_its_band(tco: Tco) -> None:
    """In one sentence, with how surely, and with what could not be compared."""
    said = verdict(tco_document(tco))
    own, rent = tco.base.options[:2]
    assert said.sentence.startswith(f"{own.title} costs least over 36 months; {rent.title}")
    assert f"${rent.present - own.present:,.0f} more" in said.sentence
    assert "83 % of 10,000 draws" in said.sentence
    assert "Not compared, for want of a price: API (no price of cached input)." in said.sentence
    assert said.interval.startswith("5th to 95th percentile $")
    assert said.tone == "good"


def test_without_an_outlook_the_verdict_is_plain(plain: Tco) -> None:
    """No band, no chance, no section about them."""
    document = tco_document(plain)
    assert verdict(document).interval == ""
    assert "draws" not in verdict(document).sentence
    assert "How sure it is" not in [section.title for section in document.sections]
    assert "seed" not in dict(document.meta)


def test_an_unsure_lead_is_a_warning(tco: Tco) -> None:
    """The cheapest at base may not be the cheapest in most draws."""
    chances = tuple(replace(one, probability_best=0.5) for one in tco.outlook.chances)
    assert verdict(tco_document(replace(tco, outlook=replace(tco.outlook, chances=chances)))).tone == "warn"


def test_a_study_without_a_price_says_so(plain: Tco) -> None:
    """What is missing, rather than the best of nothing."""
    said = verdict(tco_document(with_options(plain, (plain.base.options[2],))))
    assert (
        said.sentence == "No option can be chosen. Not compared, for want of a price: API (no price of cached input)."
    )
    assert said.tone == "warn"


def test_a_study_of_results_alone_is_a_document(plain: Tco) -> None:
    """No options to compare is an answer; the results stand below it."""
    document = tco_document(with_options(plain, ()))
    assert "2 results, no options to compare" in verdict(document).sentence
    assert "Results" in tables(document)
    assert "Options" not in [section.title for section in document.sections]


def test_a_single_option_is_not_called_the_cheapest(plain: Tco) -> None:
    """Nothing is least among one."""
    said = verdict(tco_document(with_options(plain, plain.base.options[:1]))).sentence
    assert said == "8 x H100, owned is the only option with a price over 36 months."


def test_lines_that_do_not_sum_to_the_total_are_said_first(plain: Tco) -> None:
    """Before the verdict, in red."""
    assert unbalanced(plain.base.options[0]) == ""
    broken = replace(plain.base.options[0], total=1.0)
    first = next(tco_document(with_options(plain, (broken, plain.base.options[1]))).blocks())
    assert isinstance(first, Risk)
    assert first.tone == "bad"
    assert "do not use it" in first.text


def test_both_views_stand_side_by_side(plain: Tco) -> None:
    """The accounting month is the cash month with depreciation in place of purchase and resale."""
    own = plain.base.options[0]
    table = tables(tco_document(plain))["8 x H100, owned"]
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["purchase"]["month 1, cash"] == rows["purchase"]["month 1, accounting"] == "-"
    assert rows["depreciation"]["month 1, accounting"] == f"${own.depreciation[0]:,.0f}"
    assert rows["total"]["month 1, accounting"] == f"${own.accounting_month:,.0f}"
    assert rows["total"]["36 months"] == f"${own.total:,.0f}"


def test_never_is_written_with_its_reason(plain: Tco) -> None:
    """A break-even that is not met is an answer."""
    rows = tables(tco_document(plain))["own against rent"].rows
    assert rows[1][1:3] == ("never", "the API's price falls faster than the server pays back")
    assert rows[0][1] == "22.7 months"


def test_no_capital_means_no_break_even(plain: Tco) -> None:
    """Said in words rather than left out."""
    found = text.render(tco_document(with_options(plain, plain.base.options[1:])))
    assert "nothing has to pay back" in found


def test_variants_are_compared_with_the_base(plain: Tco) -> None:
    """One column each while they fit, and what each changes."""
    table = variant_table(plain, study_citations(plain))
    assert table.columns == ("result", "base", "hot summer", "cool hall")
    assert table.rows[0][0] == "own_vs_rent.months"
    assert "falls faster" in table.note
    assert "hot summer: pue = 1.6" in text.render(tco_document(plain))


def _many(plain: Tco, variants: int, results: int) -> Tco:
    figure = Figure(value=1.0, unit="h")
    named = tuple(Result(name=f"r{at}", figure=figure) for at in range(results))
    made = tuple(Variant(name=f"v{at}", changed=(), options=(), pairs=(), results=named) for at in range(variants))
    return replace(plain, base=replace(plain.base, results=named), variants=made)


@pytest.mark.parametrize(("variants", "results"), [(2, 45), (12, 3), (12, 9)])
def test_no_result_of_a_variant_is_dropped(plain: Tco, variants: int, results: int) -> None:
    """Whatever becomes the columns, every variant and every result is in the table once."""
    table = variant_table(many := _many(plain, variants, results), study_citations(many))
    assert len(table.columns) <= 6
    cells = [cell for row in table.rows for cell in row if cell == "1 h"]
    assert len(cells) == (variants + 1) * results


def test_variants_without_results_show_their_options(plain: Tco) -> None:
    """Their present costs, and unpriced ones as such."""
    bare = tuple(replace(one, results=()) for one in (plain.base, *plain.variants))
    changed = replace(plain, base=bare[0], variants=bare[1:])
    rows = {row[0]: row[1:] for row in variant_table(changed, study_citations(changed)).rows}
    assert rows["present cost of API"] == ("unpriced",) * 3
    assert rows["present cost of 8 x H100, owned"][0] == f"${plain.base.options[0].present:,.0f}"


@both
def test_amounts_are_in_the_study_s_currency(plain: Tco, make: Make) -> None:
    """No dollar sign before an amount of euros; figures keep the unit they state."""
    found = text.render(make(with_options(replace(plain, currency="EUR"), plain.base.options[:2])))
    answer = found.partition("Break-even")[0].partition("figures")[0]
    assert "$" not in answer
    assert "327,493 EUR" in answer


@both
def test_drawings_of_a_study_come_with_words(tco: Tco, make: Make) -> None:
    """Every chart can be read without seeing it: cost, cumulated cash, saving with band, tornado."""
    charts = [block for block in make(tco).blocks() if isinstance(block, Chart)]
    assert len(charts) == 4
    assert all(chart.svg.startswith("<svg") and chart.summary for chart in charts)


def test_a_saving_is_drawn_once(tco: Tco, plain: Tco) -> None:
    """With its band where there is one, else without."""
    for study in (tco, plain):
        titles = [block.title for block in tco_document(study).blocks() if isinstance(block, Chart)]
        assert titles.count("own against rent, cumulated saving") == 1


@pytest.mark.parametrize(
    ("saved", "month"), [([-10.0, 0.0], 1), ([-10.0, 10.0], 0.5), ([-1.0, -1.0], None), ([], None), ([5.0], 0.0)]
)
def test_a_saving_passes_zero_where_its_line_does(saved: list[float], month: float | None) -> None:
    """Between two months in a straight line; one that ends below zero never does for good."""
    assert crossed(saved) == month


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ((-10.0, 10.0, 30.0), "it passes zero: 0.5 months"),
        ((-10.0, 10.0, -10.0, 10.0), "it first passes zero 0.5 months, for good 2.5 months"),
        ((-10.0, 10.0, -10.0), "it first passes zero 0.5 months, for good never"),
        ((-10.0, -5.0), "it passes zero: never"),
        ((5.0, -5.0, 5.0), "it first passes zero 0 months, for good 1.5 months"),
        ((5.0, 6.0), "it passes zero: 0 months"),
    ],
)
def test_a_saving_that_dips_says_when_it_first_passes_zero_and_when_for_good(
    plain: Tco, saved: tuple[float, ...], told: str
) -> None:
    """Both months where they differ, one where they do not."""
    pair = replace(plain.base.pairs[0], saved=saved)
    chart = saving_chart(pair, crossed(saved), "USD")
    assert chart.summary.endswith(f"; {told}")


def test_the_memo_says_when_to_look_again(tco: Tco) -> None:
    """Ninety days after the prices' date."""
    assert "Review by 2027-02-22" in text.render(memo_of_tco(tco))


def test_the_imprint_can_make_it_again(tco: Tco) -> None:
    """Study, seed and date."""
    assert dict(tco_document(tco).meta) == {
        "study": "study-1",
        "seed": "7",
        "prices as of": "2026-11-24",
        "format": "1",
    }


@both
def test_a_terminal_shows_every_table_whole(tco: Tco, make: Make) -> None:
    """No line is wider than a wide terminal."""
    assert max(map(len, text.render(make(tco)).splitlines())) <= 160


def test_the_tornado_stands_on_the_study_s_own_margin(tco: Tco) -> None:
    """The compared option less the best; of one option its cost; nothing where a price is missing."""
    own, rent, api = tco.base.options
    assert margin(tco) == rent.present - own.present
    assert "base $122,652" in next(
        b.svg for b in tco_document(tco).blocks() if getattr(b, "title", "").startswith("What m")
    )
    assert margin(replace(tco, outlook=replace(tco.outlook, compared=""))) == own.present
    assert margin(replace(tco, outlook=replace(tco.outlook, compared=api.name))) is None
    assert margin(replace(tco, outlook=None)) is None


@cache
def drawn(path: Path) -> Tco:
    """A study of the examples, with an outlook where an option can be chosen."""
    found = computed(path)
    return computed(path, draws=100) if any(option.ranked for option in found.base.options) else found


STUDIES = sorted((Path(__file__).parents[3] / "examples/tco").glob("*.yaml"))


@both
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_number_of_a_document_resolves_to_a_fact_with_source_and_date(path: Path, make: Make) -> None:
    """Every row of every table has a mark, in the row or in what is said of the table; every mark a dated source."""
    document = make(drawn(path))
    assert document.problems() == ()
    for block in document.blocks():
        if isinstance(block, Table) and not MARK.search(f"{block.caption} {block.note}"):
            bare = [row[0] for row in block.rows if not any(MARK.search(cell) for cell in row) and digits(row)]
            assert bare == [], block.caption


def digits(row: tuple[str, ...]) -> bool:
    """Whether a row states a number at all."""
    return any(letter.isdigit() for cell in row[1:] for letter in cell)
