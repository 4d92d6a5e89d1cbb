"""The demand of a study as flows: requests, tokens of each kind, bytes, useful predictions, and the busiest rate."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from breakeven.algebra.amount import Amount, amount, number
from breakeven.algebra.unit import Dims, UnitError, multiply, require
from breakeven.config.study.given import Given
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, FROM_ONE, POSITIVE, SHARE, Bound
from breakeven.study.known import Known, plain
from breakeven.study.scope import Scope

TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")
DERIVED = (*TOKENS, "requests", "tokens", "reasoning_tokens", "useful", "value", "egress", "peak_rate")
"""Flows that formulas may name as `demand.NAME`, besides the study's own."""
SCALE = "demand.scale"
"""A multiple of the whole demand; only draws set it."""


class Demand:
    """Flows by name, each read when it is needed; a flow that the study does not state is None."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.stated = scope.study.demand
        self._found: dict[str, Known | None] = {}
        for name in (*DERIVED, *self.stated.flows):
            scope.derived[f"demand.{name}"] = partial(self.need, name)

    def flow(self, name: str) -> Known | None:
        """A flow by name, over the months of the horizon."""
        if name not in self._found:
            self._found[name] = self._flow(name)
        return self._found[name]

    def _flow(self, name: str) -> Known | None:
        if name == "tokens":
            return self.tokens
        if name == "peak_rate":
            return self.peak_rate
        return getattr(self, f"_{name}")() if name in DERIVED else self._stated(name)

    def need(self, name: str) -> Known:
        """A flow that something depends on.

        Raises:
            StudyError: the study does not state it.
        """
        found = self.flow(name)
        if found is None:
            message = f"`demand.{name}` is needed, and the study does not state it"
            raise StudyError(message, f"add `{name}:` under `demand:`", path=("demand",))
        return found

    def _stated(self, name: str) -> Known | None:
        if name in self.stated.flows:
            found = self._read(self.stated.flows[name], COUNT, "flows", name)
            return None if found is None else self._grown(found)
        return None

    def _read(self, given: Given | None, bound: Bound, *where: str, unit: str | None = None) -> Known | None:
        """A quantity of the demand, inside a bound where it is stated."""
        path = ("demand", *where)
        found = self.scope.read(given, *path) if unit is None else self.scope.wanted(given, unit, *path)
        return self.scope.within(found, bound, *path)

    def _grown(self, found: Known) -> Known:
        scale = self.scope.drawn.get(SCALE)
        if scale is not None:
            found = found.based(found.amount * number(scale.reshape(-1, 1)), found.text)
        found = replace(found, varies=True)
        change = self.scope.read(self.stated.growth, "demand", "growth")
        if change is None:
            return found
        with self.scope.at("demand", "growth"):
            grown = found.amount * self.scope.trends.growth(change)
        return found.resting_on(change).based(grown, f"{found.text} growing {change.text}")

    def _requests(self) -> Known | None:
        found = self._read(self.stated.requests, COUNT, "requests")
        if found is None:
            return None
        with self.scope.at("demand", "requests"):
            rate = _per_time(found, ("request", "prediction"))
        dims = tuple(sorted((("request", 1), *_time(rate.dims))))
        return self._grown(found.based(Amount(rate.values, dims), found.text))

    def _per_request(self, name: str, thing: str) -> Known | None:
        """A flow given as such, or per request."""
        found = self._read(getattr(self.stated, name), COUNT, name)
        if found is None:
            return None
        if any(dim == "request" for dim, _ in found.amount.dims):
            requests = self.flow("requests")
            if requests is None:
                message = f"`demand.{name}` is per request, and the study states no requests"
                raise StudyError(message, "add `requests:` under `demand:`", path=("demand", name))
            return found * requests
        with self.scope.at("demand", name):
            rate = _per_time(found, (thing,))
        return self._grown(found.based(rate, found.text))

    def _input_tokens(self) -> Known | None:
        return self._per_request("input_tokens", "token")

    def _cached_input_tokens(self) -> Known | None:
        found = self.scope.read(self.stated.cached_input_tokens, "demand", "cached_input_tokens")
        if found is not None and found.amount.dims == ():
            self.scope.within(found, SHARE, "demand", "cached_input_tokens")
            return self.need("input_tokens") * found
        return self._per_request("cached_input_tokens", "token")

    def _output_tokens(self) -> Known | None:
        """Answers, reasoning and further samples: all of it is generated and billed as output."""
        parts = [self._per_request(name, "token") for name in ("output_tokens", "reasoning_tokens")]
        made = [part for part in parts if part is not None]
        if not made:
            return None
        total = made[0] if len(made) == 1 else made[0] + made[1]
        samples = self._read(self.stated.samples, POSITIVE, "samples", unit="")
        return total if samples is None else total * samples

    def _reasoning_tokens(self) -> Known | None:
        return self._per_request("reasoning_tokens", "token")

    @property
    def tokens(self) -> Known | None:
        """Input and output together."""
        parts = [part for part in (self.flow("input_tokens"), self.flow("output_tokens")) if part is not None]
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def _useful(self) -> Known | None:
        """Useful predictions; None while the study does not say which share is useful."""
        share = self._read(self.stated.useful, SHARE, "useful", unit="")
        requests = self.flow("requests")
        if share is None or requests is None:
            return None
        one = amount(1.0, self.scope.unit("useful_prediction/request"))
        return (requests * share) * Known(one)

    def _value(self) -> Known | None:
        """What the useful predictions are worth."""
        worth, useful = self.scope.read(self.stated.value, "demand", "value"), self._useful()
        if worth is None:
            return None
        per_request = any(name == "request" for name, _ in worth.amount.dims)
        unit = f"{self.scope.study.currency}/{'request' if per_request else 'useful_prediction'}"
        with self.scope.at("demand", "value"):
            require("`demand.value`", worth.amount.dims, self.scope.unit(unit).dims)
        if per_request:
            return worth * self.need("requests")
        if useful is None:
            message = "`demand.value` is per useful prediction, and `demand.useful` does not say which share is useful"
            raise StudyError(message, "add `useful: 60 %` under `demand:`", path=("demand", "value"))
        return worth * useful

    def _egress(self) -> Known | None:
        return self._per_request("egress", "B")

    @property
    def peak_factor(self) -> Known:
        """Busiest rate / mean rate: stated, or from the share of a day's requests in its busiest hour; else 1."""
        ratio = self._read(self.stated.peak_to_mean, FROM_ONE, "peak_to_mean", unit="")
        share = self._read(self.stated.peak_hour_share, SHARE, "peak_hour_share", unit="")
        if ratio is not None and share is not None:
            message = f"the busiest rate is stated twice: `peak_to_mean` {ratio.text}, `peak_hour_share` {share.text}"
            raise StudyError(message, "keep one of them", path=("demand", "peak_to_mean"))
        if ratio is not None:
            return ratio
        if share is None:
            return plain(1.0)
        with self.scope.at("demand", "peak_hour_share"):
            hours = Known(amount(1.0, self.scope.unit("day")) / amount(1.0, self.scope.unit("h")), (), "a day / 1 h")
            if hours.amount.dims:
                message = "the busiest hour's share of a day needs to know how long a day of use is"
                lacking = "hours_per_month: 730" if self.scope.units.calendar.month_s is None else "days_per_month: 22"
                raise UnitError(message, f"state `conventions: {lacking}`")
        factor, least = share * hours, hours.amount.scalar
        if not self.scope.drawn and factor.amount.values.min() < 1:
            message = f"the busiest hour of a day of {least:.4g} hours holds at least {1 / least:.2%}, not {share.text}"
            raise StudyError(message, "state the share of its busiest hour", path=("demand", "peak_hour_share"))
        return factor

    @property
    def peak_rate(self) -> Known | None:
        """Requests per second in the busiest hour."""
        requests = self.flow("requests")
        return None if requests is None else requests * self.peak_factor


def _time(dims: Dims) -> Dims:
    return tuple((name, power) for name, power in dims if name in {"s", "month", "day"})


def _per_time(found: Known, things: tuple[str, ...]) -> Amount:
    """A flow of one of the things.

    Raises:
        UnitError: it is no flow of them.
    """
    rest = found.amount.dims
    for thing in things:
        flow = multiply(rest, ((thing, 1),), -1)
        if flow and all(name in {"s", "month", "day"} and power == -1 for name, power in flow) and len(flow) == 1:
            return found.amount
    message = f"{found.text} is no flow of {things[0]}s"
    raise UnitError(message, f"write it per month, day or second: `1000 {things[0]}/month`")
