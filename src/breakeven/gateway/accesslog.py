"""The access log: one JSON line per request, without prompts, keys, subjects or labels.

Lines gather in memory and are encoded and written together: on the tick, and when 128 are full, which is about 64 KiB.
Workers may share a file, since each flush is one append. A target that fails costs lines, which are counted, and never
a request.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from logging import getLogger
from pathlib import Path

import msgspec

from breakeven.quantity import PICO_PER_USD
from breakeven.schema.record import Prediction

OFF, STDERR = "off", "stderr"
FLUSH_LINES = 128
TEXT_CHARS = 256
"""What a client chose freely (path, model) is cut after this many characters."""
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_STDERR_FD = 2
_log = getLogger("breakeven.gateway")
_encoder = msgspec.json.Encoder()


class Line(msgspec.Struct, gc=False):
    """One request. `time_s` is Unix seconds of its arrival; times in seconds, `cost_usd` None when unpriced.

    `bytes_in` and `bytes_out` are those of the bodies. `predictions` is how many the request held; `prediction_id` is
    the first.
    """

    time_s: float
    method: str
    path: str
    status: int
    request_id: str = ""
    prediction_id: str = ""
    predictions: int = 0
    tenant: str = ""
    use_case: str = ""
    tier: str = ""
    outcome: str = ""
    reason: str = ""
    deployment: str = ""
    model: str = ""
    cache: str = ""
    total_s: float | None = None
    ttft_s: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    bytes_in: int = 0
    bytes_out: int = 0


def line_of(records: Sequence[Prediction], method: str, path: str, *, bytes_in: int, bytes_out: int) -> Line:
    """The line of a request that was one prediction or several."""
    first = records[0]
    tokens = first.consumed
    return Line(
        first.time_s,
        method,
        _path_of(path),
        first.http_status,
        first.request_id,
        first.prediction_id,
        len(records),
        first.tenant,
        first.use_case,
        first.tier,
        first.status,
        first.reason,
        first.deployment,
        first.model[:TEXT_CHARS],
        first.cache,
        first.total_s,
        first.ttft_s,
        tokens.input,
        tokens.output,
        _cost_usd(records),
        bytes_in,
        bytes_out,
    )


def refused(method: str, path: str, status: int, reason: str, *, time_s: float) -> Line:
    """The line of a request that was no prediction: an event, a question about models, or one that was refused."""
    return Line(time_s, method, _path_of(path), status, reason=reason)


class AccessLog:
    """Where lines go.

    Args:
        target: "off", "stderr", or the path of a file.
    """

    def __init__(self, target: str = OFF) -> None:
        self.on = target != OFF
        self.dropped = 0
        self._path = "" if target in {OFF, STDERR} else target
        self._fd = _STDERR_FD if target == STDERR else -1
        self._file: tuple[int, int] | None = None
        self._lines: list[Line] = []
        self._torn = False
        self._failing = False
        self.reopen()

    def write(self, line: Line) -> None:
        """Log one request; does nothing when off."""
        if self.on:
            self._lines.append(line)
            if len(self._lines) >= FLUSH_LINES:
                self.flush()

    def flush(self) -> None:
        """Hand what gathered to the kernel in one write; what it does not take is dropped and counted."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        if self._fd < 0:
            self.dropped += len(lines)
            return
        data = self._encoded(lines)
        try:
            written = os.write(self._fd, b"\n" + data if self._torn else data)
        except OSError as error:
            self.dropped += len(lines)
            self._failed(error)
            return
        self._after(data, max(0, written - self._torn))

    def tick(self) -> None:
        """Flush, and follow a file that was renamed or removed; call it a few times a second."""
        self.flush()
        if self._path and self._moved():
            self.reopen()

    def reopen(self) -> None:
        """Open the file anew, as after a rotation; nothing to do for stderr."""
        self.flush()
        if not self._path:
            return
        self._close_file()
        try:
            self._fd = os.open(self._path, _FLAGS, 0o640)
            state = os.fstat(self._fd)
        except OSError as error:
            self._failed(error)
            return
        self._file, self._torn = (state.st_dev, state.st_ino), False

    def close(self) -> None:
        """Flush and let go."""
        self.flush()
        self._close_file()
        self.on = False

    def _moved(self) -> bool:
        try:
            state = Path(self._path).stat()
        except OSError:
            return True
        return (state.st_dev, state.st_ino) != self._file

    def _close_file(self) -> None:
        if self._fd >= 0 and self._path:
            os.close(self._fd)
            self._fd, self._file = -1, None

    def _after(self, data: bytes, written: int) -> None:
        self._torn = written < len(data) and not data[:written].endswith(b"\n")
        if written < len(data):
            self.dropped += data.count(b"\n", written)
            self._failed(OSError("the target took only a part"))
        elif self._failing:
            self._failing = False
            _log.warning("access log: %s can be written again, %d lines are missing", self._path, self.dropped)

    def _failed(self, error: OSError) -> None:
        if not self._failing:
            _log.warning("access log: %s cannot be written, lines are dropped: %s", self._path or STDERR, error)
        self._failing = True

    def _encoded(self, lines: list[Line]) -> bytes:
        try:
            return _encoder.encode_lines(lines)
        except (ValueError, OverflowError):
            return b"".join(map(self._encoded_alone, lines))

    def _encoded_alone(self, line: Line) -> bytes:
        """A line among which one cannot be told in JSON: what is no Unicode has its bad characters replaced."""
        fields = msgspec.structs.asdict(line)
        clean = {name: _clean(value) if isinstance(value, str) else value for name, value in fields.items()}
        try:
            return _encoder.encode(clean) + b"\n"
        except (ValueError, OverflowError):
            self.dropped += 1
            return b""


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _path_of(path: str) -> str:
    """Without the query: people put keys there."""
    return path.partition("?")[0][:TEXT_CHARS]


def _cost_usd(records: Sequence[Prediction]) -> float | None:
    costs = [one.cost_pico_usd for one in records if one.cost_pico_usd is not None]
    return sum(costs) / PICO_PER_USD if len(costs) == len(records) else None
