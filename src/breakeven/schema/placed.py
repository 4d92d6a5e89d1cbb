"""What an offer that is neither tokens nor machines says of itself: units of an API, and devices at the edge."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Whose = Literal["ours", "users"]
"""Who owns a thing, or pays for it."""


class Latency(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Latency measured at an API, in seconds, with who measured it and when; `n` requests, 0 where nobody says."""

    ttft_p50_s: float
    ttft_p95_s: float
    tpot_p50_s: float
    tpot_p95_s: float
    source: str
    as_of: str
    n: int = 0


class Throughput(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """What a provisioned unit carries, and in which numbers units are sold.

    Either `tokens_per_s`, of which an output token takes `output_weight`, or `input_tokens_per_s` and
    `output_tokens_per_s`, each a limit of its own. Units are sold from `minimum_units` on, in steps of `step`.
    `overflow` is the offer at whose price the rest is answered: "" is the cheapest API of the model, "none" is none.
    """

    tokens_per_s: float | None = None
    output_weight: float = 1.0
    input_tokens_per_s: float | None = None
    output_tokens_per_s: float | None = None
    minimum_units: int = 1
    step: int = 1
    overflow: str = ""

    def unit_s(self, input_tokens: float, output_tokens: float) -> float:
        """Seconds of one unit that a request takes."""
        if self.tokens_per_s is not None:
            return (input_tokens + self.output_weight * output_tokens) / self.tokens_per_s
        into, out = self.input_tokens_per_s, self.output_tokens_per_s
        return max(input_tokens / into if into else 0.0, output_tokens / out if out else 0.0)


class Device(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """A class of devices: how fast one answers, how many there are, whose they are, and what they draw.

    `share` is the share of the requests that come from somebody whose device can. With `at_once` (a box that several
    use) requests wait for one of so many places, and the speeds are those with all places busy; 0 is one user a device,
    who waits for nobody. `speed_low`..`speed_high` bound the speed of devices against the measured one (80 %). Energy
    is `joules_per_token`, or `busy_w` while it answers and `idle_w` all other hours. `fallback` names what answers the
    rest: an offer, a candidate, or a deployment that stands.
    """

    prompt_tokens_per_s: float
    answer_tokens_per_s: float
    devices: int
    share: float
    owned_by: Whose
    electricity: Whose
    at_once: int = 0
    speed_low: float = 0.8
    speed_high: float = 1.25
    joules_per_token: float | None = None
    busy_w: float | None = None
    idle_w: float = 0.0
    life_months: int = 36
    precision: str = "fp16"
    fallback: str = ""
