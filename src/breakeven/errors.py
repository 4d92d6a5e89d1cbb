"""Every error breakeven raises on purpose: what is wrong, who must act, and which exit code it ends with."""

from __future__ import annotations

DOCS = "docs/errors.md"

OK, GATE_FAILED, USAGE, CONFIGURATION, NOT_ENOUGH_EVIDENCE, UPSTREAM = 0, 1, 2, 3, 4, 5
"""Exit codes of the command line."""


class BreakevenError(Exception):
    """Base of all errors.

    Args:
        message: one sentence that names the thing and both values.
        way_out: one sentence that says what to do next.
    """

    code = "BE000"
    exit_code = GATE_FAILED
    who = "the reader"

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.message}\n  way out: {self.way_out}" if self.way_out else self.message


class FactError(BreakevenError):
    """A fact of the catalog is missing, unsourced or impossible; the catalog's editor must act."""

    code, exit_code, who = "BE100", CONFIGURATION, "catalog editor"


class ConfigError(BreakevenError):
    """`breakeven.yaml` or a mapping file is wrong; the operator must act."""

    code, exit_code, who = "BE200", CONFIGURATION, "operator"


class PolicyError(ConfigError):
    """A policy cannot be compiled; the operator must act."""

    code = "BE210"


class UsageError(BreakevenError):
    """A command was called with arguments that cannot be meant; the caller must act."""

    code, exit_code, who = "BE220", USAGE, "caller"


class StudyError(ConfigError):
    """A study cannot be computed; its author must act. `path` is where in the file the cause stands."""

    code, who = "BE230", "author of the study"

    def __init__(self, message: str, way_out: str = "", *, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, way_out)
        self.path = path


class InfeasibleError(BreakevenError):
    """No candidate meets the objective; `binding` names the constraint that excluded most of them."""

    code, exit_code, who = "BE300", NOT_ENOUGH_EVIDENCE, "planner"

    def __init__(self, message: str, way_out: str = "", *, binding: str = "") -> None:
        super().__init__(message, way_out)
        self.binding = binding


class EvidenceError(BreakevenError):
    """There is too little data to answer; more traffic or outcomes are needed."""

    code, exit_code, who = "BE310", NOT_ENOUGH_EVIDENCE, "analyst"


class BackendError(BreakevenError):
    """An upstream failed; the gateway retries or falls back, the operator checks it."""

    code, exit_code, who = "BE400", UPSTREAM, "operator of the backend"


class LedgerError(BreakevenError):
    """A journal, segment or import file cannot be read; nothing already recorded is lost."""

    code, exit_code, who = "BE500", CONFIGURATION, "operator"


class GateError(BreakevenError):
    """A gate (`--fail-over`, `--fail-if-unmeasured`) said no."""

    code, exit_code, who = "BE600", GATE_FAILED, "owner of the gate"
