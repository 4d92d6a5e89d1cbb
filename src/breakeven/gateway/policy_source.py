"""Reading the compiled policy, and noticing that it changed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.errors import ConfigError, PolicyError
from breakeven.gateway.decision.index import Index, index
from breakeven.schema.policy import Policy

LOCK = "policy.lock.json"
_decoder = msgspec.json.Decoder(Policy)


def load(path: Path) -> Index:
    """Read and check a compiled policy.

    Raises:
        ConfigError: the file is missing.
        PolicyError: it is malformed or contradicts itself.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"the compiled policy {path} cannot be read: {error.strerror}"
        raise ConfigError(message, "run `breakeven serve`, which compiles it, or `breakeven apply`") from error
    try:
        return index(_decoder.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"the compiled policy {path} is malformed: {error}"
        raise PolicyError(message, "compile it again with `breakeven apply`") from error


def signature(path: Path) -> tuple[int, int, int]:
    """What changes when the file does: time of change, size and inode; zeros while it is missing."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0, 0)
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
