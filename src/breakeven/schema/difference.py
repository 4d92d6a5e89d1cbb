"""What two plans, policies or statements differ in, and why."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

SideKind = Literal["plan", "policy", "statement"]
WhyKind = Literal["fact", "workload", "objective", "assumption", "input", "measured", "setting"]
WHY_KINDS: tuple[WhyKind, ...] = ("fact", "workload", "objective", "assumption", "input", "measured", "setting")

COST = "cost_per_useful_prediction_usd"
"""The figure that a gate looks at."""


class Moved(Noun, frozen=True, kw_only=True):
    """A headline figure on both sides; None is unpriced or unknown."""

    name: str
    unit: str
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """After less before; None where one is not known."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def rise(self) -> float | None:
        """After / before less 1; None where one is not known or before is nothing."""
        return None if not self.before or self.after is None else self.after / self.before - 1


class OptionMoved(Noun, frozen=True, kw_only=True):
    """An option (of a statement: a use case) whose place or cost differs. Ranks count from 1; None is not there."""

    name: str
    before_rank: int | None = None
    after_rank: int | None = None
    before_usd: float | None = None
    after_usd: float | None = None
    before_binding: str = ""
    after_binding: str = ""


class Why(Noun, frozen=True, kw_only=True):
    """Something the sides rest on that differs; None is absent."""

    kind: WhyKind
    key: str
    before: str | None
    after: str | None


class Difference(Noun, frozen=True, kw_only=True):
    """Everything two sides of one kind differ in. `figures` are always there, the rest only where it differs."""

    kind: SideKind
    before_id: str
    after_id: str
    before_chosen: str = ""
    after_chosen: str = ""
    figures: tuple[Moved, ...] = ()
    options: tuple[OptionMoved, ...] = ()
    whys: tuple[Why, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        same = self.before_chosen == self.after_chosen and all(one.before == one.after for one in self.figures)
        return same and not self.options and not self.whys

    @property
    def cost(self) -> Moved | None:
        """The cost per useful prediction, where these sides have one."""
        return next((one for one in self.figures if one.name == COST), None)
