"""How a fleet serves: the engine's batching and cache, and the fleet around it."""

from __future__ import annotations

import math
from typing import Literal

from breakeven.schema.noun import Noun

Routing = Literal["least_loaded", "round_robin", "prefix_affinity"]
Growth = Literal["reserve", "recompute", "swap"]
Order = Literal["fcfs", "priority"]
PrefixCache = Literal["off", "blocks", "chance"]


class Speculation(Noun, frozen=True, kw_only=True):
    """Speculative decoding: `draft_tokens` k are drafted and verified in every step, each accepted with `acceptance` a.

    A sequence gains (1 - a^(k+1)) / (1 - a) tokens a step, the expectation, not a draw. A step then costs its k + 1
    tokens per sequence (the drafted ones as prompt tokens do), and k passes of the draft: `draft_s` each, and
    `draft_per_sequence_s` for each sequence in each.
    """

    draft_tokens: int
    acceptance: float
    draft_s: float = 0.0
    draft_per_sequence_s: float = 0.0


class Split(Noun, frozen=True, kw_only=True):
    """Prefill and decode apart: the first `prefill_replicas` of the fleet do prompts, the others answers.

    The cache of a prompt travels for `latency_s` + `transfer_s_per_token` x its tokens (bytes per token / link rate);
    the prefill replica is free of it at once, the first token is not delayed by it.

    With `decode_replicas` both numbers are of one group, and a fleet is counted in groups: N of them are
    N x (prefill + decode) replicas, of which the first N x prefill do prompts.
    """

    prefill_replicas: int
    decode_replicas: int = 0
    transfer_s_per_token: float = 0.0
    latency_s: float = 0.0


class Autoscale(Noun, frozen=True, kw_only=True):
    """As many replicas as requests in flight / `target_in_flight`, between `least` (0: scale to zero) and `most`.

    Looked at whenever a request comes and every `interval_s`. Up at once, after `cold_start_s` each; down, when the
    wish was lower for `stabilisation_s`, to the highest wish of that time. A replica that goes finishes its requests.
    """

    target_in_flight: float
    least: int = 1
    most: int = 8
    cold_start_s: float = 60.0
    stabilisation_s: float = 300.0
    interval_s: float = 10.0


class Admission(Noun, frozen=True, kw_only=True):
    """Refusal at the door of what would come too late; never in the middle. Infinite: no limit.

    `ttft_s` is held against the prompt tokens queued on the replica, through its token budget; `tpot_s` against a step
    of the batch and one sequence more.
    """

    ttft_s: float = math.inf
    tpot_s: float = math.inf


class Outage(Noun, frozen=True, kw_only=True):
    """A replica is gone from `down_s` to `up_s` (infinite: for good), counted from the trace's first arrival.

    Its requests go to others at once; what they had so far is computed again there as part of the prompt.
    """

    replica: int
    down_s: float
    up_s: float = math.inf


class Serving(Noun, frozen=True, kw_only=True):
    """The engine and the fleet; the defaults are a vLLM-like engine with every further feature off.

    - `max_batch_tokens`: tokens of a step, decoding and prompt. `chunked` False: whole prompts in steps of their own.
    - `block_tokens`: the cache is handed out in blocks of so many tokens.
    - `growth`: "reserve" a prompt's and whole answer's blocks at admission, so that nothing is preempted; else blocks
      come as answers grow, and when none is left the least urgent, latest arrived gives way: "recompute" its cache
      later, or "swap" it out and in at `swap_s_per_token` each way. `watermark`: share of blocks that admission leaves.
    - `order`: "priority" lets lower numbers of the trace's priority column go first (few distinct ones, please).
    - `prefix_cache`: "blocks" keeps the trace's block hashes on each replica, least recently used out first; "chance"
      finds a whole prompt but its last token with `hit_probability`, drawn from `seed`.
    - `affinity_slack`: with routing "prefix_affinity" the replica that holds most of a prompt gets it unless it has so
      many requests more than the least loaded.
    """

    max_batch_tokens: int = 2048
    chunked: bool = True
    block_tokens: int = 16
    growth: Growth = "reserve"
    swap_s_per_token: float = 0.0
    watermark: float = 0.01
    order: Order = "fcfs"
    prefix_cache: PrefixCache = "off"
    hit_probability: float = 0.0
    seed: int = 0
    speculation: Speculation | None = None
    routing: Routing = "least_loaded"
    affinity_slack: int = 16
    split: Split | None = None
    autoscale: Autoscale | None = None
    admission: Admission | None = None
    outages: tuple[Outage, ...] = ()
