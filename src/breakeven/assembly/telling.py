"""Alerts on their way: posted to a webhook when one begins or ends, and exposed as Prometheus text."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from breakeven.assembly.files import write_atomically
from breakeven.config.settings import AlertSettings
from breakeven.errors import BackendError, ConfigError
from breakeven.schema.drift import Alert
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client
from breakeven.wire.prometheus_text import Sample, write

STATE = "alerts.json"
EXPOSED = "alerts.prom"
SIGNATURE = "x-breakeven-signature"
TRIES = 3
TIMEOUT_S = 10.0
PAUSE_S = 1.0
_OK = range(200, 300)
_log = logging.getLogger(__name__)


class State(Noun, frozen=True, kw_only=True):
    """The alerts that were told and stand."""

    standing: tuple[Alert, ...] = ()


class News(Noun, frozen=True, kw_only=True):
    """What is posted: alerts that began and those that ended since the last post; `text` is for chat systems."""

    text: str
    began: tuple[Alert, ...]
    ended: tuple[Alert, ...]
    at_s: float


def standing(data_dir: Path) -> tuple[Alert, ...]:
    """The alerts that were last told; none when the file cannot be read."""
    try:
        return msgspec.json.decode((data_dir / STATE).read_bytes(), type=State).standing
    except (OSError, msgspec.MsgspecError):
        return ()


def news(before: Sequence[Alert], now: Sequence[Alert], at_s: float) -> News | None:
    """What to tell; None when the same alerts stand (a figure that moves on is no news)."""
    old, new = {one.id: one for one in before}, {one.id: one for one in now}
    began = tuple(one for one in now if one.id not in old or one.severity != old[one.id].severity)
    ended = tuple(one for one in before if one.id not in new)
    if not began and not ended:
        return None
    lines = [f"{one.severity}: {one.message}" for one in began] + [f"ended: {one.message}" for one in ended]
    return News(text="breakeven\n" + "\n".join(lines), began=began, ended=ended, at_s=at_s)


async def tell(data_dir: Path, now: Sequence[Alert], settings: AlertSettings, at_s: float) -> News | None:
    """Post what is new, if there is a webhook, and keep what stands; what could not be posted is news again next time.

    Raises:
        ConfigError: the variable that holds the webhook's URL is not set.
        BackendError: the webhook did not take it, after several tries.
    """
    found = news(standing(data_dir), now, at_s)
    if found is not None and settings.webhook_env:
        await _post(_variable(settings.webhook_env, "webhook"), found, settings)
    write_atomically(data_dir / STATE, msgspec.json.encode(State(standing=tuple(now))))
    write_atomically(data_dir / EXPOSED, exposed(now).encode())
    return found


def exposed(now: Sequence[Alert]) -> str:
    """Alerts as Prometheus text: `breakeven_alert` is 1 for each that stands, and how many there are by severity."""
    rows = [
        Sample("breakeven_alert", {"metric": one.metric, "key": one.key, "severity": one.severity, "id": one.id}, 1.0)
        for one in now
    ]
    counts = [
        Sample("breakeven_alerts", {"severity": severity}, float(sum(one.severity == severity for one in now)))
        for severity in ("critical", "warning", "info")
    ]
    head = "# HELP {0} {1}\n# TYPE {0} gauge\n"
    return (
        head.format("breakeven_alerts", "Alerts that stand, by severity.")
        + write(counts)
        + head.format("breakeven_alert", "1 for each alert that stands.")
        + write(rows)
    )


def log(text: str) -> None:
    """A remark of the process that tells."""
    _log.warning(text)


def _variable(name: str, what: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        message = f"the {what} is in the variable {name}, which is not set"
        raise ConfigError(message, f"export {name}=..., or take it out of breakeven.yaml")
    return value


async def _post(url: str, found: News, settings: AlertSettings) -> None:
    body = msgspec.json.encode(found)
    headers = [("content-type", "application/json")]
    if settings.secret_env:
        secret = _variable(settings.secret_env, "webhook's secret").encode()
        headers.append((SIGNATURE, "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()))
    async with Client() as client:
        for attempt in range(1, TRIES + 1):
            try:
                await _once(client, url, headers, body)
            except BackendError as error:
                if attempt == TRIES:
                    raise
                _log.warning("webhook: %s; trying again", error.message)
                await asyncio.sleep(PAUSE_S * attempt)
            else:
                return


async def _once(client: Client, url: str, headers: list[tuple[str, str]], body: bytes) -> None:
    response = await client.request("POST", url, headers, body, timeout_s=TIMEOUT_S)
    await response.read()
    if response.status not in _OK:
        # The URL itself is a secret with many chat systems: it is not shown.
        message = f"the webhook answered {response.status}"
        raise BackendError(message, "check the URL in its variable, and that it takes JSON")
