"""Learned routes: their weights from the files beside the policy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from breakeven.config.compile_router import MOST_BYTES, WAY_OUT, router_of
from breakeven.config.policy_file import PolicyFile
from breakeven.config.settings import Settings
from breakeven.errors import PolicyError
from breakeven.schema.routing import Router


def routers(
    found: Settings, policies: PolicyFile, folder: Path, texts: Mapping[str, str] | None = None
) -> dict[str, Router]:
    """What each learned route obeys, by use case; `folder` is the policy file's.

    `texts` are files that are about to be written, by their absolute paths; they win over the disk.

    Raises:
        PolicyError: weights cannot be read, or do not fit their route.
    """
    deployments = {entry.name: entry for entry in found.deployments}
    made: dict[str, Router] = {}
    for entry in policies.use_cases:
        if entry.route.router is not None:
            path = folder / entry.route.router.weights
            text = (texts or {}).get(spelt(path))
            data = _read(path) if text is None else text.encode()
            router = router_of(entry, data, str(path), deployments)
            if router is not None:
                made[entry.name] = router
    return made


def weight_paths(policies: PolicyFile, folder: Path) -> tuple[Path, ...]:
    """The files of weights, each once."""
    named = [entry.route.router.weights for entry in policies.use_cases if entry.route.router is not None]
    return tuple(folder / name for name in dict.fromkeys(named))


def spelt(path: Path) -> str:
    """A path in one spelling, however it is named."""
    return os.path.abspath(path)  # noqa: PTH100 - `absolute` keeps `..`, and `resolve` follows links


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        message = f"the weights {path} cannot be read: {error.strerror or error}"
        raise PolicyError(message, WAY_OUT) from error
