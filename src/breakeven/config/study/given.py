"""A quantity as people write it: `98.32 USD/h`, `15 %`, `= capex / life`, or a mapping with its source and range."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from breakeven.config.field import IDENTIFIER, Date, Section

Distribution = Literal["triangular", "uniform", "normal", "lognormal", "fixed"]
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=64)]


class Given(Section):
    """One quantity. Written short it is its `value`; written long it may carry range, trend and source."""

    value: Annotated[
        str | float | None,
        Field(description="number with unit (`98.32 USD/h`), or `= formula` over names; `null` is unpriced"),
    ] = None
    unit: Annotated[str, Field(description="the unit, where `value` is a bare number")] = ""
    fact: Annotated[str, Field(description="key of a catalog fact (`assumption/pue`) instead of a value")] = ""
    low: Annotated[str | float | None, Field(description="lower end of the range, in the same unit")] = None
    high: Annotated[str | float | None, Field(description="upper end of the range")] = None
    distribution: Annotated[
        Distribution,
        Field(description="how draws fall between low and high; `normal` and `lognormal` take them as P5 and P95"),
    ] = "triangular"
    trend: Annotated[
        str | float | None,
        Field(description="change a year, `-40 %/year` (or a month, `%/month`), compounding from month 1 on"),
    ] = None
    steps: Annotated[
        tuple[tuple[Annotated[int, Field(ge=1, le=600)], str | float], ...],
        Field(description="values that take over from a month on: `[[13, 0.2 USD/Mtok]]`"),
    ] = ()
    basis: Annotated[str, Field(description="list, sale, spot, on_demand, reserved, invoice, measured ...")] = ""
    source: Annotated[str, Field(description="where it comes from; left out, the study's source")] = ""
    url: Annotated[str, Field(description="where it can be read")] = ""
    as_of: Annotated[Date | None, Field(description="the day it was true, YYYY-MM-DD; left out, the study's")] = None
    note: Annotated[str, Field(description="shown with its source")] = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Given:
        if self.fact and self.value is not None:
            message = f"`fact: {self.fact}` and `value: {self.value}` are both given: keep one of them"
            raise ValueError(message)
        numbers = (self.value, self.low, self.high, self.trend, *(value for _, value in self.steps))
        wrong = [number for number in numbers if isinstance(number, float) and not math.isfinite(number)]
        if wrong:
            message = f"a quantity is a finite number, got {wrong[0]}: write `null` where there is none"
            raise ValueError(message)
        months = [month for month, _ in self.steps]
        if len(set(months)) < len(months):
            message = f"`steps` states month {max(months, key=months.count)} twice: keep one value for each month"
            raise ValueError(message)
        if self.formula is not None and (self.low is not None or self.high is not None):
            message = f"`= {self.formula}` has a range: state it on what the formula is computed from"
            raise ValueError(message)
        return self

    @property
    def formula(self) -> str | None:
        """The formula, where the value is one."""
        text = self.value
        return text[1:].strip() if isinstance(text, str) and text.lstrip().startswith("=") else None


def _long(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    return Given(value=value if isinstance(value, str) else float(value))


Quantity = Annotated[Given, BeforeValidator(_long, json_schema_input_type=str | float | Given)]
