"""An estimate: the first answer from three numbers, before anything was recorded."""

from __future__ import annotations

from typing import Literal

from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.bill import Bill
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure, Noun

ChoiceKind = Literal["api", "rent", "own"]


class Ask(Noun, frozen=True, kw_only=True):
    """Tokens are means per request; `against` is a model that an API sells, or the id of an offer."""

    model: str
    requests_per_month: float
    input_tokens: float
    output_tokens: float
    against: str
    as_of: str

    @property
    def rate_rps(self) -> float:
        """Mean requests per second of a month of 730 hours."""
        return self.requests_per_month / SECONDS_PER_MONTH


class Choice(Noun, frozen=True, kw_only=True):
    """One way to serve, its month and its thousand requests; a figure without value says why in its note."""

    kind: ChoiceKind
    name: str
    monthly_usd: Figure
    per_1000_usd: Figure
    accelerator: str = ""
    replicas: int | None = None
    bill: Bill | None = None


class Estimate(Noun, frozen=True, kw_only=True):
    """The answer: low, base and high cost of each choice, and where they cross.

    Volumes are requests a month from which capacity is cheaper than the API; months are until a purchase has paid for
    itself. None is never, and the figure's note says why; a `low` or `high` of None is never at that end.
    """

    ask: Ask
    choices: tuple[Choice, ...]
    cheapest: str
    rent_volume: Figure
    own_volume: Figure
    own_against_rent_months: Figure
    own_against_api_months: Figure
    facts: tuple[Fact, ...]
    assumptions: tuple[str, ...]
    caveats: tuple[str, ...]
    version: int = 1
