"""Studies from files: read, computed and checked, with every error at its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from breakeven.algebra.unit import UnitError
from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config import reading
from breakeven.config.problem import Problem, listing
from breakeven.config.study import file as study_file
from breakeven.config.study.file import StudyFile
from breakeven.config.tree import parse
from breakeven.errors import BreakevenError, ConfigError, StudyError
from breakeven.schema.check import Broken, Checked, CheckReport
from breakeven.schema.outlook import Outlook
from breakeven.schema.tco import Tco
from breakeven.study.compute import compute
from breakeven.study.expect import check
from breakeven.study.outlook.outlook import outlook

DRAWS = 10_000


def computed(path: Path, *, facts: Sequence[Path] = (), draws: int | None = None, seed: int | None = None) -> Tco:
    """A study of a file. Its outlook is computed where it states `uncertainty:`, or draws or a seed are asked for.

    Raises:
        ConfigError: the file cannot be read, or is wrong in its form.
        StudyError: it cannot be computed; both name file, line and column.
    """
    text = reading.read_text(path, way_out=reading.CHECK_PATH)
    study = study_file.load(text, str(path))
    catalog = load_catalog(facts)
    with _placed(text, path):
        return compute(study, catalog, _outlook(study, catalog, draws, seed))


def _outlook(study: StudyFile, catalog: Catalog, draws: int | None, seed: int | None) -> Callable[[], Outlook] | None:
    stated = study.uncertainty
    if stated is None and draws is None and seed is None:
        return None
    started = seed if seed is not None else stated.seed if stated else 0
    count = draws if draws is not None else stated.draws if stated else DRAWS
    rng = np.random.default_rng(started)
    compared = stated.compare if stated else ""
    return partial(outlook, study, catalog, rng, seed=started, draws=count, compare=compared)


def checked(paths: Sequence[Path]) -> CheckReport:
    """Every expectation of every study under the paths (folders are searched for `*.yaml`).

    A study that cannot be computed is broken, and the others are checked all the same.

    Raises:
        ConfigError: a folder holds no study.
    """
    files = [file for path in paths for file in _files(path)]
    catalog = load_catalog()
    results: list[Checked] = []
    broken: list[Broken] = []
    for file in files:
        try:
            results.extend(_checked(file, catalog))
        except ConfigError as error:
            broken.append(Broken(case=file.stem, error=str(error)))
    failed = tuple(result for result in results if not result.passed)
    return CheckReport(
        cases=len(files), checked=len(results), failed=failed, broken=tuple(broken), values=tuple(results)
    )


def _files(path: Path) -> tuple[Path, ...]:
    if not path.is_dir():
        return (path,)
    found = tuple(sorted(path.rglob("*.yaml")))
    if not found:
        message = f"{path} holds no study"
        raise ConfigError(message, "name a folder with *.yaml files, or the files themselves")
    return found


def _checked(path: Path, catalog: Catalog) -> tuple[Checked, ...]:
    text = reading.read_text(path, way_out=reading.CHECK_PATH)
    study = study_file.load(text, str(path))
    with _placed(text, path):
        return check(study, catalog)


@contextmanager
def _placed(text: str, path: Path) -> Iterator[None]:
    """An error of the study becomes one of its file, with line, column and caret."""
    try:
        yield
    except StudyError as error:
        raise located(error, error.path, text, path) from error
    except (UnitError, BreakevenError) as error:
        raise located(error, (), text, path) from error


def located(
    error: StudyError | UnitError | BreakevenError, at: tuple[str | int, ...], text: str, path: Path
) -> StudyError:
    """The error with file, line, column and caret."""
    problem = Problem(place=parse(text).place(at), message=error.message, hint=error.way_out)
    return StudyError(listing([problem], text, str(path)), "correct the place above; nothing was written", path=at)
