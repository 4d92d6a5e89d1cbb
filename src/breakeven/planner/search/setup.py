"""What a replica is, apart from who sells it: model, precision, boards and engine, each worked out once."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from breakeven.catalog.find import Catalog
from breakeven.errors import FactError, InfeasibleError, UsageError
from breakeven.perf import apart, attain, effects
from breakeven.perf.coefficients import Errors
from breakeven.perf.curve import step_curve
from breakeven.perf.precision import PRECISIONS
from breakeven.perf.prior import PRIOR
from breakeven.planner.candidates import SIZES, Scope
from breakeven.planner.question import Question
from breakeven.planner.search.limits import published
from breakeven.planner.standing import speed_facts
from breakeven.schema.fact import Fact
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.performance import StepCurve

ENGINES: dict[str, frozenset[str]] = {
    "vllm": frozenset({"NVIDIA", "AMD"}),
    "sglang": frozenset({"NVIDIA", "AMD"}),
    "trtllm": frozenset({"NVIDIA"}),
}
"""Engines with fitted coefficients, and whose accelerators they run on."""

NARROWER = {16: ("fp16", "fp8", "int8", "int4", "fp4"), 8: ("fp8", "int4", "fp4"), 4: ()}
"""Precisions worth a try, by the bits of the published weights: never more bits than were published."""

MOST_SEQUENCES = 1024
"""At once on a replica with room in its cache: vLLM's default on H100 and H200 (vllm-project/vllm#16158), to be set as
`--max-num-seqs` elsewhere. Fewer would leave a board idle on short requests, and the more so the faster it is."""

UNITS = {"fp8": "flops_fp8", "int8": "flops_int8", "fp4": "flops_fp4"}
"""What an accelerator must multiply to gain from a precision that the model was not published in."""


Kind = apart.Instance
"""A replica's make."""


class Setup(NamedTuple):
    """What is known of a make: its speed, or what excludes it.

    `transfer_s_per_token` is what a prompt's cache takes from one instance to its like in the same machine, each board
    sending its part over its own link at the rate that collectives were seen to reach; None where links are unknown.
    """

    curve: StepCurve | None = None
    errors: Errors | None = None
    facts: tuple[str, ...] = ()
    binding: str = ""
    transfer_s_per_token: float | None = None


class Setups:
    """Setups by kind, each computed once: offers of one accelerator share them."""

    def __init__(self, catalog: Catalog, question: Question, scope: Scope) -> None:
        self.catalog, self.scope = catalog, scope
        load = question.workload
        self.context = load.input_tokens_mean + load.output_tokens_mean / 2
        self.batch = not attain.has_targets(question.objective)
        self._known: dict[tuple[str, str, int, str, str], Setup] = {}

    def kinds(self, model: Model, accelerator: Accelerator, most: int) -> list[Kind]:
        """All makes of a model on machines with at most so many of the accelerator."""
        return [
            Kind(model, accelerator, boards, precision, engine)
            for precision in precisions(model, accelerator, self.scope)
            for engine in engines(accelerator, self.scope)
            for boards in SIZES
            if boards <= most
        ]

    def of(self, kind: Kind) -> Setup:
        """The speed of a make, or what excludes it."""
        key = kind.model.id, kind.accelerator.id, kind.boards, kind.precision, kind.engine
        if key not in self._known:
            self._known[key] = self._made(kind)
        return self._known[key]

    def _made(self, kind: Kind) -> Setup:
        known = supported(self.catalog, kind.engine, kind.precision, kind.accelerator)
        if known is not None and not known.value:
            return Setup(binding=f"engine: {kind.engine} runs no {kind.precision} on {kind.accelerator.architecture}")
        at = self._place(kind)
        fitted = effects.resolve(PRIOR, at)
        try:
            curve = step_curve(
                kind.model,
                kind.accelerator,
                kind.boards,
                kind.precision,
                fitted,
                context_mean=self.context,
                max_batch=MOST_SEQUENCES,
                engine=kind.engine,
            )
        except InfeasibleError as error:
            return Setup(binding=f"memory: {error.message}")
        except UsageError as error:
            return Setup(binding=f"layout: {error.message}")
        except FactError as error:
            return Setup(binding=f"unmeasured: {error.message}")
        facts = speed_facts(self.catalog, kind.model, kind.accelerator, kind.precision)
        facts = facts if known is None else (*facts, known.key)
        sent = apart.transfer_s_per_token(kind, fitted.link)
        return Setup(curve, effects.errors(PRIOR, at), facts, transfer_s_per_token=sent)

    def _place(self, kind: Kind) -> effects.Place:
        """Where nobody waits for an answer, an engine that was measured on whole data sets is as fast as that."""
        at = effects.place(
            kind.accelerator, engine=kind.engine, precision=kind.precision, model=kind.model.id, boards=kind.boards
        )
        offline = msgspec.structs.replace(at, offline=True)
        return offline if self.batch and effects.unseen(PRIOR, offline) != "engine" else at


def engines(accelerator: Accelerator, scope: Scope) -> tuple[str, ...]:
    """The fitted engines that run there; unnamed where none does."""
    asked = scope.engines or tuple(ENGINES)
    found = tuple(name for name in asked if accelerator.vendor in ENGINES.get(name, frozenset({accelerator.vendor})))
    return found or ("",)


def supported(catalog: Catalog, engine: str, precision: str, accelerator: Accelerator) -> Fact | None:
    """Whether an engine multiplies in a precision on such boards (value 1 or 0); None where nobody says."""
    key = f"engine/{engine}/{precision}/{accelerator.architecture}"
    return catalog.fact(key) if key in catalog.known else None


def precisions(model: Model, accelerator: Accelerator, scope: Scope) -> tuple[str, ...]:
    """The published precision, and narrower ones that the accelerator gains from."""
    own = published(model)
    bits = 16 if own == "fp16" else 8 if own == "fp8" else 4
    worth = dict.fromkeys((own, *NARROWER[bits]))
    if scope.precisions:
        worth = dict.fromkeys(name for name in scope.precisions if name in PRECISIONS)
    return tuple(
        name for name in worth if name == own or name not in UNITS or getattr(accelerator, UNITS[name]) is not None
    )
