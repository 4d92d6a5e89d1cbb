"""The outlook of a study: Monte Carlo, tornado, Sobol indices and turns, from one seed."""

from __future__ import annotations

import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.errors import StudyError
from breakeven.schema.outlook import Outlook
from breakeven.study.outlook.case import Case, case_of, sampled
from breakeven.study.outlook.chance import chances, expected_regrets, recoveries, rounded
from breakeven.study.outlook.draw import drawn, ranges
from breakeven.study.outlook.sobol import sobol
from breakeven.study.outlook.tornado import tornado
from breakeven.study.outlook.turn import turns


def outlook(
    study: StudyFile,
    catalog: Catalog,
    rng: np.random.Generator,
    *,
    seed: int,
    draws: int,
    compare: str = "",
    indices: bool = True,
) -> Outlook:
    """How sure the study's comparison is; `rng` must come from `seed`, which is only written down.

    Draws come first and in the order of the inputs' paths, so that they are the same with and without Sobol `indices`,
    which take a second to load.

    Raises:
        StudyError: nothing has a price, a range is impossible, or a draw cannot be computed.
    """
    if draws < 1:
        message = f"an outlook of {draws} draws"
        raise StudyError(message, "ask for at least 1; thousands make a band", path=("uncertainty", "draws"))
    case = case_of(study, catalog, compare)
    found = ranges(case.base.scope, None if study.uncertainty is None else study.uncertainty.all_inputs)
    sample = sampled(case, drawn(found, draws, rng), draws)
    return Outlook(
        seed=seed,
        draws=draws,
        horizon_months=case.horizon,
        currency=study.currency,
        result=_result(case),
        best=case.options[case.best],
        compared=case.options[case.compared] if case.compared >= 0 else "",
        chances=chances(case.options, sample.costs),
        recoveries=recoveries(case, sample),
        tornado=tornado(case, found, sobol(case, found, rng) if indices else {}),
        turns=turns(case),
        evpi=rounded(expected_regrets(sample.costs).min()),
    )


def _result(case: Case) -> str:
    best, over = case.options[case.best], f"over {case.horizon} months"
    if case.compared < 0:
        return f"Present cost of {best} {over}."
    return f"Present cost of {case.options[case.compared]} less that of {best} {over}."
