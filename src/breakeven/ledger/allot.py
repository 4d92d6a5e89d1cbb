"""Idle follows work: what capacity cost beyond the work done on it is shared out over the cells that did the work.

For each deployment and UTC hour, capacity - work is idle where positive and over-attribution where negative. Where
telemetry measured the hour's work (`measured`), what it differs by from the sum derived for the requests is a
correction of theirs, and idle is the rest of capacity. It goes to that hour's cells by their work; idle of an hour
without work to the cells of the same day, else of the whole period; idle of a deployment without any work belongs to
nobody, which is a cell of its own. All integers, nothing is rounded away (`metric.unit_cost.share_out`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from breakeven.ledger.engine.port import NO_HOUR, Cell, Standby
from breakeven.ledger.measured import NOTHING_MEASURED, Measured
from breakeven.metric import unit_cost
from breakeven.schema.noun import Noun

UNATTRIBUTED = "unattributed"
_HOURS_PER_DAY = 24


class Share(Noun, frozen=True, kw_only=True):
    """A cell with the idle that follows its work (never negative), its part of over-attribution (never positive).

    `measured_pico_usd` is what telemetry measured of its work beyond what was derived, of either sign, and
    `energy_atto_kwh` its part of measured energy, idle included.
    """

    cell: Cell
    idle_pico_usd: int = 0
    over_pico_usd: int = 0
    measured_pico_usd: int = 0
    energy_atto_kwh: int = 0
    basis: int = 0
    idle_basis: int = 0

    @property
    def cost_pico_usd(self) -> int:
        """Everything the cell's predictions cost, idle included."""
        return self.cell.cost_pico_usd + self.idle_pico_usd + self.over_pico_usd + self.measured_pico_usd


class Balance(Noun, frozen=True, kw_only=True):
    """Sums over all deployment-hours, taken without sharing anything out."""

    capacity_pico_usd: int
    work_pico_usd: int
    direct_pico_usd: int
    idle_pico_usd: int
    over_pico_usd: int
    measured_pico_usd: int = 0

    @property
    def total_pico_usd(self) -> int:
        """What everything cost: capacity whether used or not, and what was charged per request."""
        return self.capacity_pico_usd + self.direct_pico_usd


_Place = tuple[str, int]


def balance(cells: Sequence[Cell], standby: Sequence[Standby], measured: Measured = NOTHING_MEASURED) -> Balance:
    """What the period's money was, before it is shared out."""
    found, fixes = _gaps(cells, standby, measured)
    gaps = found.values()
    work = sum(cell.work_pico_usd for cell in cells)
    return Balance(
        capacity_pico_usd=sum(one.cost_pico_usd for one in standby),
        work_pico_usd=work,
        direct_pico_usd=sum(cell.cost_pico_usd for cell in cells) - work,
        idle_pico_usd=sum(gap for gap in gaps if gap > 0),
        over_pico_usd=sum(gap for gap in gaps if gap < 0),
        measured_pico_usd=sum(fixes.values()),
    )


def part(shares: Sequence[Share]) -> Balance:
    """The balance of some shares alone: their charges, and the part of capacity that follows their work."""
    work = sum(one.cell.work_pico_usd for one in shares)
    idle, over = sum(one.idle_pico_usd for one in shares), sum(one.over_pico_usd for one in shares)
    fixed = sum(one.measured_pico_usd for one in shares)
    return Balance(
        capacity_pico_usd=work + idle + over + fixed,
        work_pico_usd=work,
        direct_pico_usd=sum(one.cell.cost_pico_usd for one in shares) - work,
        idle_pico_usd=idle,
        over_pico_usd=over,
        measured_pico_usd=fixed,
    )


def allot(
    cells: Sequence[Cell], standby: Sequence[Standby], measured: Measured = NOTHING_MEASURED
) -> tuple[Share, ...]:
    """Every cell with its share, and cells of nobody's idle; their costs sum to `balance(...).total_pico_usd`."""
    weights = _Weights(cells)
    idle: dict[str, int] = defaultdict(int)
    over: dict[str, int] = defaultdict(int)
    left: dict[_Place, int] = defaultdict(int)
    fixed: dict[str, int] = defaultdict(int)
    gaps, fixes = _gaps(cells, standby, measured)
    for place, amount in sorted(fixes.items()):
        _spread(amount, weights.hour[place], fixed)
    for (deployment, hour), gap in sorted(gaps.items()):
        if gap < 0:
            _spread(gap, weights.hour[deployment, hour], over)
        elif gap and not _spread(gap, weights.hour[deployment, hour], idle):
            left[deployment, hour // _HOURS_PER_DAY] += gap
    nobody = _later(left, weights, idle)
    bases, energy = _bases(standby), _energy(measured, weights)
    shares = [
        Share(
            cell=cell,
            idle_pico_usd=idle[key],
            over_pico_usd=over[key],
            measured_pico_usd=fixed[key],
            energy_atto_kwh=energy[key],
            basis=0 if (cell.deployment, cell.hour) in fixes and _all_work(cell) else cell.basis,
            idle_basis=bases.get(cell.deployment, 0) if idle[key] or over[key] else 0,
        )
        for key, cell in weights.keyed
    ]
    models = {one.deployment: one.model for one in standby}
    shares += [_nobody(place, amount, models, bases) for place, amount in sorted(nobody.items())]
    return tuple(shares)


class _Weights:
    """Work by cell, at each level at which idle may be shared out. Keys sort like the cells."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.keyed = [(f"{at:09d}", cell) for at, cell in enumerate(cells)]
        self.hour: dict[_Place, dict[str, int]] = defaultdict(dict)
        self.day: dict[_Place, dict[str, int]] = defaultdict(dict)
        self.period: dict[str, dict[str, int]] = defaultdict(dict)
        for key, cell in self.keyed:
            if cell.work_pico_usd > 0:
                self.hour[cell.deployment, cell.hour][key] = cell.work_pico_usd
                self.day[cell.deployment, cell.day][key] = cell.work_pico_usd
                self.period[cell.deployment][key] = cell.work_pico_usd


def _gaps(
    cells: Iterable[Cell], standby: Iterable[Standby], measured: Measured
) -> tuple[dict[_Place, int], dict[_Place, int]]:
    """Capacity beyond work, by place, and what measured work differs by from derived work, where there is any."""
    gaps: dict[_Place, int] = defaultdict(int)
    work: dict[_Place, int] = defaultdict(int)
    for one in standby:
        gaps[one.deployment, one.hour] += one.cost_pico_usd
    for cell in cells:
        if cell.work_pico_usd:
            work[cell.deployment, cell.hour] += cell.work_pico_usd
    fixes = {place: measured.work_pico_usd[place] - work[place] for place in work if place in measured.work_pico_usd}
    for place, amount in work.items():
        gaps[place] -= amount + fixes.get(place, 0)
    return gaps, fixes


def _all_work(cell: Cell) -> bool:
    return cell.cost_pico_usd == cell.work_pico_usd and not cell.unpriced


def _energy(measured: Measured, weights: _Weights) -> dict[str, int]:
    """Measured energy follows work as idle does; that of a deployment without any is nobody's and is left out."""
    energy: dict[str, int] = defaultdict(int)
    for (deployment, hour), amount in sorted(measured.energy_atto_kwh.items()):
        place, day = (deployment, hour), (deployment, hour // _HOURS_PER_DAY)
        _spread(amount, weights.hour[place] or weights.day[day] or weights.period[deployment], energy)
    return energy


def _spread(amount: int, weights: Mapping[str, int], into: dict[str, int]) -> bool:
    """Share an amount out; False when there is nobody to share it with."""
    if not weights:
        return False
    for key, part in unit_cost.share_out(amount, weights).items():
        into[key] += part
    return True


def _later(left: Mapping[_Place, int], weights: _Weights, idle: dict[str, int]) -> dict[_Place, int]:
    """Idle of hours without work, by day, then by period; what remains is nobody's."""
    nobody: dict[_Place, int] = {}
    rest: dict[str, int] = defaultdict(int)
    for (deployment, day), amount in sorted(left.items()):
        if _spread(amount, weights.day[deployment, day], idle):
            continue
        if weights.period[deployment]:
            rest[deployment] += amount
        else:
            nobody[deployment, day] = amount
    for deployment, amount in sorted(rest.items()):
        _spread(amount, weights.period[deployment], idle)
    return nobody


def _bases(standby: Iterable[Standby]) -> dict[str, int]:
    bases: dict[str, int] = {}
    for one in standby:
        bases[one.deployment] = max(bases.get(one.deployment, 0), one.basis)
    return bases


def _nobody(place: _Place, amount: int, models: Mapping[str, str], bases: Mapping[str, int]) -> Share:
    deployment, day = place
    cell = Cell(
        deployment=deployment,
        hour=NO_HOUR,
        day=day,
        use_case=UNATTRIBUTED,
        tenant=UNATTRIBUTED,
        model=models.get(deployment, ""),
        arm=UNATTRIBUTED,
        fate="not_measurable",
        measurable=False,
    )
    return Share(cell=cell, idle_pico_usd=amount, idle_basis=bases.get(deployment, 0))
