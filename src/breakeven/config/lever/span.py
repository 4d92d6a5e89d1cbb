"""A number of a question, with the range it may lie in."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from breakeven.config.field import Section

Basis = Literal["measured", "fitted", "derived", "assumed"]


class Span(Section):
    """A number, or one with a range: `0.3`, or `{value: 0.3, low: 0.2, high: 0.4, basis: measured}`."""

    value: Annotated[float, Field(description="the best guess")]
    low: Annotated[float | None, Field(description="the least it may be")] = None
    high: Annotated[float | None, Field(description="the most it may be")] = None
    basis: Annotated[Basis, Field(description="how it was obtained")] = "assumed"
    source: Annotated[str, Field(description="who says so")] = ""

    least: ClassVar[float] = -math.inf
    most: ClassVar[float] = math.inf
    positive: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _long(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if isinstance(given, bool | str | tuple | list):
            shown = given if isinstance(given, str | bool) else "a list"
            message = f"a number is needed here, got {shown}: write 0.3, or a mapping of value, low and high"
            raise ValueError(message)  # noqa: TRY004 - what pydantic takes for a complaint
        return {"value": float(given)} if isinstance(given, int | float) else given

    @model_validator(mode="after")
    def _possible(self) -> Span:
        for number in (self.value, self.low, self.high):
            if number is not None and not (math.isfinite(number) and self._inside(number)):
                message = f"the number {number:g} is not possible here: {self._allowed()}"
                raise ValueError(message)
        low, high = self.value if self.low is None else self.low, self.value if self.high is None else self.high
        if not low <= self.value <= high:
            message = f"value {self.value:g} is outside of its range {low:g} to {high:g}: let low <= value <= high"
            raise ValueError(message)
        return self

    def _inside(self, number: float) -> bool:
        return self.least <= number <= self.most and not (self.positive and number <= 0)

    def _allowed(self) -> str:
        if self.positive:
            return "give more than 0"
        if math.isinf(self.most):
            return f"give at least {self.least:g}" if math.isfinite(self.least) else "give a finite number"
        return f"give {self.least:g} to {self.most:g}"

    @property
    def ranged(self) -> bool:
        """Whether it has a range."""
        return (self.low, self.high) != (None, None)


class Share(Span):
    """From 0 to 1."""

    least, most = 0.0, 1.0


class Amount(Span):
    """Not negative."""

    least = 0.0


class Positive(Span):
    """More than 0."""

    least, positive = 0.0, True
