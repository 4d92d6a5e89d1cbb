"""The gateway's metrics by name."""

from __future__ import annotations

from collections.abc import Callable

from breakeven.gateway.metrics import Counter, Gauge, Histogram, Labels, Metric, render
from breakeven.quantity import usd_from_pico
from breakeven.schema.record import Prediction


class Meters:
    """Counts what the worker does; each process counts for itself, by the label `worker`."""

    def __init__(self, gauges: list[Gauge]) -> None:
        by_use_case = ("use_case",)
        self.predictions = Counter(
            "breakeven_predictions_total", "Predictions by how they ended.", ("use_case", "status", "deployment")
        )
        self.rejected = Counter(
            "breakeven_rejected_total", "Requests that were no predictions, by reason.", ("reason",)
        )
        self.events = Counter("breakeven_events_total", "Accepted outcome events by kind.", ("kind",))
        self.in_budget = Counter("breakeven_in_budget_total", "Predictions inside all their targets.", by_use_case)
        self.cost = Counter(
            "breakeven_cost_usd_total", "Direct charge and share of capacity by work, without idle.", by_use_case
        )
        self.tokens = Counter("breakeven_tokens_total", "Tokens consumed at providers.", ("use_case", "direction"))
        self.total = Histogram("breakeven_request_duration_seconds", "Whole duration of a prediction.", by_use_case)
        self.ttft = Histogram("breakeven_time_to_first_token_seconds", "TTFT of streams.", by_use_case)
        self.tpot = Histogram("breakeven_time_per_output_token_seconds", "TPOT of streams.", by_use_case)
        self._all: list[Metric] = [
            self.predictions, self.rejected, self.events, self.in_budget, self.cost, self.tokens,
            self.total, self.ttft, self.tpot, *gauges,
        ]  # fmt: skip

    def count(self, record: Prediction) -> None:
        """Count one prediction."""
        use_case = record.use_case
        self.predictions.add(use_case, record.status, record.deployment)
        self.total.observe(record.total_s, use_case)
        if record.in_budget:
            self.in_budget.add(use_case)
        if record.cost_pico_usd:
            self.cost.add(use_case, amount=usd_from_pico(record.cost_pico_usd))
        if record.consumed.input:
            self.tokens.add(use_case, "input", amount=record.consumed.input)
            self.tokens.add(use_case, "output", amount=record.consumed.output)
        if record.ttft_s is not None:
            self.ttft.observe(record.ttft_s, use_case)
        if record.tpot_s is not None:
            self.tpot.observe(record.tpot_s, use_case)

    def render(self, worker: str) -> bytes:
        """The Prometheus text format."""
        return render(self._all, worker)


def gauge(name: str, help_text: str, read: Callable[[], dict[Labels, float]], labels: Labels = ()) -> Gauge:
    """A gauge that is asked when it is read."""
    return Gauge(name, help_text, labels, read)
