"""A workload that does not exist yet, in a few lines of YAML: how requests arrive and how long they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from breakeven.config import reading
from breakeven.config.field import Count, Positive, Section
from breakeven.config.problem import Complaint
from breakeven.config.rule import mapping, number
from breakeven.config.tree import Value

Arrivals = Literal["poisson", "bursty", "steady"]
Tokens = Annotated[float, Field(ge=1, le=10_000_000, allow_inf_nan=False)]


class Lengths(Section):
    """Tokens of a request as a distribution."""

    mean: Annotated[Tokens, Field(description="mean tokens of a request")]
    p50: Annotated[Tokens, Field(description="half of the requests have at most so many")]
    p95: Annotated[Tokens, Field(description="95 of 100 requests have at most so many")]


class Coming(Section):
    """How requests arrive, whatever they ask."""

    rate: Annotated[Positive, Field(description="requests per second over all replicas")]
    arrivals: Annotated[Arrivals, Field(description="independent of each other, in bursts, or at equal distances")] = (
        "poisson"
    )
    cv: Annotated[
        float | None,
        Field(gt=1, le=20, description="of `bursty`: standard deviation / mean of the gaps (poisson has 1); else 4"),
    ] = None
    requests: Annotated[Count | None, Field(description="how many; left out, 4000 or what `seconds` hold")] = None
    seconds: Annotated[Positive | None, Field(description="or for how long")] = None
    seed: Annotated[int, Field(ge=0, description="of arrivals and lengths")] = 0

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.requests is not None and self.seconds is not None:
            message = f"`requests: {self.requests}` and `seconds: {self.seconds:g}` are both given: keep one of them"
            raise ValueError(message)
        if self.cv is not None and self.arrivals != "bursty":
            message = (
                f"`cv: {self.cv:g}` is of bursty arrivals, and these are {self.arrivals}: write `arrivals: bursty`"
            )
            raise ValueError(message)
        return self


class Traffic(Coming):
    """A workload for `breakeven simulate` and `breakeven size`."""

    input_tokens: Annotated[Tokens | Lengths, Field(description="prompt tokens: one number for all, or a distribution")]
    output_tokens: Annotated[Tokens | Lengths, Field(description="answer tokens, likewise")]


def _ordered(value: Value) -> Iterator[Complaint]:
    """A median above the 95th percentile is no distribution."""
    for name in ("input_tokens", "output_tokens"):
        lengths = mapping(value, name)
        p50, p95 = number(lengths, "p50"), number(lengths, "p95")
        if p50 is not None and p95 is not None and p50 > p95:
            message = f"`p50` of {p50:g} tokens is above `p95` of {p95:g}"
            yield Complaint(path=(name, "p50"), message=message, hint=f"write at most {p95:g}, or raise `p95`")


def load(text: str, filename: str = "workload.yaml") -> Traffic:
    """A workload from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(Traffic, text, filename, (_ordered,))
