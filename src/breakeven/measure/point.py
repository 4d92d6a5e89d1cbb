"""A run becomes a point: which answers count, what they say, and why they may not be believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from breakeven.measure import closed_loop, open_loop
from breakeven.measure.answer import Answer
from breakeven.measure.summary import Flow, failures, flow, mean, problem, spread
from breakeven.schema.load import LoadKind, LoadPoint

CPU_SHARE = 0.8
"""Share of a core from which the generator itself may be what is measured."""
FAILED_SHARE = 0.05
"""Share of failed requests from which the others were not served under the load that was meant."""
SHORT_SHARE = 0.9
"""In flight below this share of the clients: the load was not what it is called."""
FEW_ANSWERS = 8
_GROWTH, _SLACK = 1.5, 5
_NAMED = 5


class Asked(NamedTuple):
    """What was meant: tokens of prompts and answers on average, or rows of a batch; and the generator's CPU share."""

    input_tokens: float = 0.0
    output_tokens: float = 0.0
    rows: int = 0
    cpu_share: float = 0.0


class _Sample(NamedTuple):
    kind: LoadKind
    load: float
    answers: Sequence[Answer]
    measured: range
    since_s: float
    until_s: float

    def good(self) -> list[Answer]:
        streamed = self.kind != "batch"
        return [self.answers[index] for index in self.measured if not problem(self.answers[index], streamed=streamed)]


def of_closed(run: closed_loop.Run, clients: int, asked: Asked) -> LoadPoint:
    """The steady part of a closed loop, or of one caller's batches where rows were asked for."""
    kind: LoadKind = "batch" if asked.rows else "closed_concurrency"
    sample = _Sample(kind, float(asked.rows or clients), run.answers, run.measured, run.since_s, run.until_s)
    seen = flow(run.answers, run.since_s, run.until_s)
    doubts = [*_doubts(sample, asked)]
    if run.gave_up:
        doubts.append("given up: too many requests failed one after the other")
    if kind != "batch" and seen is not None and seen.in_flight < SHORT_SHARE * clients:
        doubts.append(f"only {seen.in_flight:.2f} of {clients} requests were in flight on average")
    return _point(sample, seen, float(clients), asked, doubts)


def of_open(run: open_loop.Run, rate_rps: float, warm_up: int, asked: Asked) -> LoadPoint:
    """Everything due after the first `warm_up` requests; throughput until the last was due."""
    answers = run.answers
    measured = range(min(warm_up, len(answers)), len(answers))
    since_s, until_s = (answers[measured.start].at_s, answers[-1].at_s) if measured else (0.0, 0.0)
    sample = _Sample("open_qps", rate_rps, answers, measured, since_s, until_s)
    seen = flow(answers, since_s, until_s)
    doubts = [*_doubts(sample, asked)]
    if run.fell_behind:
        doubts.append(
            f"the generator fell behind its schedule: 1 % of requests left {run.late_p99_s:.3g} s late or more"
        )
    if run.unsent:
        doubts.append(f"{run.unsent} requests were not sent, because too many were in flight")
    half, end = (_waiting(answers, at_s) for at_s in ((since_s + until_s) / 2, until_s))
    if end > _GROWTH * half + _SLACK:
        doubts.append(
            f"the queue kept growing ({half} in flight half-way, {end} at the end): the rate is not sustained"
        )
    together = seen.in_flight if seen else 1.0
    return _point(sample, seen, together, asked, doubts, late_p99_s=run.late_p99_s)


def _waiting(answers: Sequence[Answer], at_s: float) -> int:
    """Requests due and not yet answered at a time."""
    return sum(one.at_s <= at_s < one.at_s + one.late_s + (one.total_s or 0.0) for one in answers)


def _doubts(sample: _Sample, asked: Asked) -> Iterator[str]:
    good, meant = len(sample.good()), len(sample.measured)
    if not good:
        yield "no measured request was answered"
    elif meant - good > FAILED_SHARE * meant:
        yield f"{meant - good} of {meant} measured requests failed, so the others met less than the whole load"
    if asked.cpu_share > CPU_SHARE:
        yield f"the load generator used {asked.cpu_share:.0%} of a core: it may be what was measured"


def _notes(sample: _Sample, asked: Asked, good: Sequence[Answer]) -> Iterator[str]:
    if 0 < len(good) < FEW_ANSWERS:
        yield f"only {len(good)} answers were measured"
    came, sent = mean(one.output_tokens for one in good), mean(one.input_tokens for one in good)
    if sample.kind != "batch" and came is not None and came < 0.98 * asked.output_tokens:
        yield f"answers ended early: {came:.1f} of {asked.output_tokens:.0f} tokens on average"
    if sample.kind != "batch" and sent is not None and abs(sent - asked.input_tokens) > 0.1 * asked.input_tokens + 2:
        yield f"prompts held {sent:.1f} tokens on average, {asked.input_tokens:.0f} were asked for"


def _point(
    sample: _Sample, seen: Flow | None, together: float, asked: Asked, doubts: Sequence[str], **more: float | None
) -> LoadPoint:
    good, streamed = sample.good(), sample.kind != "batch"
    problems = [problem(one, streamed=streamed) for one in sample.answers]
    failed = sum(1 for one in problems if one)
    flowing = seen is not None and good
    return LoadPoint(
        kind=sample.kind,
        load=sample.load,
        sent=len(sample.answers),
        answered=len(sample.answers) - failed,
        failed=failed,
        measured=len(good),
        window_s=sample.until_s - sample.since_s,
        ttft_s=spread(good, _ttft, together) if streamed else None,
        tpot_s=spread(good, lambda one: one.tpot_s, together) if streamed else None,
        e2e_s=spread(good, _whole, together),
        output_tok_s=seen.tok_s if seen and flowing and streamed else None,
        output_tok_s_low=seen.low if seen and flowing and streamed else None,
        output_tok_s_high=seen.high if seen and flowing and streamed else None,
        rows_s=_rows_s(good, asked.rows) if asked.rows else None,
        input_tokens=mean(one.input_tokens for one in good),
        output_tokens=mean(one.output_tokens for one in good),
        in_flight=seen.in_flight if seen else None,
        failures=failures(problems)[:_NAMED],
        doubts=tuple(doubts),
        notes=tuple(_notes(sample, asked, good)),
        **more,
    )


def _ttft(answer: Answer) -> float | None:
    """From when it was due; in a closed loop that is when it left."""
    return None if answer.ttft_s is None else answer.late_s + answer.ttft_s


def _whole(answer: Answer) -> float | None:
    return None if answer.total_s is None else answer.late_s + answer.total_s


def _rows_s(good: Sequence[Answer], rows: int) -> float | None:
    """Rows a second of one caller that asks again at once: rows / mean time of a call."""
    call_s = mean(one.total_s for one in good)
    return rows / call_s if call_s else None
