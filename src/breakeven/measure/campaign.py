"""A whole load test of a server, keeping the points that are done when somebody stops it."""

from __future__ import annotations

import asyncio

import uvloop

from breakeven.measure import batches, completions
from breakeven.measure.kept import Kept
from breakeven.measure.plan import MOST_IN_FLIGHT, Listener, Plan
from breakeven.measure.probe import get, models
from breakeven.schema.load import LoadReport
from breakeven.wire.client import Client
from breakeven.wire.connection import Limits


def run(plan: Plan, frame: LoadReport, listener: Listener | None = None) -> LoadReport:
    """Measure every point of a plan; an interrupt ends it early and keeps what is done, if anything is.

    Args:
        plan: what is to be measured.
        frame: a report without points: who is measured and by whom, as far as it was stated.
        listener: told of progress.

    Raises:
        BackendError: nobody answers, or in no way that can be measured.
        UsageError: the model is not served, or its inputs cannot be made up.
    """
    kept = Kept(frame, listener or Listener())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(plan, kept))
    except KeyboardInterrupt:
        if not kept.report.points:
            raise
        kept.interrupted()
    return kept.report


async def _run(plan: Plan, kept: Kept) -> None:
    async with Client(Limits(idle_connections=MOST_IN_FLIGHT)) as client:
        if plan.api == "v2":
            await batches.measure(client, plan, kept)
            return
        listed = await models(client, plan.base, plan.headers)
        if plan.api is None and listed is None and await get(client, f"{plan.root}/v2", plan.headers) is not None:
            await batches.measure(client, plan, kept)
        else:
            await completions.measure(client, plan, kept, listed)
