"""What a vendor proposes, and the workload that proposals are compared on. Two YAML files; absent is unknown."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from breakeven.config import reading
from breakeven.config.field import DATE, Date, Positive, Section, Text
from breakeven.config.problem import Complaint, Path
from breakeven.config.study.file import Conventions, Demand, Rate
from breakeven.config.study.given import Identifier, Quantity
from breakeven.config.study.option import Option
from breakeven.config.tree import Value

Included = Literal["egress", "feature_store", "feature_reads"]
Percentile = Literal["p50", "p95", "p99"]
CURRENCY = r"^[A-Z]{3}$"
BILLED = r"^([A-Z]{3})?$"
ID = r"^[a-z0-9][a-z0-9-]*$"


def _number(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """`45 %` is 0.45."""
    found = _PER_CENT.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else float(found[1]) / 100


_PER_CENT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*%\s*")
_PLAIN = BeforeValidator(_number, json_schema_input_type=float | str)
Part = Annotated[float, _PLAIN, Field(gt=0, le=1, allow_inf_nan=False)]
Multiple = Annotated[float, _PLAIN, Field(gt=0, le=20, allow_inf_nan=False)]
"""What is multiplied by more has its per cent sign left out."""
Price = Annotated[float, _PLAIN, Field(gt=0, le=100, allow_inf_nan=False)]
Yearly = Annotated[float, _PLAIN, Field(ge=0, le=10, allow_inf_nan=False)]


class Sla(Section):
    """What is promised, and what a broken promise pays."""

    availability: Annotated[Quantity | None, Field(description="share of the time it answers: `99.9 %`")] = None
    p95: Annotated[Quantity | None, Field(description="promised 95th percentile of its answer: `80 ms`")] = None
    p99: Annotated[Quantity | None, Field(description="promised 99th percentile of its answer")] = None
    credit: Annotated[Quantity | None, Field(description="paid back per breach, share of a month's bill")] = None
    credit_cap: Annotated[Quantity | None, Field(description="most it pays back, share of a month's bill")] = None
    window: Annotated[str, Field(description="what a breach is measured over: `calendar month`")] = ""


class Stage(Section):
    """A stage of the inference chain: inside the vendor's latency figures, or beside them."""

    included: Annotated[bool | None, Field(description="whether the vendor's latency figures hold it")] = None
    time: Annotated[Quantity | None, Field(description="how long it takes at most, where they do not")] = None

    @model_validator(mode="after")
    def _one_place(self) -> Stage:
        if self.included and self.time is not None:
            message = f"`included: true` and `time: {self.time.value}` both say how it counts: keep one of them"
            raise ValueError(message)
        return self


class Chain(Section):
    """The full path of a prediction: network, features, capacity, and what happens at peak."""

    network: Annotated[Stage, Field(description="from the application and back")] = Stage()
    feature_retrieval: Annotated[Stage, Field(description="reading features; needed where the workload has any")] = (
        Stage()
    )
    capacity: Annotated[
        Literal["dedicated", "multiplexed"] | None, Field(description="own machines, or shared with other customers")
    ] = None
    at_peak: Annotated[
        Literal["queue", "throttle", "autoscale", "reject"] | None,
        Field(description="what it does with more than it has capacity for"),
    ] = None
    autoscale_time: Annotated[Quantity | None, Field(description="until added capacity answers: `90 s`")] = None
    cold_start: Annotated[Quantity | None, Field(description="first answer of an instance that slept: `8 s`")] = None
    limit: Annotated[Quantity | None, Field(description="most it accepts: `500 request/s`")] = None


class Measured(Section):
    """The latency of the vendor's answer at one level of load: percentiles, or the samples themselves."""

    p50: Annotated[Quantity | None, Field(description="median: `35 ms`")] = None
    p95: Annotated[Quantity | None, Field(description="95th percentile")] = None
    p99: Annotated[Quantity | None, Field(description="99th percentile")] = None
    samples: Annotated[
        tuple[Positive, ...], Field(description="or measured latencies; p95 needs 20 of them, p99 100")
    ] = ()
    unit: Annotated[Literal["s", "ms"], Field(description="unit of the samples")] = "ms"

    @model_validator(mode="after")
    def _one_form(self) -> Measured:
        if self.samples and (self.p50 or self.p95 or self.p99):
            message = f"{len(self.samples)} samples and percentiles are both given: keep one of them"
            raise ValueError(message)
        return self


class Proof(Section):
    """Whether the vendor can do it, and how that is known. Written short it is its `state`."""

    state: Annotated[Literal["proven", "stated", "no"], Field(description="seen to work, said to work, or not offered")]
    evidence: Annotated[str, Field(description="what proves it: a trial, an export, a page; needed for `proven`")] = ""

    @model_validator(mode="after")
    def _evident(self) -> Proof:
        if self.state == "proven" and not self.evidence.strip():
            message = "`state: proven` has `evidence:` empty: name the trial, export or page, or write `stated`"
            raise ValueError(message)
        return self


def _proof(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    return {"state": value} if isinstance(value, str) else value


Proven = Annotated[Proof, BeforeValidator(_proof)]


class Tracking(Section):
    """What can be followed afterwards, prediction by prediction."""

    prediction_id: Annotated[Proven | None, Field(description="every answer carries an id (30 points)")] = None
    outcome_join: Annotated[Proven | None, Field(description="outcomes can be joined to that id (30 points)")] = None
    request_timing: Annotated[Proven | None, Field(description="timing of each request is returned (20 points)")] = None
    usage_export: Annotated[Proven | None, Field(description="the usage log can be exported (20 points)")] = None


class Counting(Section):
    """How the vendor counts tokens, against how the workload counts them."""

    rule: Annotated[Text, Field(description="its tokenizer or rule: `o200k_base`, `4 characters`")]
    factor: Annotated[Multiple, Field(description="its tokens for one token of the workload; 1 is counted alike")]


class Terms(Section):
    """What the price does when things grow."""

    rise_cap: Annotated[Quantity | None, Field(description="most that prices may rise: `5 %/year`")] = None
    larger_model: Annotated[
        Price | None, Field(description="price of a model of the workload's larger size / today's price")
    ] = None
    volume: Annotated[str, Field(description="what holds at higher volume, in words; tiers belong into the option")] = (
        ""
    )


class Proposal(Section):
    """One vendor's proposal. What it leaves out is unknown, never good."""

    proposal: Annotated[Literal[1], Field(description="version of this grammar")]
    id: Annotated[str, Field(pattern=ID, max_length=64, description="short name, unique among those compared")]
    vendor: Annotated[Text, Field(description="who proposes")]
    title: Annotated[Text, Field(description="what is proposed")]
    source: Annotated[Text, Field(description="document, mail or page it was read in; `example figures`")]
    url: Annotated[str, Field(description="where that can be read")] = ""
    date: Annotated[Date | None, Field(description="date of the prices, YYYY-MM-DD")] = None
    valid_until: Annotated[Date | None, Field(description="last day the prices hold")] = None
    currency: Annotated[
        str, Field(pattern=BILLED, description="currency it bills in, ISO 4217; left out, the one its prices are in")
    ] = ""
    units: Annotated[tuple[Identifier, ...], Field(description="things its prices are per that no list has")] = ()
    inputs: Annotated[dict[Identifier, Quantity], Field(description="named quantities for formulas of the option")] = {}
    option: Annotated[Option, Field(description="prices, tiers, minimums, commitments, lines, exit: as in a study")]
    included: Annotated[tuple[Included, ...], Field(description="what the price holds already, so needs no line")] = ()
    accelerator: Annotated[str, Field(description="catalog id of the rented accelerator, to compare with peers")] = ""
    sla: Annotated[Sla, Field(description="promises")] = Sla()
    chain: Annotated[Chain, Field(description="the inference chain")] = Chain()
    latency: Annotated[dict[Identifier, Measured], Field(description="measured latency by level of the workload")] = {}
    tracking: Annotated[Tracking, Field(description="what can be followed afterwards")] = Tracking()
    counting: Annotated[Counting | None, Field(description="how tokens are counted; needed for prices per token")] = (
        None
    )
    regions: Annotated[tuple[Text, ...], Field(description="where data may be processed and kept")] = ()
    growth: Annotated[Terms, Field(description="what the price does when things grow")] = Terms()
    unanswered: Annotated[tuple[Text, ...], Field(description="questions the vendor has left open")] = ()
    note: Annotated[str, Field(description="anything else")] = ""


class Level(Section):
    """One level of load."""

    multiple: Annotated[Positive, Field(description="of the demand")]
    hours: Annotated[Part, Field(description="share of the hours at this level, `0.45` or `45 %`; all sum to 1")]


class Budget(Section):
    """The latency that a prediction must keep, end to end."""

    percentile: Annotated[Percentile, Field(description="the percentile that must keep it")] = "p95"
    limit: Annotated[Quantity, Field(description="`100 ms`, network and feature retrieval included")]


class ModelGrowth(Section):
    """A larger model, or one that says more: what it multiplies."""

    what: Annotated[
        Literal["tokens", "parameters"], Field(description="`parameters` also asks the vendor for its price")
    ]
    factor: Annotated[Positive, Field(description="how much larger, for the title")] = 2.0
    tokens: Annotated[Multiple, Field(description="multiplies the tokens of a request")] = 1.0
    energy: Annotated[Multiple, Field(description="multiplies the power drawn")] = 1.0
    capacity: Annotated[Multiple, Field(description="multiplies what an instance or unit carries; 0.5 is half")] = 1.0


class FeatureStore(Section):
    """The features a prediction needs. Prices are lines per `feature_gb` and per `feature_read`."""

    size: Annotated[Quantity | None, Field(description="kept: `500 feature_gb`")] = None
    reads: Annotated[Quantity | None, Field(description="`3 feature_read/request`")] = None
    growth: Annotated[Yearly | None, Field(description="growth of the size a year, `0.4` or `40 %`")] = None
    reads_growth: Annotated[Yearly | None, Field(description="growth of the reads per request a year")] = None
    after_years: Annotated[Positive, Field(description="how far ahead its growth is looked at")] = 1.0


class Weights(Section):
    """How much each criterion counts in the ranking."""

    cost: Annotated[Positive, Field(description="cost per prediction")] = 0.5
    latency: Annotated[Positive, Field(description="latency variance, p99 / p50")] = 0.25
    tracking: Annotated[Positive, Field(description="tracking reliability, points of 100")] = 0.25


class WorkloadFile(Section):
    """What every proposal is asked to serve."""

    workload: Annotated[Literal[1], Field(description="version of this grammar")]
    id: Annotated[str, Field(pattern=ID, max_length=64, description="short name")]
    title: Annotated[Text, Field(description="what is served")]
    source: Annotated[Text, Field(description="where the demand comes from: a ledger, a log, `own assumption`")]
    as_of: Annotated[Date, Field(description="date of the demand; catalog prices are of this day")]
    currency: Annotated[str, Field(pattern=CURRENCY, description="currency of the comparison, ISO 4217")] = "USD"
    conventions: Annotated[Conventions, Field(description="month, horizon, discount rate: as in a study")] = (
        Conventions(hours_per_month=730)
    )
    fx: Annotated[tuple[Rate, ...], Field(description="dated exchange rates: as in a study")] = ()
    demand: Annotated[Demand, Field(description="requests, tokens, useful share, value: as in a study")]
    levels: Annotated[dict[Identifier, Level], Field(min_length=1, description="low, medium, peak: by name")]
    always_on: Annotated[
        Part | None, Field(description="share of the mean demand that is always there; left out, the lowest level's")
    ] = None
    latency: Annotated[Budget | None, Field(description="the latency budget; left out, none is asked for")] = None
    model_growth: Annotated[ModelGrowth | None, Field(description="the model growing")] = None
    feature_store: Annotated[FeatureStore | None, Field(description="the features it needs, and their growth")] = None
    regions: Annotated[tuple[Text, ...], Field(description="where data must stay; left out, anywhere")] = ()
    weights: Annotated[Weights, Field(description="weights of the ranking")] = Weights()
    lock_in_months: Annotated[Positive, Field(description="leaving may cost this many months of spend")] = 6.0
    note: Annotated[str, Field(description="anything else")] = ""


def _whole(value: Value) -> Iterator[Complaint]:
    """The hours of all levels are all hours."""
    levels = value.get("levels") if isinstance(value, dict) else None
    if not isinstance(levels, dict) or not levels:
        return
    hours = [_number(level.get("hours")) for level in levels.values() if isinstance(level, dict)]
    shares = [float(one) for one in hours if isinstance(one, int | float)]
    if len(shares) == len(levels) and not math.isclose(math.fsum(shares), 1.0, abs_tol=1e-6):
        message = f"the hours of {', '.join(levels)} sum to {math.fsum(shares):g}, and all hours are 1"
        yield Complaint(path=("levels",), message=message, hint="correct the shares, such as 0.3, 0.6 and 0.1")


def _asked(value: Value) -> Iterator[Complaint]:
    """Predictions are requests: without them nothing is per prediction."""
    demand = value.get("demand") if isinstance(value, dict) else None
    if isinstance(demand, dict) and demand.get("requests") is None:
        message = "`demand` states no `requests`, and costs are per prediction"
        yield Complaint(path=("demand",), message=message, hint="add `requests: 120000 request/day`")


DAYS = frozenset({"date", "valid_until", "as_of"})


def _days(value: Value, path: Path = ()) -> Iterator[Complaint]:
    """Every date is a day of the calendar."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in DAYS and isinstance(one, str) and re.fullmatch(DATE, one) and not _is_day(one):
                message = f"`{key}` is {one}, and there is no such day"
                yield Complaint(path=(*path, key), message=message, hint="correct the day or the month")
            yield from _days(one, (*path, key))
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            yield from _days(one, (*path, at))


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _in_order(value: Value) -> Iterator[Complaint]:
    """Prices hold from their date on."""
    first, last = (value.get("date"), value.get("valid_until")) if isinstance(value, dict) else (None, None)
    if isinstance(first, str) and isinstance(last, str) and last < first:
        message = f"the prices are of {first}, and hold until {last}, before that"
        yield Complaint(path=("valid_until",), message=message, hint="correct one of the two dates")


def load_proposal(text: str, filename: str = "proposal.yaml") -> Proposal:
    """A proposal from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(Proposal, text, filename, (_days, _in_order))


def load_workload(text: str, filename: str = "workload.yaml") -> WorkloadFile:
    """A workload from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(WorkloadFile, text, filename, (_whole, _asked, _days))
