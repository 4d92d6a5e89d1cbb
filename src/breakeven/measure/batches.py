"""Load on an Open Inference Protocol v2 server: one caller, a point per batch size."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.measure import closed_loop
from breakeven.measure.exchange import Request
from breakeven.measure.kept import Kept
from breakeven.measure.plan import CALLS, Plan
from breakeven.measure.point import Asked, of_closed
from breakeven.measure.probe import chosen, get
from breakeven.measure.tensors import Input, declared, infer, shaped
from breakeven.wire.client import Client

_WARM_UP = 3


async def measure(client: Client, plan: Plan, kept: Kept) -> None:
    """Every batch size of the plan.

    Raises:
        BackendError: nobody answers.
        UsageError: the model is not served, or its inputs cannot be made up or do not take such batches.
    """
    model = chosen(plan.model, None, plan.url)
    url = f"{plan.root}/v2/models/{model}"
    inputs = declared(await get(client, url, plan.headers), model, plan.url)
    batches = [shaped(inputs, rows) for rows in plan.sizes()]
    kept.identity("v2", model)
    named = ", ".join(f"{one.name} {one.datatype}" for one in inputs)
    warm_up = _WARM_UP if plan.warm_up is None else plan.warm_up
    kept.remark([f"one caller, random inputs ({named}), seed {plan.seed}; {warm_up} calls of warm-up, not counted"])
    for tensors in batches:
        await _batch(client, plan, kept, f"{url}/infer", tensors)


async def _batch(client: Client, plan: Plan, kept: Kept, url: str, inputs: Sequence[Input]) -> None:
    rows, requests = inputs[0].shape[0], plan.requests or CALLS
    options = closed_loop.Options(
        clients=1, requests=requests, seconds=plan.seconds, warm_up=_WARM_UP if plan.warm_up is None else plan.warm_up
    )

    def make(index: int) -> Request:
        return infer(url, inputs, [plan.seed, rows, index], plan.headers)

    def progress(done: int, _sent: int) -> None:
        kept.listener.progress(f"{rows} rows", done, requests)

    run = await closed_loop.drive(client, make, options, progress)
    kept.point(of_closed(run, 1, Asked(rows=rows)))
