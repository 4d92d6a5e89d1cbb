"""Loads out of the metrics of inference servers: vLLM (0.6 to 0.32) and llama.cpp.

Neither says for how long it computed. The share of scrapes in which a request was running stands in for it: it is
coarse, and where accelerators are scraped too, theirs counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.measure.change import Change
from breakeven.measure.scraped.reading import Reading, Scope, capped, count, first_gauge, gauge
from breakeven.wire.prometheus_text import Scrape

VLLM = "vllm:num_requests_running"
LLAMA = "llamacpp:requests_processing"


def vllm(scrapes: Sequence[Scrape], scope: Scope) -> Reading:
    """Every engine (data-parallel rank) of a server whose labels are in scope, together."""
    change = Change(scrapes, scope.where)
    return Reading(
        busy=_busy(change, VLLM),
        running=gauge(change, VLLM),
        waiting=gauge(change, "vllm:num_requests_waiting"),
        finished=count(change, "vllm:e2e_request_latency_seconds_count"),
        input_tokens=count(change, "vllm:prompt_tokens_total", "vllm:prompt_tokens"),
        cached_input_tokens=count(change, "vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
        output_tokens=count(change, "vllm:generation_tokens_total", "vllm:generation_tokens"),
        kv_cache_use=capped(first_gauge(change, "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")),
    )


def llama(scrapes: Sequence[Scrape], scope: Scope) -> Reading:
    """A llama.cpp server; it does not count requests."""
    change = Change(scrapes, scope.where)
    return Reading(
        busy=_busy(change, LLAMA),
        running=gauge(change, LLAMA),
        waiting=gauge(change, "llamacpp:requests_deferred"),
        input_tokens=count(change, "llamacpp:prompt_tokens_total"),
        cached_input_tokens=count(change, "llamacpp:prompt_tokens_cached_total"),
        output_tokens=count(change, "llamacpp:tokens_predicted_total"),
        kv_cache_use=capped(first_gauge(change, "llamacpp:kv_cache_usage_ratio")),
    )


def _busy(change: Change, running: str) -> float | None:
    read = change.gauge(running)
    return sum(value > 0 for value in read) / len(read) if read else None
