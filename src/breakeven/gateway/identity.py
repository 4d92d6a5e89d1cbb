"""Names that are handed out: nodes, UUIDv7 ids, and the keyed hashes that stand for subjects."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path
from random import Random
from urllib.parse import quote

from breakeven.errors import ConfigError

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SUBJECT_HEX = 32
_KEY_BYTES = 32


def uuid7(time_ms: int, random_bits: int) -> str:
    """A UUIDv7 (RFC 9562, section 5.7) of a Unix time in milliseconds and 74 random bits."""
    high = (time_ms & (1 << 48) - 1) << 16 | 0x7000 | (random_bits >> 62 & 0xFFF)
    low = 1 << 63 | random_bits & (1 << 62) - 1
    text = f"{high << 64 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def node_id(host: str, pid: int, start_ms: int) -> str:
    """A name unique to this start of this process: host, process id and start, the numbers in base 36."""
    clean = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:40] or "host"
    return f"{clean}-{_base36(pid)}-{_base36(start_ms)}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def random_source() -> Random:
    """A generator for ids, seeded by the system; ids need uniqueness, not secrecy."""
    return Random(secrets.randbits(256))  # noqa: S311 - ids are not secrets


class Subjects:
    """Turns subjects into keyed hashes: HMAC-SHA256 with the tenant's key, first 32 hex characters.

    The key is made on first use and stays in the data directory, so that `/events` and requests hash alike.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, bytes] = {}

    def hashed(self, tenant: str, subject: str) -> str:
        """The hash that stands for a subject; "" for none.

        Raises:
            ConfigError: the tenant's key file cannot be made or read.
        """
        if not subject:
            return ""
        key = self._keys.get(tenant)
        if key is None:
            key = self._keys[tenant] = _key(self._folder / f"{quote(tenant, safe='')}.key")
        return hmac.digest(key, subject.encode(), "sha256").hex()[:SUBJECT_HEX]


def _key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make_key(path)
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        message = f"the key of subjects {path} cannot be made or read: {error}"
        raise ConfigError(message, "restore it from a backup, or make the data directory writable") from error
    if len(key) != _KEY_BYTES:
        message = f"the key of subjects {path} has {len(key)} bytes, not {_KEY_BYTES}"
        raise ConfigError(message, "restore it from a backup: another key would part subjects from their outcomes")
    return key


def _make_key(path: Path) -> None:
    """Write to a name of our own, then link: of several processes one wins, and none sees half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(_KEY_BYTES).hex().encode())
        os.fsync(handle)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.close(handle)
        draft.unlink()
