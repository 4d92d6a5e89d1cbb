"""A workload of a classic model in a few lines of YAML: rows in, scores out, within a latency budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import NotNegative, Positive, Section, Share, Text
from breakeven.config.problem import Complaint
from breakeven.config.rule import mapping, number
from breakeven.config.traffic import Coming
from breakeven.config.tree import Value
from breakeven.schema.noun import Placement, Tier


class StagesSection(Section):
    """What of the latency budget is not inference."""

    network_s: Annotated[NotNegative, Field(description="to the server and back")] = 0.0
    features_s: Annotated[NotNegative, Field(description="retrieval of features")] = 0.0
    postprocess_s: Annotated[NotNegative, Field(description="rules on the scores, assembly of the answer")] = 0.0
    render_s: Annotated[NotNegative, Field(description="until the user sees it")] = 0.0


class Scoring(Coming):
    """A workload for `breakeven plan --curve`."""

    rows: Annotated[float, Field(ge=1, le=1_000_000, description="rows that a request scores, on average")] = 1.0
    latency_s: Annotated[Positive | None, Field(description="budget of the whole use case")] = None
    stages: Annotated[StagesSection, Field(description="what of it is not inference")] = StagesSection()
    attainment: Annotated[Share, Field(description="share of requests that must keep the budget")] = 0.95
    spare_replicas: Annotated[int, Field(ge=0, le=512, description="beyond those that carry the demand: 1 is N+1")] = 0
    tier: Annotated[Tier, Field(description="critical, important or opportunistic")] = "important"
    placements: Annotated[tuple[Placement, ...], Field(description="only these; left out, any")] = ()
    regions: Annotated[tuple[Text, ...], Field(description="only offers of these; left out, any")] = ()
    horizon_months: Annotated[int, Field(ge=1, le=240, description="what owned hardware is written off over")] = 36


def load(text: str, filename: str = "scoring.yaml") -> Scoring:
    """A workload from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(Scoring, text, filename, (_within,))


def _within(value: Value) -> Iterator[Complaint]:
    """Stages that take the whole budget leave nothing for inference."""
    budget, stages = number(value if isinstance(value, dict) else {}, "latency_s"), mapping(value, "stages")
    around = sum(number(stages, name) or 0.0 for name in stages)
    if budget is not None and around >= budget:
        message = f"the stages take {around:g} s of a budget of {budget:g} s"
        yield Complaint(path=("stages",), message=message, hint="widen the budget, or shorten a stage")
