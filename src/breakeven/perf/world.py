"""A trace, a curve and a way of serving as the rows that the kernel runs on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.perf.kernel import layout
from breakeven.perf.kernel.build import Kernel
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving, Speculation
from breakeven.schema.workload import Trace

ROUTINGS = {
    "round_robin": layout.ROUND_ROBIN,
    "least_loaded": layout.LEAST_LOADED,
    "prefix_affinity": layout.PREFIX_AFFINITY,
}
GROWTHS = {"reserve": layout.RESERVE, "recompute": layout.RECOMPUTE, "swap": layout.SWAP}


def world(
    trace: Trace, curve: StepCurve, replicas: int, serving: Serving, kernel: Kernel, *, scale: float, per_step: bool
) -> layout.World:
    """All rows at the start, as the kernel takes them.

    Raises:
        UsageError: parts of `serving` do not go together; the message names both values.
    """
    rows = replicas if serving.autoscale is None else max(replicas, serving.autoscale.most)
    check(trace, serving, rows)
    ranks = _ranks(trace, serving)
    offsets, flat = _hashes(trace, serving)
    settings = _settings(trace, curve, rows, serving) | {
        "classes": int(ranks.max(initial=0)) + 1,
        "hashes": len(flat),
        "names": 1 << (2 * len(flat)).bit_length(),
        "per_step": int(per_step),
    }
    tables = {
        "settings": layout.table(layout.Settings, 1, settings),
        "fleet": layout.table(layout.Fleet, 1, _FLEET),
        "requests": layout.table(layout.Request, trace.n, _requests(trace, curve, serving, scale, ranks, offsets)),
        "replicas": layout.table(layout.Replica, rows, _replicas(replicas, rows, serving)),
        "slots": layout.table(layout.Slot, rows * settings["slots"], {}),
        "queues": layout.table(layout.Queue, rows * settings["classes"], {"first": -1, "last": -1}),
        "blocks": layout.table(layout.Block, 0, {}),
        "outages": layout.table(layout.Event, 2 * len(serving.outages), _outages(serving, trace, curve, scale)),
        "handovers": layout.table(layout.Event, trace.n if serving.split is not None else 0, {}),
        "hashes": layout.table(layout.Hash, len(flat), {"block": flat}),
        "names": layout.table(layout.Name, settings["names"], {}),
        "phases": layout.table(layout.Phase, rows * serving.block_tokens, {}),
        "points": layout.table(layout.Point, len(curve.token_s), _points(curve)),
    }
    return _with_blocks(_tables(tables, kernel), kernel) if len(flat) else _tables(tables, kernel)


def _tables(tables: dict[str, Any], kernel: Kernel) -> layout.World:
    if kernel.records:
        return layout.World(**tables)
    return layout.World(**{name: layout.plain(layout.TABLES[name][0], rows) for name, rows in tables.items()})


def _with_blocks(rows: layout.World, kernel: Kernel) -> layout.World:
    """Number the hashes, and make a row of each on each replica."""
    kernel.number(rows)
    known = int(layout.column(rows.settings, "known")[0])
    blocks = layout.table(layout.Block, len(rows.replicas) * known, {})
    return rows._replace(blocks=blocks if kernel.records else layout.plain(layout.Block, blocks))


def _points(curve: StepCurve) -> layout.Columns:
    if not curve.token_s:
        return {}
    return {"tokens": [tokens for tokens, _ in curve.token_s], "seconds": [seconds for _, seconds in curve.token_s]}


_FLEET = {"pending_first": -1, "pending_last": -1, "tick_s": math.inf, "low_since_s": math.inf}


def check(trace: Trace, serving: Serving, replicas: int) -> None:
    """Refuse what does not go together.

    Raises:
        UsageError: see the message.
    """
    split, scaled = serving.split, serving.autoscale
    if split is not None and not 0 < split.prefill_replicas < replicas:
        message = f"{split.prefill_replicas} of {replicas} replicas cannot do the prompts"
        raise UsageError(message, "leave at least one replica for each of prompts and answers")
    if split is not None and scaled is not None:
        message = "prefill and decode apart cannot be autoscaled together"
        raise UsageError(message, "simulate one of split and autoscale at a time")
    if scaled is not None and not (0 <= scaled.least <= scaled.most and scaled.most > 0 and scaled.interval_s > 0):
        message = f"cannot scale between {scaled.least} and {scaled.most} replicas every {scaled.interval_s:g} s"
        raise UsageError(message, "ask for 0 <= least <= most, most >= 1 and interval_s > 0")
    for outage in serving.outages:
        if not (0 <= outage.replica < replicas and outage.down_s < outage.up_s):
            message = f"an outage of replica {outage.replica} of {replicas} from {outage.down_s} to {outage.up_s} s"
            raise UsageError(message, "number replicas from 0, and let them come up after they went down")
    if min(serving.max_batch_tokens, serving.block_tokens) < 1:
        message = f"a step of {serving.max_batch_tokens} tokens in blocks of {serving.block_tokens} serves nobody"
        raise UsageError(message, "use at least 1 of each")
    if serving.prefix_cache == "blocks" and trace.hash_block_tokens % serving.block_tokens:
        message = f"the trace hashes {trace.hash_block_tokens} tokens at a time, the cache has blocks of "
        raise UsageError(message + f"{serving.block_tokens}", "choose block_tokens that divide the trace's")


def _settings(trace: Trace, curve: StepCurve, replicas: int, serving: Serving) -> layout.Columns:
    blocks = curve.kv_tokens // serving.block_tokens
    draft = serving.speculation or Speculation(draft_tokens=0, acceptance=0.0)
    found: layout.Columns = {
        name: getattr(curve, name)
        for name in (
            "step_base_s", "step_per_sequence_s", "step_per_context_s", "step_per_window_context_s", "step_per_pair_s",
            "prefill_s_per_token", "window_tokens", "max_sequences",
        )
    }  # fmt: skip
    return found | {
        "points": len(curve.token_s),
        "budget": serving.max_batch_tokens,
        "chunked": int(serving.chunked),
        "block_tokens": serving.block_tokens,
        "blocks": blocks,
        "policy": GROWTHS[serving.growth],
        "watermark": int(serving.watermark * blocks),
        "swap_s_per_token": serving.swap_s_per_token,
        "drafts": draft.draft_tokens,
        "tokens_per_step": tokens_per_step(draft),
        "draft_s": draft.draft_s,
        "draft_per_sequence_s": draft.draft_per_sequence_s,
        "prefix": int(serving.prefix_cache == "blocks"),
        "hash_tokens": max(1, trace.hash_block_tokens),
        "hash_span": trace.hash_block_tokens // serving.block_tokens,
        "replicas": replicas,
        "slots": min(curve.max_sequences, trace.n),
        "routing": ROUTINGS[serving.routing],
        "slack": serving.affinity_slack,
        "requests": trace.n,
        "outages": 2 * len(serving.outages),
        **_fleet_settings(serving),
    }


def _fleet_settings(serving: Serving) -> layout.Columns:
    split, scaled, door = serving.split, serving.autoscale, serving.admission
    found: layout.Columns = {
        "ttft_limit_s": math.inf if door is None else door.ttft_s,
        "tpot_limit_s": math.inf if door is None else door.tpot_s,
    }
    if split is not None:
        found |= {
            "prefills": split.prefill_replicas,
            "transfer_s": split.latency_s,
            "transfer_s_per_token": split.transfer_s_per_token,
        }
    if scaled is not None:
        found |= {
            "scale_target": scaled.target_in_flight,
            "scale_min": scaled.least,
            "scale_max": scaled.most,
            "cold_s": scaled.cold_start_s,
            "stable_s": scaled.stabilisation_s,
            "tick_s": scaled.interval_s,
        }
    return found


def tokens_per_step(draft: Speculation) -> float:
    """Expected tokens a step: 1 + a + ... + a^k = (1 - a^(k+1)) / (1 - a), the bonus token included.

    Raises:
        UsageError: the acceptance is no probability, or fewer than 0 tokens are drafted.
    """
    if not 0 <= draft.acceptance <= 1 or draft.draft_tokens < 0:
        message = f"cannot draft {draft.draft_tokens} tokens of which {draft.acceptance} are accepted"
        raise UsageError(message, "draft at least 0 tokens with an acceptance from 0 to 1")
    return math.fsum(draft.acceptance**place for place in range(draft.draft_tokens + 1))


def _requests(
    trace: Trace, curve: StepCurve, serving: Serving, scale: float, ranks: NDArray[Any], offsets: NDArray[Any]
) -> layout.Columns:
    prompt, output = (
        np.maximum(1, np.rint(np.frombuffer(getattr(trace, name)))) for name in ("input_tokens", "output_tokens")
    )
    chance = np.zeros(trace.n)
    if serving.prefix_cache == "chance":
        drawn = np.random.default_rng(serving.seed).random(trace.n)
        chance = np.where(drawn < serving.hit_probability, prompt - 1, 0)
    return {
        "ready_s": np.frombuffer(trace.arrival_s) / scale + curve.request_s,
        "prompt": prompt,
        "output": output,
        "left": prompt,
        "chance": chance,
        "rank": ranks,
        "replica": -1,
        "next": -1,
        "outcome": layout.UNSERVED,
        "hash_from": offsets[:-1],
        "hash_to": offsets[1:],
        "first_s": math.nan,
        "done_s": math.nan,
    }


def _replicas(replicas: int, rows: int, serving: Serving) -> layout.Columns:
    on = replicas if serving.autoscale is None else min(max(replicas, serving.autoscale.least), serving.autoscale.most)
    minus = ("prompts", "prompts_end", "ready", "ready_end", "oldest", "newest", "tried")
    state = np.where(np.arange(rows) < on, layout.UP, layout.OFF)
    return {"state": state, "due_s": math.inf, **dict.fromkeys(minus, -1)}


def _ranks(trace: Trace, serving: Serving) -> NDArray[Any]:
    if serving.order == "fcfs" or not trace.priority:
        return np.zeros(trace.n, dtype="<i8")
    found: NDArray[Any] = np.unique(np.frombuffer(trace.priority), return_inverse=True)[1]
    return found


def _hashes(trace: Trace, serving: Serving) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where each request's hashes begin, and all of them."""
    if serving.prefix_cache != "blocks" or not trace.block_offsets:
        return np.zeros(trace.n + 1, dtype="<i8"), np.zeros(0, dtype="<i8")
    return np.frombuffer(trace.block_offsets, dtype="<i8"), np.frombuffer(trace.block_hashes, dtype="<i8")


def _outages(serving: Serving, trace: Trace, curve: StepCurve, scale: float) -> layout.Columns:
    """Both ends of every outage in order of time; at the same time replicas come up before others go down."""
    if not serving.outages:
        return {}
    start = trace.column("arrival_s")[0] / scale + curve.request_s if trace.n else 0.0
    ends = [(start + one.down_s, 1, one.replica) for one in serving.outages]
    ends += [(start + one.up_s, 0, one.replica) for one in serving.outages]
    ends.sort()
    return {
        "at_s": [at for at, _, _ in ends],
        "what": [what for _, what, _ in ends],
        "who": [who for _, _, who in ends],
    }
