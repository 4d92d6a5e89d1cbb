"""A file of questions about levers, answered: names looked up in the catalog, outcomes read, each lever computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from breakeven.assembly import outcomes_file
from breakeven.catalog.alias import accelerator_meant, model_meant
from breakeven.catalog.find import Catalog
from breakeven.config.lever.file import LeverFile
from breakeven.config.lever.serving import Serving
from breakeven.config.problem import suggest
from breakeven.errors import UsageError
from breakeven.perf.curve import step_curve
from breakeven.planner.levers import accuracy, learned, routing, sparing, steps, thinking, training, weights
from breakeven.planner.levers.judge import Stakes
from breakeven.schema.hardware import Accelerator
from breakeven.schema.lever import Lever, RouterWeights
from breakeven.schema.model import Model
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve

MOST_SEQUENCES = 512


class Bench(Noun, frozen=True, kw_only=True):
    """What levers are computed with: their question, the folder that its files are beside, and the catalog."""

    file: LeverFile
    folder: Path
    catalog: Catalog

    @property
    def stakes(self) -> Stakes:
        """What the file says of predictions in general."""
        return Stakes(
            value_usd=self.file.value_usd,
            loss_usd=self.file.loss_usd,
            predictions_per_month=self.file.predictions_per_month,
            draws=self.file.draws,
            seed=self.file.seed,
        )


def asked(file: LeverFile) -> tuple[str, ...]:
    """The levers that a file asks about."""
    return tuple(name for name in LEVERS if getattr(file, name) is not None)


def lever(bench: Bench, name: str) -> Lever:
    """One lever of the file.

    Raises:
        UsageError: there is no such lever, or the file does not ask about it.
        FactError, InfeasibleError, EvidenceError, LedgerError: see the levers, and what they are computed from.
    """
    if name not in LEVERS:
        message = f"there is no lever {name}"
        raise UsageError(message, suggest(name, list(LEVERS), kind="there are"))
    question = getattr(bench.file, name)
    if question is None:
        message = f"the file has no section `{name}:`; it asks about {', '.join(asked(bench.file)) or 'nothing'}"
        raise UsageError(message, f"add one: `breakeven lever example {name}` prints it")
    return LEVERS[name](bench, question)


def learned_of(bench: Bench) -> learned.Learned:
    """The router of the file's outcomes, learned and tested.

    Raises:
        UsageError: the file has no section `router:`, or names models that are not in the outcomes.
        EvidenceError, LedgerError: the outcomes are too few, or cannot be read.
    """
    question = bench.file.router
    if question is None:
        message = "the file has no section `router:`"
        raise UsageError(message, "add one: `breakeven lever example router` prints it")
    outcomes, _ = outcomes_file.read(bench.folder / question.outcomes)
    return learned.learn(question, outcomes)


def router_weights(bench: Bench) -> RouterWeights:
    """The router as plain arrays.

    Raises:
        UsageError, EvidenceError, LedgerError: see `learned_of`.
    """
    return learned_of(bench).weights()


def _board(bench: Bench, serving: Serving) -> tuple[Model, Accelerator]:
    model = bench.catalog.model(model_meant(bench.catalog, serving.model).id)
    return model, bench.catalog.accelerator(accelerator_meant(bench.catalog, serving.accelerator).id)


def _replica(bench: Bench, serving: Serving, precision: str = "") -> weights.Replica:
    model, board = _board(bench, serving)
    return weights.replica(model, board, serving.accelerators, precision or serving.precision, serving.engine)


def _curve(bench: Bench, serving: Serving, context: float) -> StepCurve:
    model, board = _board(bench, serving)
    return step_curve(
        model, board, serving.accelerators, serving.precision, context_mean=context, max_batch=MOST_SEQUENCES,
        engine=serving.engine,
    )  # fmt: skip


def _quantization(bench: Bench, question: Any) -> Lever:  # noqa: ANN401 - a section of the file
    if question.serving is not None:
        if not question.to_precision:
            message = "quantization of a replica states no `to_precision`"
            raise UsageError(message, "name the new one, such as fp8 or int4")
        before, after = (_replica(bench, question.serving, one) for one in ("", question.to_precision))
        question = weights.quantized(question, before, after)
    return weights.quantization(question, bench.stakes)


def _speculation(bench: Bench, question: Any) -> Lever:  # noqa: ANN401 - likewise
    curve = _curve(bench, question.serving, question.context_tokens.value)
    return steps.speculation(question, bench.stakes, curve)


LEVERS: Mapping[str, Callable[[Bench, Any], Lever]] = {
    "share": lambda bench, question: routing.share(question, bench.stakes),
    "router": lambda bench, question: learned.router(question, bench.stakes, learned_of(bench)),
    "cascade": lambda bench, question: routing.cascade(question, bench.stakes),
    "cache": lambda bench, question: sparing.cache(question, bench.stakes),
    "context": lambda bench, question: sparing.context(question, bench.stakes),
    "quantization": _quantization,
    "speculation": _speculation,
    "experts": lambda bench, question: weights.experts(question, bench.stakes, _replica(bench, question.serving)),
    "distillation": lambda bench, question: training.distillation(question, bench.stakes),
    "life": lambda bench, question: training.life(question, bench.stakes),
    "samples": lambda bench, question: thinking.samples(question, bench.stakes),
    "reasoning": lambda bench, question: thinking.reasoning(question, bench.stakes),
    "accuracy": lambda bench, question: accuracy.accuracy(question, bench.stakes),
}
"""How each lever is computed from its section of the file."""
