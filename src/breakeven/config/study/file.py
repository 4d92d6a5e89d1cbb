"""A study: demand, options, conventions, and what to find out. One YAML file, no code per case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from breakeven.config import reading
from breakeven.config.field import CURRENCY, STUDY_ID, Date, Positive, Section, Text
from breakeven.config.study.given import Identifier, Quantity
from breakeven.config.study.option import Option, When


class Source(Section):
    """Where the study's figures come from; single quantities may name their own."""

    title: Annotated[Text, Field(description="paper, page, contract, or `own assumption`")]
    url: Annotated[str, Field(description="where it can be read")] = ""
    published: Annotated[Date, Field(description="YYYY-MM-DD")]
    licence: Annotated[str, Field(description="of the figures taken from it")] = ""
    note: Annotated[str, Field(description="such as: read in a quotation, not in the original")] = ""


class Conventions(Section):
    """What print leaves unsaid. Every result carries them."""

    hours_per_month: Annotated[
        Positive | None,
        Field(
            le=744, description="730 (8760 / 12), 720 (30 days), 176 (22 days of 8 h); needed where hours meet months"
        ),
    ] = None
    days_per_month: Annotated[
        Positive | None, Field(le=31, description="left out, hours / 24 where the month is a whole one")
    ] = None
    horizon_months: Annotated[int, Field(ge=1, le=600, description="how far the study looks")] = 60
    discount_rate: Annotated[
        Quantity | None, Field(description="cost of capital a year, `10 %`; left out, money has no time value")
    ] = None
    compounding: Annotated[
        Literal["monthly", "effective"], Field(description="month's rate: rate / 12, or (1 + rate)^(1/12) - 1")
    ] = "monthly"
    opex: Annotated[When, Field(description="hourly costs, rent on demand included: all hours, or used hours")] = (
        "always_on"
    )


class Rate(Section):
    """A dated exchange rate: one unit of `from` is `rate` units of `to`."""

    from_: Annotated[str, Field(alias="from", pattern=CURRENCY, description="currency, ISO 4217")]
    to: Annotated[str, Field(pattern=CURRENCY, description="currency, ISO 4217")]
    rate: Annotated[Positive, Field(description="units of `to` for one of `from`")]
    as_of: Annotated[Date, Field(description="day of the rate, YYYY-MM-DD")]
    source: Annotated[Text, Field(description="who states the rate")]


class Demand(Section):
    """What has to be served. Flows may be per day, month or second; they grow by `growth`."""

    requests: Annotated[Quantity | None, Field(description="`120000 request/day`")] = None
    input_tokens: Annotated[Quantity | None, Field(description="`token/request`, or a flow: `400 Mtok/month`")] = None
    cached_input_tokens: Annotated[Quantity | None, Field(description="of these, read from a cache")] = None
    output_tokens: Annotated[Quantity | None, Field(description="of an answer, or a flow")] = None
    reasoning_tokens: Annotated[Quantity | None, Field(description="thinking before an answer, billed as output")] = (
        None
    )
    samples: Annotated[Quantity | None, Field(description="answers drawn for one request (best of n)")] = None
    useful: Annotated[Quantity | None, Field(description="share of requests that become useful predictions")] = None
    value: Annotated[Quantity | None, Field(description="worth of one: `USD/useful_prediction`")] = None
    peak_hour_share: Annotated[Quantity | None, Field(description="share of a day's requests in its busiest hour")] = (
        None
    )
    peak_to_mean: Annotated[Quantity | None, Field(description="busiest rate / mean rate, instead")] = None
    growth: Annotated[Quantity | None, Field(description="`3 %/month` or `40 %/year`, compounding from month 1 on")] = (
        None
    )
    egress: Annotated[Quantity | None, Field(description="data out: `20 kB/request`")] = None
    flows: Annotated[
        dict[Identifier, Quantity], Field(description="anything else prices are per: `50000 meal/day`")
    ] = {}


class Named(Section):
    """A result of the study's own: a formula over inputs and computed results."""

    formula: Annotated[Text, Field(description="`own.total - api.total`; a result that is text alone is its formula")]
    unit: Annotated[str, Field(description="unit to show it in; left out, a usual one")] = ""
    note: Annotated[str, Field(description="shown beside it")] = ""


class Rule(Section):
    """A claim and what to vary: the answer is where it is true and where it is false."""

    claim: Annotated[Text, Field(description="what is claimed, as a sentence")]
    holds: Annotated[Text, Field(description="a condition over results and inputs: `a_vs_b.months <= 18 * month`")]
    vary: Annotated[str, Field(description="the input that is varied")]
    low: Annotated[str | float, Field(description="from, in the input's unit")]
    high: Annotated[str | float, Field(description="to")]
    variants: Annotated[tuple[str, ...], Field(description="variants to test it in as well")] = ()


class Expected(Section):
    """A published value the study must reproduce from its inputs alone."""

    name: Annotated[Text, Field(description="name of a result; `VARIANT:name` for one of a variant")]
    value: Annotated[float | None, Field(allow_inf_nan=False, description="as printed; null is `never`")]
    unit: Annotated[str, Field(description="unit of the printed value")] = ""
    tolerance: Annotated[float, Field(ge=0, le=0.5, description="relative")] = 0.01
    within: Annotated[
        float,
        Field(
            ge=0, allow_inf_nan=False, description="or absolute, half of the last printed digit; the wider one counts"
        ),
    ] = 0.0
    published: Annotated[Text, Field(description="where: table, section, page")]
    inferred: Annotated[str, Field(description="what had to be inferred for it, if anything")] = ""


class Uncertainty(Section):
    """How inputs with a range are drawn."""

    draws: Annotated[int, Field(ge=100, le=1_000_000, description="how many")] = 10_000
    seed: Annotated[int, Field(ge=0, description="same seed, same bytes; else 0")] = 0
    compare: Annotated[str, Field(description="option the best one is measured against; left out, the runner-up")] = ""
    all_inputs: Annotated[
        float | None, Field(gt=0, lt=1, description="a range of +- this share for inputs without one; left out, none")
    ] = None


def _formula(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    return {"formula": value.lstrip().removeprefix("=").strip()} if isinstance(value, str) else value


class StudyFile(Section):
    """A TCO study."""

    study: Annotated[Literal[1], Field(description="version of this grammar")]
    id: Annotated[str, Field(pattern=STUDY_ID, max_length=64, description="lower case, digits and dashes")]
    title: Annotated[Text, Field(description="heads every document")]
    source: Annotated[Source, Field(description="of every figure that names no other")]
    as_of: Annotated[Date | None, Field(description="prices as of; left out, the source's date")] = None
    note: Annotated[str, Field(description="what is left out, and other words to the reader")] = ""
    currency: Annotated[str, Field(pattern=CURRENCY, description="ISO 4217; every result is in it")] = "USD"
    units: Annotated[tuple[Identifier, ...], Field(description="things counted that the general list lacks")] = ()
    conventions: Annotated[Conventions, Field(description="horizon, discount rate, hours of a month")] = Conventions()
    fx: Annotated[tuple[Rate, ...], Field(description="dated exchange rates of other currencies in the study")] = ()
    inputs: Annotated[dict[Identifier, Quantity], Field(description="named quantities that formulas may use")] = {}
    demand: Annotated[Demand, Field(description="what has to be served")] = Demand()
    levels: Annotated[
        dict[Identifier, Positive],
        Field(description="multiples of the demand to look at; left out, low 0.5, medium 1, peak 2; `{}` for none"),
    ] = {"low": 0.5, "medium": 1.0, "peak": 2.0}
    options: Annotated[dict[Identifier, Option], Field(description="the ways to serve it")] = {}
    pairs: Annotated[
        tuple[tuple[str, str], ...], Field(description="[owner, rival] to compare; left out, all that can break even")
    ] = ()
    results: Annotated[
        dict[Identifier, Annotated[Named, BeforeValidator(_formula)]],
        Field(description="results of the study's own; short form: the formula"),
    ] = {}
    variants: Annotated[
        dict[str, dict[str, Quantity]], Field(description="the study again with some inputs changed, by name")
    ] = {}
    grid: Annotated[
        dict[Identifier, tuple[Quantity, ...]],
        Field(description="all combinations of these inputs' values, named `input=value,input=value`"),
    ] = {}
    rules: Annotated[dict[Identifier, Rule], Field(description="claims to test")] = {}
    uncertainty: Annotated[
        Uncertainty | None, Field(description="draws what has a range: Monte Carlo, tornado, Sobol, flips, EVPI")
    ] = None
    expected: Annotated[
        tuple[Expected, ...], Field(description="published values, for `breakeven tco check`; never an input")
    ] = ()


def load(text: str, filename: str = "study.yaml") -> StudyFile:
    """A study from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(StudyFile, text, filename, ())


def read(path: Path) -> StudyFile:
    """A study from a file.

    Raises:
        ConfigError: it cannot be read, or `load` refuses it.
    """
    return load(reading.read_text(path, way_out=reading.CHECK_PATH), str(path))
