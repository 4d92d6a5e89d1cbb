"""The smallest deployment that keeps its targets, how near the edge it is, and what it was chosen over."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.report.document import Align, Document, Items, Section, Table, Verdict
from breakeven.report.forecast import latencies, number, served
from breakeven.schema.forecast import Forecast
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective

LEFT: Align = "left"
RIGHT: Align = "right"
_NAMES = {"ttft_s": "TTFT", "tpot_s": "TPOT", "e2e_s": "E2E"}


class Deployment(Noun, frozen=True, kw_only=True):
    """A deployment as a row."""

    model: str
    accelerator: str
    precision: str
    tp: int
    pp: int
    replicas: int
    accelerators: int
    share: float
    reached: dict[str, float]

    @property
    def said(self) -> str:
        """In words."""
        replicas = f"{self.replicas} replica{'' if self.replicas == 1 else 's'}"
        return f"{self.accelerators} x {self.accelerator} in {self.precision}: {replicas} of tp {self.tp}, pp {self.pp}"


class Chosen(Noun, frozen=True, kw_only=True):
    """The choice with all that speaks for it."""

    choice: Deployment
    others: tuple[Deployment, ...]
    smaller: Deployment | None
    why: str
    attainment: float
    margin: float
    share_slow: float
    headroom: float
    screened: int
    simulated: int
    forecast: Forecast
    overrides: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def sizing_document(chosen: Chosen) -> Document:
    """The choice for people."""
    best = chosen.choice
    return Document(
        title=f"{best.model}: {best.accelerators} x {best.accelerator}",
        subtitle=f"{chosen.screened:,} deployments screened in closed form, {chosen.simulated} simulated",
        sections=(
            Section(title="Answer", blocks=(Verdict(sentence=best.said), Items(items=tuple(_edge(chosen))))),
            Section(title="What else would do, or nearly", blocks=(_table(chosen),)),
            Section(
                title="Service", blocks=(latencies(chosen.forecast), served(chosen.forecast, Objective(use_case="")))
            ),
            Section(title="What it rests on", blocks=(Items(items=tuple(_rests(chosen))),)),
        ),
    )


def _edge(chosen: Chosen) -> Iterator[str]:
    best = chosen.choice
    yield f"{best.share:.1%} of requests are inside the targets, {chosen.attainment:.1%} are asked for"
    within = ", ".join(f"{_NAMES[name]} {number(value)} s" for name, value in best.reached.items())
    yield f"{chosen.attainment:.0%} of requests are within {within}"
    yield f"at the slow end of the 80 % interval {chosen.share_slow:.1%} are inside"
    yield f"it would still do at {chosen.headroom:.3g} times the rate"
    smaller = "nothing smaller can be" if chosen.smaller is None else f"the next smaller, {chosen.smaller.said}"
    yield f"{smaller}: {chosen.why}"
    if chosen.forecast.note:
        yield f"{chosen.forecast.note}: targets are kept on this trace, a longer one may pile up"


def _table(chosen: Chosen) -> Table:
    marked = [("chosen", chosen.choice), *(("does too", one) for one in chosen.others)]
    marked += [] if chosen.smaller is None else [("does not", chosen.smaller)]
    names = tuple(chosen.choice.reached)
    rows = tuple(
        (
            mark, str(one.accelerators), one.accelerator, one.precision, str(one.tp), str(one.pp), str(one.replicas),
            f"{one.share:.1%}", *(number(one.reached[name] * 1e3) for name in names),
        )
        for mark, one in marked
    )  # fmt: skip
    columns = ("", "accelerators", "kind", "precision", "tp", "pp", "replicas", "inside")
    reached = tuple(f"{_NAMES[name]}, ms" for name in names)
    return Table(
        caption=f"simulated; latencies that {chosen.attainment:.0%} of requests are within",
        columns=(*columns, *reached),
        rows=rows,
        align=(LEFT, RIGHT, LEFT, LEFT, *[RIGHT] * (4 + len(names))),
    )


def _rests(chosen: Chosen) -> Iterator[str]:
    yield from (f"overridden: {said}" for said in chosen.overrides)
    yield from (f"assumed: {said}" for said in chosen.assumed)
    yield "accelerators are counted, not priced: `breakeven plan` and `breakeven tco` weigh what they cost"
