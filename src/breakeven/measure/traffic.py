"""What a server's `/metrics` show of its speed under the traffic it has: windows, for rows to calibrate with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from breakeven.errors import EvidenceError, UsageError
from breakeven.measure import llama_metrics, vllm_metrics
from breakeven.schema.observed import Limits, Observed
from breakeven.wire.prometheus_text import Scrape

_SHOWN = 5


def engine_of(scrape: Scrape) -> str:
    """Whose metrics these are: vllm or llama.cpp.

    Raises:
        EvidenceError: they are of another server; some of its names are in the message.
    """
    if vllm_metrics.servers(scrape):
        return "vllm"
    if llama_metrics.MADE in scrape.samples:
        return "llama.cpp"
    names = ", ".join(sorted(scrape.samples)[:_SHOWN]) or "nothing"
    message = f"these metrics are of neither vLLM (vllm:*) nor llama.cpp (llamacpp:*): there is {names}"
    raise EvidenceError(message, "measure the server instead: `breakeven measure URL --rows FILE.csv`")


def observe(
    scrapes: Sequence[Scrape],
    *,
    windows: int = 1,
    lengths: tuple[float, float] | None = None,
    limits: Limits | None = None,
) -> tuple[Observed, ...]:
    """What each engine of a server did in each of so many windows of equal numbers of scrapes.

    Args:
        scrapes: of one server, in the order of time; neighbouring windows share one.
        windows: into how many parts the time is cut.
        lengths: mean prompt and answer tokens, for a server that does not count them.
        limits: what a window must meet; see there.

    Raises:
        UsageError: there are not two scrapes for each window, or their times do not ascend.
        EvidenceError: the server is neither vLLM nor llama.cpp.
    """
    _check(scrapes, windows)
    bounds = [round(part * (len(scrapes) - 1) / windows) for part in range(windows + 1)]
    parts = [scrapes[first : last + 1] for first, last in pairwise(bounds)]
    return tuple(one for part in parts for one in _window(part, lengths, limits or Limits()))


def _window(part: Sequence[Scrape], lengths: tuple[float, float] | None, limits: Limits) -> Iterator[Observed]:
    if engine_of(part[-1]) == "vllm":
        for where in vllm_metrics.servers(part[-1]):
            yield vllm_metrics.window(part, where, limits)
    else:
        yield llama_metrics.window(part, lengths, limits)


def _check(scrapes: Sequence[Scrape], windows: int) -> None:
    if windows < 1 or len(scrapes) <= windows:
        message = f"{len(scrapes)} scrapes are not enough for {windows} windows: each lies between two"
        raise UsageError(message, "give the texts of two moments, or poll more often")
    for one, other in pairwise(scrapes):
        if other.at_s <= one.at_s:
            message = f"a scrape at {other.at_s:g} s follows one at {one.at_s:g} s"
            raise UsageError(message, "give them in the order in which they were taken")
