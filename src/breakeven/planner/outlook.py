"""How sure a plan is: its options drawn by the study engine over the horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.planner.as_study import as_study, identifier
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.schema.fact import Fact
from breakeven.schema.outlook import Outlook
from breakeven.schema.plan import Option
from breakeven.study.evaluate import Evaluated
from breakeven.study.outlook.outlook import outlook

DRAWS = 4_000


def outlook_of(
    options: Sequence[Option],
    candidates: Sequence[Candidate],
    question: Question,
    catalog: Catalog,
    rng: np.random.Generator,
    *,
    as_of: str,
    seed: int,
) -> tuple[Outlook, tuple[Fact, ...]]:
    """Chances, break-even bands, tornado and turns of the options, under their own names; and the facts behind them.

    What explains the variance a doubt says, of the same inputs and more: no Sobol indices here.
    """
    horizon = question.objective.horizon_months
    study = as_study(options, candidates, question, as_of=as_of, seed=seed, horizon_months=horizon)
    found = outlook(study, catalog, rng, seed=seed, draws=DRAWS, indices=False)
    evaluated = Evaluated(study, catalog)
    evaluated.pairs()
    facts = tuple(evaluated.scope.facts[key] for key in sorted(evaluated.scope.facts))
    return named(found, {identifier(one.name): one.name for one in options}), facts


def named(found: Outlook, names: Mapping[str, str]) -> Outlook:
    """The outlook under the names that people gave the options."""
    replace = msgspec.structs.replace
    return replace(
        found,
        best=names.get(found.best, found.best),
        compared=names.get(found.compared, found.compared),
        result=_renamed(found.result, names),
        chances=tuple(replace(one, option=names.get(one.option, one.option)) for one in found.chances),
        recoveries=tuple(
            replace(one, owner=names.get(one.owner, one.owner), rival=names.get(one.rival, one.rival))
            for one in found.recoveries
        ),
        tornado=tuple(replace(one, name=_renamed(one.name, names)) for one in found.tornado),
        turns=tuple(
            replace(one, name=_renamed(one.name, names), winner=names.get(one.winner, one.winner))
            for one in found.turns
        ),
    )


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for plain in sorted(names, key=len, reverse=True):
        text = text.replace(plain, names[plain])
    return text
