"""A window of a vLLM server's traffic out of its `/metrics`: names of vLLM 0.6 to 0.32."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from breakeven.measure.change import Change, moved
from breakeven.schema.observed import Limits, Observed
from breakeven.wire.prometheus_text import Scrape

_E2E = "vllm:e2e_request_latency_seconds"
_RUNNING = "vllm:num_requests_running"
_OUTPUT = "vllm:request_generation_tokens"
_LABELS = ("model_name", "engine")
_BROKEN = ("abort", "error")


def servers(scrape: Scrape) -> tuple[dict[str, str], ...]:
    """The labels that tell one engine from another: a model's, and one for each data-parallel engine of it."""
    found = [{key: one.labels[key] for key in _LABELS if key in one.labels} for one in scrape.find(_RUNNING, {})]
    return tuple(one for at, one in enumerate(found) if one not in found[:at])


def window(scrapes: Sequence[Scrape], where: Mapping[str, str], limits: Limits) -> Observed:
    """What one engine did between the first and the last of at least two scrapes.

    In flight is what the gauges of running and waiting requests read on average, where they were sampled
    `limits.samples` times, else Little's law: requests finished per second times their mean time. Output tokens are
    those made within the window.
    """
    change = Change(scrapes, where)
    finished = change.counted(f"{_E2E}_count") or 0.0
    e2e_s = change.mean(_E2E) or 0.0
    little = finished * e2e_s / change.seconds
    gauge = change.gauge(_RUNNING, "vllm:num_requests_waiting")
    often = len(gauge) >= limits.samples
    made = change.counted("vllm:generation_tokens_total", "vllm:generation_tokens")
    wrong = (*_wrong(change, e2e_s, limits), *(_unsteady(gauge, little, limits) if often else ()))
    return Observed(
        name=_name(where),
        model=where.get("model_name", ""),
        start_s=scrapes[0].at_s,
        window_s=change.seconds,
        finished=round(finished),
        in_flight=statistics.fmean(gauge) if often else little,
        input_tokens=change.mean("vllm:request_prompt_tokens"),
        output_tokens=change.mean(_OUTPUT),
        ttft_s=change.mean("vllm:time_to_first_token_seconds"),
        tpot_s=_tpot_s(change),
        itl_s=change.mean("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
        output_tok_s=None if made is None else made / change.seconds,
        refused=tuple(change.fell[:1]) or wrong,
        notes=() if often else (f"{len(gauge)} samples cannot tell whether the load was steady",),
    )


def _name(where: Mapping[str, str]) -> str:
    engine = where.get("engine")
    return " ".join([where.get("model_name", "vllm"), *([] if engine is None else [f"engine {engine}"])])


def _tpot_s(change: Change) -> float | None:
    """Mean over requests; those of one token are counted as 0 by the server and taken out here."""
    total = change.counted("vllm:request_time_per_output_token_seconds_sum")
    count = change.counted("vllm:request_time_per_output_token_seconds_count")
    single = change.counted(f"{_OUTPUT}_bucket", le="1.0") or 0.0
    return None if total is None or count is None or count <= single else total / (count - single)


def _wrong(change: Change, e2e_s: float, limits: Limits) -> Iterator[str]:
    finished = change.counted(f"{_E2E}_count") or 0.0
    if finished < limits.finished:
        yield f"{finished:g} requests finished in {change.seconds:g} s, fewer than {limits.finished}"
    if change.seconds < limits.answers * e2e_s:
        yield (
            f"answers took {e2e_s:.3g} s on average, and the window of {change.seconds:g} s is shorter than "
            f"{limits.answers:g} of them"
        )
    yield from _impure(change, finished, e2e_s, limits)


def _impure(change: Change, finished: float, e2e_s: float, limits: Limits) -> Iterator[str]:
    """What makes the figures those of something else than the engine's plain speed at this load."""
    preempted = change.counted("vllm:num_preemptions_total", "vllm:num_preemptions") or 0.0
    if preempted:
        yield f"{preempted:g} preemptions in the window: its latencies hold work that was done twice"
    drafts = change.counted("vllm:spec_decode_num_drafts_total", "vllm:spec_decode_num_drafts") or 0.0
    if drafts:
        yield f"{drafts:g} speculative drafts in the window: rows have no column that says so"
    broken = sum(change.counted("vllm:request_success_total", finished_reason=why) or 0.0 for why in _BROKEN)
    if broken > limits.left_out * finished:
        yield f"{broken:g} of {finished:g} requests were aborted or failed, more than {limits.left_out:.0%}"
    hits, queries = _prefix(change)
    if hits > limits.cached * queries:
        yield f"{hits / queries:.0%} of prompt tokens came from the prefix cache, more than {limits.cached:.0%}"
    queued_s = change.mean("vllm:request_queue_time_seconds") or 0.0
    if queued_s > limits.queued * e2e_s:
        yield (
            f"requests waited {queued_s:.3g} s of {e2e_s:.3g} s in the queue, more than {limits.queued:.0%}: "
            "that says how long the queue was"
        )


def _prefix(change: Change) -> tuple[float, float]:
    hits = change.counted("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total") or 0.0
    queries = change.counted("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total") or 0.0
    return hits, queries


def _unsteady(gauge: Sequence[float], little: float, limits: Limits) -> Iterator[str]:
    if (spread := moved(gauge)) > limits.variation:
        yield f"requests in flight varied by {spread:.0%} of their mean, more than {limits.variation:.0%}"
    mean = statistics.fmean(gauge)
    if abs(mean - little) > limits.gap * max(mean, little):
        yield (
            f"the gauges read {mean:.3g} requests in flight, and {little:.3g} finished by Little's law: "
            f"apart by more than {limits.gap:.0%}, the load was not steady"
        )
