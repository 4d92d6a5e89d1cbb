"""A window of a llama.cpp server's traffic out of its `/metrics`, which has neither histograms nor a count of requests.

So there is no TTFT, and lengths of prompts and answers must be stated. Its counters move when an answer ends.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from breakeven.measure.change import Change, moved
from breakeven.schema.observed import Limits, Observed
from breakeven.wire.prometheus_text import Scrape

MADE = "llamacpp:tokens_predicted_total"
_MADE_S = "llamacpp:tokens_predicted_seconds_total"
_BUSY = "llamacpp:requests_processing"
_WAITING = "llamacpp:requests_deferred"


def window(scrapes: Sequence[Scrape], lengths: tuple[float, float] | None, limits: Limits) -> Observed:
    """What the server did between the first and the last of at least two scrapes.

    TPOT is the seconds that slots spent on answers over the tokens in them. In flight is what the gauge of busy slots
    read on average, else those seconds over the window's (Little's law, of decoding alone). `lengths` are prompt and
    answer tokens, as stated.
    """
    change = Change(scrapes, {})
    made, made_s = change.counted(MADE) or 0.0, change.counted(_MADE_S) or 0.0
    gauge = change.gauge(_BUSY)
    often = len(gauge) >= limits.samples
    wrong = tuple(_wrong(change, made, lengths, limits))
    return Observed(
        name="llama.cpp",
        start_s=scrapes[0].at_s,
        window_s=change.seconds,
        in_flight=statistics.fmean(gauge) if often else made_s / change.seconds,
        input_tokens=None if lengths is None else lengths[0],
        output_tokens=None if lengths is None else lengths[1],
        tpot_s=made_s / made if made > 0 else None,
        output_tok_s=made / change.seconds,
        refused=tuple(change.fell[:1]) or (*wrong, *(_unsteady(gauge, limits) if often else ())),
        notes=(
            "llama.cpp exposes no TTFT and no lengths: those stated are taken",
            *(() if often else (f"{len(gauge)} samples cannot tell whether the load was steady",)),
        ),
    )


def _wrong(change: Change, made: float, lengths: tuple[float, float] | None, limits: Limits) -> Iterator[str]:
    if lengths is None:
        yield "llama.cpp does not count requests, so that mean prompt and answer lengths must be stated"
    if made < limits.tokens:
        yield f"{made:g} tokens in answers that ended in {change.seconds:g} s, fewer than {limits.tokens}"
    drafts = change.counted("llamacpp:spec_decode_num_drafts_total") or 0.0
    if drafts:
        yield f"{drafts:g} speculative drafts in the window: rows have no column that says so"
    yield from _impure(change, limits)


def _impure(change: Change, limits: Limits) -> Iterator[str]:
    hits = change.counted("llamacpp:prompt_tokens_cached_total") or 0.0
    asked = hits + (change.counted("llamacpp:prompt_tokens_total") or 0.0)
    if hits > limits.cached * asked:
        yield f"{hits / asked:.0%} of prompt tokens came from the prefix cache, more than {limits.cached:.0%}"
    waiting, busy = sum(change.gauge(_WAITING)), sum(change.gauge(_BUSY))
    if waiting > limits.queued * (waiting + busy):
        yield (
            f"{waiting / (waiting + busy):.0%} of requests waited for a slot, more than {limits.queued:.0%}: "
            "that says how long the queue was"
        )


def _unsteady(gauge: Sequence[float], limits: Limits) -> Iterator[str]:
    if (spread := moved(gauge)) > limits.variation:
        yield f"busy slots varied by {spread:.0%} of their mean, more than {limits.variation:.0%}"
