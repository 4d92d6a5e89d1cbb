"""The demo's drill: the same command a user would type, while the traffic runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from breakeven.assembly import drilling
from breakeven.errors import BackendError
from breakeven.schema.drilled import Drilled
from breakeven.schema.policy import Fault

FAULT: Fault = "absent"
SHARE, LONGEST_S, SHORTEST_S = 1 / 3, 6.0, 3.0
"""It lasts for this part of the half, within bounds."""
START_S, WAIT_S = 30.0, 90.0


class Drilling:
    """One deployment is absent from when the block begins, for a few seconds, and no longer than the block."""

    def __init__(self, config: Path, data_dir: Path, deployment: str, half_s: float) -> None:
        length_s = max(SHORTEST_S, min(LONGEST_S, half_s * SHARE))
        command = ["drill", "--config", str(config), "--data-dir", str(data_dir), "--deployment", deployment]
        self._command = [*command, "--fault", FAULT, "--for", f"{length_s:g}s", "--json"]
        self._data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "breakeven", *self._command]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own
        deadline = time.monotonic() + START_S
        while self._process.poll() is None and not drilling.on(self._data_dir) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.communicate()

    def result(self) -> Drilled:
        """What came of it; waits for its end.

        Raises:
            BackendError: it could not be played.
        """
        out, said = (b"", b"") if self._process is None else self._process.communicate(timeout=WAIT_S)
        try:
            return msgspec.json.decode(out, type=Drilled)
        except msgspec.MsgspecError as error:
            message = f"the drill did not report: {said.decode(errors='replace').strip() or error}"
            raise BackendError(message, f"try it alone: breakeven {' '.join(self._command)}") from error
