"""What a deployment would do with a trace or a workload: from options to figures, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from breakeven.assembly.arriving import Arriving, arriving
from breakeven.assembly.deploying import Asked, Kind, Replica, doubt, kind, replica
from breakeven.assembly.serving_options import NETWORK_BYTES_S, serving
from breakeven.assembly.sizing import Choice, Sized, sized
from breakeven.catalog.load import load as load_catalog
from breakeven.errors import UsageError
from breakeven.perf.forecast import Deployed, forecast
from breakeven.report.document import Document
from breakeven.report.forecast import Shown, forecast_document
from breakeven.report.sizing import Chosen, Deployment, sizing_document
from breakeven.schema.forecast import Forecast
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.serving import Serving


class Answer(Noun, frozen=True, kw_only=True):
    """The figures of a simulated deployment, and all that they rest on."""

    asked: Asked
    kind: Kind
    replica: Replica
    serving: Serving
    objective: Objective
    forecast: Forecast
    arriving: Arriving

    def assumed(self) -> tuple[str, ...]:
        """What nobody stated, and what nobody measured."""
        found = [*self.kind.assumed, *self.arriving.remarks]
        if self.serving.split is not None:
            found.append(
                f"prefill and decode: a cache travels at {self.serving.split.transfer_s_per_token * 1e6:.3g} us a token"
                f" ({NETWORK_BYTES_S / 1e9:g} GB/s an accelerator unless stated)"
            )
        said = doubt(self.replica)
        return (*found, said) if said else tuple(found)


def simulate(options: Mapping[str, Any], *, facts: Sequence[Path] = ()) -> Answer:
    """Simulate a deployment, from options as the command line names them.

    Raises:
        UsageError, FactError, InfeasibleError, ConfigError, LedgerError: see `assembly.deploying` and
            `assembly.arriving`.
    """
    asked = asked_of(options)
    came = arriving_of(options)
    of = kind(asked, load_catalog(facts))
    how = serving(options, of, asked.tp, asked.pp)
    context = came.mean("input_tokens") + came.mean("output_tokens")
    one = replica(
        of, asked.tp, asked.pp, context=context, max_sequences=asked.max_sequences,
        max_batch_tokens=how.max_batch_tokens, block_tokens=how.block_tokens,
    )  # fmt: skip
    goal = objective_of(options)
    deployed = Deployed(curve=one.curve, replicas=asked.replicas, serving=how, errors=one.errors)
    found = forecast(came.trace, deployed, goal, scale=came.scale)
    return Answer(asked=asked, kind=of, replica=one, serving=how, objective=goal, forecast=found, arriving=came)


def asked_of(options: Mapping[str, Any]) -> Asked:
    """The deployment that options name."""
    named = {name: options[name] for name in Asked.__struct_fields__ if options.get(name) is not None}
    return msgspec.convert(named | {"changes": tuple(options.get("changes") or ())}, Asked)


def arriving_of(options: Mapping[str, Any]) -> Arriving:
    """The requests that options name."""
    trace, workload = (None if options.get(name) is None else Path(options[name]) for name in ("trace", "workload"))
    return arriving(
        trace=trace, workload=workload, rate=options.get("rate"), most=options.get("requests"),
        drop_empty=bool(options.get("drop_empty")),
    )  # fmt: skip


def objective_of(options: Mapping[str, Any]) -> Objective:
    """The targets that options state, seconds.

    Raises:
        UsageError: one of them is longer than the whole answer may take.
    """
    ttft, tpot, budget = (options.get(name) for name in ("ttft", "tpot", "budget"))
    if budget is not None and ttft is not None and ttft > budget:
        message = f"--ttft {ttft:g} s is longer than --budget {budget:g} s for the whole answer"
        raise UsageError(message, f"ask for a first token within {budget:g} s, or for a longer budget")
    attainment = {} if options.get("attainment") is None else {"attainment": options["attainment"]}
    return Objective(use_case="simulated", ttft_s=ttft, tpot_s=tpot, budget_s=budget, **attainment)


def answer_json(answer: Answer) -> dict[str, Any]:
    """Everything as one JSON object; the figures of the forecast are at its top."""
    asked, of = answer.asked, answer.kind
    targets = {name: getattr(answer.objective, name) for name in ("ttft_s", "tpot_s", "budget_s")}
    return {
        **msgspec.to_builtins(answer.forecast),
        "targets": targets,
        "deployment": {
            "model": of.model.id, "accelerator": of.accelerator.id, "tp": asked.tp, "pp": asked.pp,
            "replicas": asked.replicas, "accelerators": asked.tp * asked.pp * asked.replicas, "engine": of.engine,
            "engine_version": of.version, "precision": of.precision, "max_sequences": asked.max_sequences,
        },
        "serving": msgspec.to_builtins(answer.serving),
        "workload": {"name": answer.arriving.trace.name, "source": answer.arriving.trace.source,
                     "scale": answer.arriving.scale, "input_tokens_mean": answer.arriving.mean("input_tokens"),
                     "output_tokens_mean": answer.arriving.mean("output_tokens")},
        "memory_bytes": msgspec.to_builtins(answer.replica.room),
        "curve": msgspec.to_builtins(answer.replica.curve),
        "coefficients": msgspec.to_builtins(answer.replica.coefficients),
        "calibration": {name: getattr(of.calibration, name) for name in ("name", "n", "source", "as_of")},
        "overrides": list(of.overrides),
        "assumed": list(answer.assumed()),
    }  # fmt: skip


def answer_document(answer: Answer) -> Document:
    """The answer, for people."""
    asked, of, room = answer.asked, answer.kind, answer.replica.room
    shown = Shown(
        title=f"{of.model.id} in {of.precision} on {asked.replicas} x {asked.tp * asked.pp} {of.accelerator.id}",
        deployment=f"{of.engine}{f' {of.version}' if of.version else ''}, tp {asked.tp}, pp {asked.pp}, "
        f"{asked.replicas} replica{'' if asked.replicas == 1 else 's'}",
        workload=f"{answer.arriving.trace.name}: {answer.arriving.mean('input_tokens'):,.0f} prompt and "
        f"{answer.arriving.mean('output_tokens'):,.0f} answer tokens on average",
        forecast=answer.forecast,
        objective=answer.objective,
        memory=tuple((name, getattr(room, name)) for name in MEMORY),
        holds=f"{room.cache_tokens:,} tokens: {room.sequences:,} mean requests a replica at once",
        overrides=of.overrides,
        assumed=answer.assumed(),
        calibration=f"{of.calibration.n:,} rows of {of.calibration.source}" if of.calibration.n else "",
    )
    return forecast_document(shown)


MEMORY = ("total", "weights", "cache", "activations", "communication", "reserved")
"""Where a board's memory goes, in the order in which it is shown."""


def size(
    options: Mapping[str, Any], *, accelerators: Sequence[str], precisions: Sequence[str], most: int,
    facts: Sequence[Path] = (),
) -> Sized:  # fmt: skip
    """The smallest deployment that keeps its targets, from options as the command line names them.

    Raises:
        UsageError, FactError, InfeasibleError, ConfigError, LedgerError: see `assembly.sizing`, and `simulate`.
    """
    asked, came, goal = (
        asked_of({**options, "accelerator": accelerators[0]}),
        arriving_of(options),
        objective_of(options),
    )
    catalog = load_catalog(facts)
    how = serving(options, kind(asked, catalog), 1, 1)
    return sized(asked, accelerators, precisions, catalog, came, how, goal, most=most)


def size_document(found: Sized) -> Document:
    """The smallest deployment, for people."""
    return sizing_document(
        Chosen(
            choice=_row(found.choice), others=tuple(_row(one) for one in found.runners_up),
            smaller=None if found.next_smaller.choice is None else _row(found.next_smaller.choice),
            why=found.next_smaller.why, attainment=found.attainment, margin=found.margin, share_slow=found.share_slow,
            headroom=found.headroom, screened=found.screened, simulated=found.simulated, forecast=found.forecast,
            overrides=found.overrides, assumed=found.assumed,
        )
    )  # fmt: skip


def _row(choice: Choice) -> Deployment:
    return msgspec.convert(msgspec.to_builtins(choice), Deployment)
