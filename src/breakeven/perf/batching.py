"""Continuous batching on one replica as a state machine in virtual time: what the emulator runs, as it can be read.

The simulator's `perf.kernel` does the same for whole traces, faster and with more features; tests hold them together.

A step carries one token of every decoding sequence and, in what is left of its token budget, chunks of prompts in order
of arrival. A request enters, first come, first served, when a slot and whole blocks of cache for its prompt and answer
are free, so that nothing is ever preempted. It may join a step that begins when it is ready, or later. Its first token
comes with the step that ends its prompt. Runs of pure decode steps are summed in closed form.
"""

from __future__ import annotations

import heapq
import math
from collections import deque

from breakeven.perf.step import pairs_of, run_s, step_s, steps_within
from breakeven.schema.performance import StepCurve

NEVER = math.inf


class Sequence:
    """One request on its way; times are virtual seconds, NaN until they happen.

    It may enter a step from `ready_s` on: its arrival plus the deployment's `request_s`, which the caller adds.
    """

    __slots__ = (
        "admitted", "done_s", "first_s", "gone", "input_tokens", "joined", "key", "left", "output_tokens", "ready_s",
        "replica",
    )  # fmt: skip

    def __init__(self, key: int, ready_s: float, input_tokens: int, output_tokens: int) -> None:
        self.key = key
        self.ready_s = ready_s
        self.input_tokens = max(1, input_tokens)
        self.output_tokens = max(1, output_tokens)
        self.left = self.input_tokens
        self.joined = -1
        self.first_s = math.nan
        self.done_s = math.nan
        self.replica = -1
        self.admitted = False
        self.gone = False

    @property
    def footprint(self) -> int:
        """Tokens that it has in the cache at its end."""
        return self.input_tokens + self.output_tokens


class Replica:
    """One replica. Call `advance` with growing times, `submit` when a request is ready; then read the sequences.

    `busy_s` is the time spent in steps, `steps` their number; `clock_s` the end of the last whole step.
    """

    def __init__(self, curve: StepCurve, *, max_batch_tokens: int = 2048, block_tokens: int = 16) -> None:
        self.curve = curve
        self._block = block_tokens
        self._blocks = curve.kv_tokens // block_tokens
        self.clock_s = 0.0
        self.busy_s = 0.0
        self.steps = 0
        self.in_flight = 0
        self._budget = max_batch_tokens
        self._waiting: deque[Sequence] = deque()
        self._prompts: deque[Sequence] = deque()
        self._decoding: list[tuple[int, int, Sequence]] = []
        self._count = 0
        self._context = 0
        self._window = 0
        self._pairs = 0.0
        self._cache = 0
        self._slots = 0
        self._ends_s: float | None = None
        self._finished_prompts: list[Sequence] = []
        self._cancelled: list[Sequence] = []
        self.changed: list[Sequence] = []

    def reserves(self, sequence: Sequence) -> int:
        """Whole blocks of cache that are set aside for a request."""
        return -(-sequence.footprint // self._block)

    def can_ever_fit(self, sequence: Sequence) -> bool:
        """Whether an empty cache holds the request."""
        return self.reserves(sequence) <= self._blocks

    def submit(self, sequence: Sequence) -> None:
        """Queue a request at its ready time, to which `advance` was called; it must fit an empty cache."""
        if self.in_flight == 0 and self._ends_s is None:
            self.clock_s = max(self.clock_s, sequence.ready_s)
        self._waiting.append(sequence)
        self.in_flight += 1

    def cancel(self, sequence: Sequence) -> None:
        """Drop a request; what it holds is free from the next step on."""
        if not sequence.gone and math.isnan(sequence.done_s):
            sequence.gone = True
            self.in_flight -= 1
            self._cancelled.append(sequence)

    def advance(self, until_s: float) -> list[Sequence]:
        """Run every step that begins before `until_s`; returns the sequences that got a first or last token by then."""
        self.changed = []
        while self._settle(until_s) and self._has_work() and self.clock_s < until_s:
            self._drop_cancelled()
            self._admit()
            if self._prompts or not self._count:
                self._begin(self._take_prompts())
            else:
                self._decode_run(until_s)
        return self.changed

    def next_change_s(self) -> float:
        """Virtual time by which the next first token, last token or admission can happen; infinite when idle."""
        if self._ends_s is None:
            return self.clock_s if self._has_work() else NEVER
        if self._finished_prompts or self._prompts or self._cancelled or self._can_admit():
            return self._ends_s
        if not self._decoding:
            return self._ends_s
        left = self._decoding[0][0] - self.steps - 1
        return self._ends_s + run_s(self.curve, self._count, self._context + self._count, max(0, left), self._window)

    def emitted(self, sequence: Sequence) -> int:
        """Output tokens of a sequence by the end of the last whole step."""
        if math.isnan(sequence.first_s):
            return 0
        if not math.isnan(sequence.done_s):
            return sequence.output_tokens
        return 1 + self.steps - sequence.joined

    def _has_work(self) -> bool:
        return bool(self._waiting or self._prompts or self._count or self._cancelled)

    def _settle(self, until_s: float) -> bool:
        """End the step in progress if it ends by `until_s`; False when it does not."""
        if self._ends_s is None:
            return True
        if self._ends_s > until_s:
            return False
        self.clock_s, self._ends_s = self._ends_s, None
        self._count_steps(1)
        for sequence in self._finished_prompts:
            self._first_token(sequence)
        self._finished_prompts = []
        return True

    def _count_steps(self, steps: int) -> None:
        self.steps += steps
        self._context += self._count * steps
        while self._decoding and self._decoding[0][0] <= self.steps:
            self._done(heapq.heappop(self._decoding)[2])

    def _first_token(self, sequence: Sequence) -> None:
        sequence.first_s = self.clock_s
        sequence.joined = self.steps
        if sequence.gone:
            return
        if sequence.output_tokens == 1:
            self._free(sequence)
            self._end(sequence)
            return
        self._count += 1
        self._context += sequence.input_tokens + 1
        self._window += self._windowed(sequence)
        heapq.heappush(self._decoding, (self.steps + sequence.output_tokens - 1, sequence.key, sequence))
        self.changed.append(sequence)

    def _done(self, sequence: Sequence) -> None:
        self._count -= 1
        self._context -= sequence.footprint
        self._window -= self._windowed(sequence)
        self._free(sequence)
        if sequence.gone:
            sequence.done_s = self.clock_s
        else:
            self._end(sequence)

    def _end(self, sequence: Sequence) -> None:
        sequence.done_s = self.clock_s
        self.in_flight -= 1
        self.changed.append(sequence)

    def _free(self, sequence: Sequence) -> None:
        self._cache -= self.reserves(sequence)
        self._slots -= 1

    def _windowed(self, sequence: Sequence) -> int:
        return min(sequence.input_tokens, self.curve.window_tokens)

    def _can_admit(self) -> bool:
        if not self._waiting or self._slots >= self.curve.max_sequences:
            return False
        return self._cache + self.reserves(self._waiting[0]) <= self._blocks

    def _admit(self) -> None:
        while self._can_admit():
            sequence = self._waiting.popleft()
            sequence.admitted = True
            self._cache += self.reserves(sequence)
            self._slots += 1
            self._prompts.append(sequence)

    def _take_prompts(self) -> int:
        """Chunks of prompts for the next step, in order; returns their tokens and keeps their query-key pairs."""
        budget = max(0, self._budget - self._count) if self._count else self._budget
        taken = 0
        self._pairs = 0.0
        while self._prompts and taken < budget:
            sequence = self._prompts[0]
            part = min(sequence.left, budget - taken)
            self._pairs += pairs_of(part, sequence.input_tokens - sequence.left)
            sequence.left -= part
            taken += part
            if sequence.left:
                break
            self._finished_prompts.append(self._prompts.popleft())
        return taken

    def _begin(self, prompt_tokens: int) -> None:
        if not (prompt_tokens or self._count):
            return
        length = step_s(
            self.curve,
            decoding=self._count,
            context=self._context,
            prompt=prompt_tokens,
            window=self._window,
            pairs=self._pairs if prompt_tokens else 0.0,
        )
        self.busy_s += length
        self._ends_s = self.clock_s + length

    def _decode_run(self, until_s: float) -> None:
        """Whole steps up to the next finish or `until_s`, then, where time is left, one step in progress."""
        most = self._decoding[0][0] - self.steps
        whole = steps_within(self.curve, self._count, self._context, until_s - self.clock_s, most, window=self._window)
        if whole == 0:
            self._begin(0)
            return
        length = run_s(self.curve, self._count, self._context, whole, self._window)
        self.clock_s += length
        self.busy_s += length
        self._count_steps(whole)

    def _drop_cancelled(self) -> None:
        """Between steps: take what was cancelled out of wherever it is."""
        for sequence in self._cancelled:
            if not math.isnan(sequence.done_s):
                continue
            if not sequence.admitted:
                self._waiting.remove(sequence)
                continue
            self._free(sequence)
            if sequence in self._prompts:
                self._prompts.remove(sequence)
            elif sequence.joined >= 0:
                self._leave_decoding(sequence)
        self._cancelled = []

    def _leave_decoding(self, sequence: Sequence) -> None:
        for place, (_, _, other) in enumerate(self._decoding):
            if other is sequence:
                self._count -= 1
                self._context -= sequence.input_tokens + 1 + self.steps - sequence.joined
                self._window -= self._windowed(sequence)
                del self._decoding[place]
                heapq.heapify(self._decoding)
                return
