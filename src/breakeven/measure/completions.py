"""Load on an OpenAI-compatible server: the points of a plan, closed loops first."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence

from breakeven.errors import BackendError
from breakeven.measure import closed_loop, open_loop, tokenizing
from breakeven.measure.answer import Answer
from breakeven.measure.dialect import Api, Dialect
from breakeven.measure.exchange import Request, exchange
from breakeven.measure.kept import Kept, Meter
from breakeven.measure.plan import MOST_IN_FLIGHT, Plan, poisson
from breakeven.measure.point import Asked, of_closed, of_open
from breakeven.measure.probe import Found, chosen, probe
from breakeven.measure.prompt import Prompts
from breakeven.measure.summary import problem
from breakeven.wire.client import Client


async def measure(client: Client, plan: Plan, kept: Kept, listed: Mapping[str, str] | None) -> None:
    """Every closed and open loop of the plan; `listed` are the models the server names.

    Raises:
        BackendError: it does not answer in a way that can be measured.
        UsageError: the model is not served.
    """
    count = None if plan.tokenizer is None else tokenizing.load(plan.tokenizer)
    plan.loads()  # what cannot be meant is refused before anything is asked
    model = chosen(plan.model, listed, plan.url)
    first = Dialect(
        api="chat", url=plan.base, model=model, headers=plan.headers, extra=plan.extra, timeout_s=plan.timeout_s,
        keep_text=count is not None,
    )  # fmt: skip
    apis: tuple[Api, ...] = (plan.api,) if plan.api else ("chat", "completions")
    found = await probe(client, first, apis, (listed or {}).get(model, ""))
    kept.identity(found.dialect.api, model, found.engine, found.version)
    kept.remark([*found.remarks, *plan.how()])
    points = _Points(client, plan, kept, found, count)
    await points.run()


class _Points:
    def __init__(self, client: Client, plan: Plan, kept: Kept, found: Found, count: tokenizing.Count | None) -> None:
        self.client, self.plan, self.kept, self.found, self.count = client, plan, kept, found, count
        self.entropy = secrets.randbits(32) if plan.fresh else None

    async def run(self) -> None:
        alone_s = await self.alone()
        closed, rates = self.plan.loads()
        for number, clients in enumerate(closed, start=1):
            await self.closed(self.prompts(number), clients, alone_s)
        for number, rate_rps in enumerate(rates, start=1 + len(closed)):
            await self.open(self.prompts(number), rate_rps, number)

    def prompts(self, number: int) -> Prompts:
        plan = self.plan
        return Prompts(
            input=plan.input, output=plan.output, scale=self.found.scale, seed=plan.seed, point=number,
            entropy=self.entropy,
        )  # fmt: skip

    def request(self, prompts: Prompts, index: int) -> Request:
        return self.found.dialect.request(*prompts.make(index))

    async def alone(self) -> float:
        """Seconds of one whole answer with nobody else there; it is not counted."""
        request = self.request(self.prompts(0), 0)
        answer, _ = await exchange(self.client, request, Answer(index=0, at_s=0.0), time.monotonic)
        if why := problem(answer):
            message = f"{self.plan.url} failed a request of the size asked for: {why}"
            raise BackendError(message, "ask for a shorter --isl or --osl, or see what the server says")
        return answer.total_s or 0.0

    async def closed(self, prompts: Prompts, clients: int, alone_s: float) -> None:
        plan, requests, meter = self.plan, self.plan.requests_closed(clients), Meter()
        options = closed_loop.Options(
            clients=clients,
            requests=requests,
            seconds=plan.seconds,
            warm_up=clients if plan.warm_up is None else plan.warm_up,
            stagger_s=0.0 if plan.burst else alone_s / clients,
        )

        def progress(done: int, _sent: int) -> None:
            self.kept.listener.progress(f"{clients} in flight", done, requests)

        run = await closed_loop.drive(self.client, lambda index: self.request(prompts, index), options, progress)
        self.kept.point(of_closed(run, clients, self.asked(meter)))
        self.check(prompts, run.answers)

    async def open(self, prompts: Prompts, rate_rps: float, number: int) -> None:
        plan, meter = self.plan, Meter()
        warm_up, count = plan.requests_open(rate_rps)
        shots = [
            open_loop.Shot(at_s, lambda index=index: self.request(prompts, index))  # type: ignore[misc]
            for index, at_s in enumerate(poisson(rate_rps, count, [plan.seed, number]))
        ]
        ended = iter(range(1, count + 1))

        def progress(_answer: Answer, _body: bytes) -> None:
            self.kept.listener.progress(f"{rate_rps:g}/s", next(ended), count)

        run = await open_loop.fire(shots, self.client, open_loop.Options(in_flight=MOST_IN_FLIGHT), progress)
        self.kept.point(of_open(run, rate_rps, warm_up, self.asked(meter)))
        self.check(prompts, run.answers)

    def asked(self, meter: Meter) -> Asked:
        return Asked(self.plan.input.mean, self.plan.output.mean, cpu_share=meter.share())

    def check(self, prompts: Prompts, answers: Sequence[Answer]) -> None:
        """Hold the server's counts against the tokenizer's."""
        good = [one for one in answers if not problem(one)]
        if self.count is None or not good:
            return
        said = [(one.text, one.output_tokens or 0) for one in good]
        sent = [(prompts.make(one.index)[0], one.input_tokens or 0) for one in good]
        self.kept.remark([tokenizing.gap(self.count, said, "answers"), tokenizing.gap(self.count, sent, "prompts")])
