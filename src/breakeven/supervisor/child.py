"""What is supervised, within which limits, and how supervision ended."""

from __future__ import annotations

from breakeven.errors import GATE_FAILED, OK, UPSTREAM, USAGE
from breakeven.schema.noun import Noun

PIPE_FD = "{pipe_fd}"
"""Placeholder in `Child.argv` for the number of the file descriptor that closes when the supervisor is gone."""


class Child(Noun, frozen=True, kw_only=True):
    """One process. `env` is added to the supervisor's environment.

    Children are stopped by `stop_rank`, lowest first; those of one rank together. A child that is not `required` may
    end with code 0, or be given up, without ending the others.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    stop_rank: int = 0
    required: bool = True

    def command(self, pipe_fd: int) -> list[str]:
        """The arguments with the pipe's number filled in."""
        return [argument.replace(PIPE_FD, str(pipe_fd)) for argument in self.argv]


class Limits(Noun, frozen=True, kw_only=True):
    """How patient the supervisor is.

    A child that lived less than `quick_s` seconds crashed quickly; after `crashes` of these in a row it is given up.
    Restarts wait `backoff_s`, doubled each time up to `backoff_max_s`. On stop, each rank has `grace_s` seconds.
    """

    grace_s: float = 10.0
    quick_s: float = 10.0
    crashes: int = 5
    backoff_s: float = 0.2
    backoff_max_s: float = 5.0
    tail_lines: int = 20

    def pause_s(self, crashes: int) -> float:
        """Seconds to wait before the restart that follows the given number of quick crashes in a row."""
        doublings = min(max(0, crashes - 1), 60)
        return float(min(self.backoff_max_s, self.backoff_s * 2**doublings))


class Ended(Noun, frozen=True, kw_only=True):
    """Why supervision ended: `child` and its `last_lines` of stderr when one was given up, neither after a signal."""

    exit_code: int = OK
    reason: str = ""
    child: str = ""
    last_lines: tuple[str, ...] = ()


def exit_code_for(child_code: int) -> int:
    """The supervisor's exit code for a child given up: the child's own where it is one of ours, otherwise 1."""
    return child_code if USAGE <= child_code <= UPSTREAM else GATE_FAILED
