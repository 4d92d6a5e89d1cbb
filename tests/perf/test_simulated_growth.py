"""Growth of answers block by block, and preemption, against a plain replica that shares nothing with the kernel."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.perf.simulate import simulate
from breakeven.perf.step import step_s
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace, pack

CURVE = StepCurve(
    prefill_s_per_token=2e-5,
    step_base_s=0.01,
    step_per_sequence_s=1e-4,
    step_per_context_s=1e-7,
    max_sequences=6,
    kv_tokens=1300,
    request_s=0.003,
    step_per_pair_s=3e-8,
    step_per_window_context_s=4e-7,
    window_tokens=200,
)
REQUESTS = st.lists(
    st.tuples(st.floats(0, 0.1), st.integers(1, 700), st.integers(1, 250)), min_size=1, max_size=40
)  # gap, prompt, answer


class Plain:
    """One step at a time, straight from the rules; every sequence is a dictionary."""

    def __init__(self, requests, budget, block) -> None:
        self.budget, self.block, self.blocks = budget, block, CURVE.kv_tokens // block
        self.clock, self.waiting, self.prompts, self.running, self.done = 0.0, [], [], [], []
        arrivals = np.cumsum([gap for gap, _, _ in requests])
        self.coming = [
            {"key": key, "ready": at + CURVE.request_s, "prompt": prompt, "answer": answer, "out": 0, "lost": 0}
            for key, (at, (_, prompt, answer)) in enumerate(zip(arrivals, requests, strict=True))
        ]

    def serve(self):
        while self.coming or self.waiting or self.prompts or self.running:
            self.arrive()
            self.admit()
            self.make_room()
            self.step()
        return sorted(self.done, key=lambda one: one["key"])

    def arrive(self) -> None:
        if not (self.waiting or self.prompts or self.running):
            self.clock = max(self.clock, self.coming[0]["ready"])
        while self.coming and self.coming[0]["ready"] <= self.clock:
            self.wait(self.coming.pop(0))

    def wait(self, one) -> None:
        """All tokens so far are to be computed (again)."""
        one["left"] = one["prompt"] + one["out"]
        self.waiting = sorted([*self.waiting, one], key=lambda other: other["key"])

    def admit(self) -> None:
        """In order, while the tokens so far fit; 1 % of blocks stay free unless nothing runs."""
        while self.waiting and len(self.prompts) + len(self.running) < CURVE.max_sequences:
            inside = [*self.prompts, *self.running]
            margin = int(0.01 * self.blocks) if inside else 0
            need = self.whole(self.waiting[0]["left"])
            if need + sum(one["held"] for one in inside) + margin > self.blocks:
                return
            self.prompts.append(self.waiting.pop(0) | {"held": need})

    def make_room(self) -> None:
        """The latest arrived gives way while the next step's blocks are not there."""
        while self.running and self.needed() > self.blocks:
            victim = max((*self.prompts, *self.running), key=lambda one: one["key"])
            self.prompts = [one for one in self.prompts if one is not victim]
            self.running = [one for one in self.running if one is not victim]
            victim["lost"] += 1
            self.wait(victim)
        for one in self.running:
            one["held"] = self.whole(one["prompt"] + one["out"])

    def needed(self):
        grown = sum(self.whole(one["prompt"] + one["out"]) for one in self.running)
        return grown + sum(one["held"] for one in self.prompts)

    def whole(self, tokens):
        return math.ceil(tokens / self.block)

    def step(self) -> None:
        ready, taken, pairs = self.chunks()
        self.clock += step_s(
            CURVE,
            decoding=len(self.running),
            context=sum(one["prompt"] + one["out"] for one in self.running),
            prompt=taken,
            window=sum(min(one["prompt"], CURVE.window_tokens) for one in self.running),
            pairs=pairs,
        )
        stay = [one for one in self.running if self.emit(one)]
        for one in ready:
            if self.emit(one):
                one["held"] = self.whole(one["prompt"] + one["out"] - (1 if stay else 0))
                self.running.append(one)
        self.running = [one for one in self.running if one["out"] < one["answer"]]

    def emit(self, one):
        """One token more; whether others follow."""
        one["out"] += 1
        one.setdefault("first", self.clock)
        if one["out"] == one["answer"]:
            self.done.append(one | {"done": self.clock})
        return one["out"] < one["answer"]

    def chunks(self):
        room = max(0, self.budget - len(self.running)) if self.running else self.budget
        ready, taken, pairs = [], 0, 0
        while self.prompts and taken < room:
            one = self.prompts[0]
            part = min(one["left"], room - taken)
            before = one["prompt"] + one["out"] - one["left"]
            pairs += sum(before + query for query in range(1, part + 1))
            one["left"] -= part
            taken += part
            if one["left"]:
                break
            ready.append(self.prompts.pop(0))
        return ready, taken, pairs


@settings(max_examples=80, deadline=None)
@given(REQUESTS, st.sampled_from([64, 512]), st.sampled_from([1, 16]))
def test_the_kernel_equals_the_plain_rules(requests, budget, block) -> None:
    """Whoever is preempted, times and counts are those of the plain replica, and every answer has all its tokens."""
    arrivals = np.cumsum([gap for gap, _, _ in requests])
    trace = Trace(
        name="t",
        arrival_s=pack(arrivals),
        input_tokens=pack(prompt for _, prompt, _ in requests),
        output_tokens=pack(answer for _, _, answer in requests),
    )
    expected = Plain(requests, budget, block).serve()
    serving = Serving(growth="recompute", max_batch_tokens=budget, block_tokens=block)
    found = simulate(trace, CURVE, 1, serving=serving)
    assert [one["out"] for one in expected] == [answer for _, _, answer in requests]
    np.testing.assert_allclose(found.column("ttft_s"), [one["first"] for one in expected] - arrivals, rtol=1e-9)
    np.testing.assert_allclose(found.column("e2e_s"), [one["done"] for one in expected] - arrivals, rtol=1e-9)
    assert found.column("preemptions").tolist() == [one["lost"] for one in expected]
