"""A project: the two YAML files, the catalog with the project's own facts, and what they compile to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from breakeven.assembly import batching, resolve, routers
from breakeven.assembly.today import today
from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config import initial, policy_file, settings
from breakeven.config.compile import compile_policy
from breakeven.config.policy_file import PolicyFile
from breakeven.config.settings import DeploymentSettings, Settings
from breakeven.errors import PolicyError, UsageError
from breakeven.gateway.decision.strategy.table import STRATEGIES
from breakeven.perf.batch_choice import BatchChoice
from breakeven.schema.policy import Policy

BUILT_IN = "the built-in configuration"


class Project:
    """Settings and policy file as read, and everything joined from them on demand.

    `texts` are files about to be written, by their absolute paths, that are read in place of those on disk.
    """

    def __init__(
        self,
        path: Path,
        found: Settings,
        policies: PolicyFile,
        *,
        built_in: bool = False,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self._texts = texts
        self.built_in = built_in
        self.settings = found
        self.policy_file = policies

    @property
    def base(self) -> Path:
        """The folder relative paths start from."""
        return self.path.parent

    @property
    def source(self) -> str:
        """Which configuration this is, as seen from its data directory: it stays when the whole folder moves."""
        return BUILT_IN if self.built_in else os.path.relpath(self.path.absolute(), self.data_dir.absolute())

    @property
    def policy_path(self) -> Path:
        """Where `policy.yaml` lies."""
        return self.base / self.settings.policy

    @property
    def weight_paths(self) -> tuple[Path, ...]:
        """The files of weights that learned routes obey."""
        return routers.weight_paths(self.policy_file, self.policy_path.parent)

    @property
    def data_dir(self) -> Path:
        """Where journal, segments and plans lie."""
        return self.base / self.settings.data_dir

    @cached_property
    def catalog(self) -> Catalog:
        """The shipped catalog with the project's own facts on top."""
        return load_catalog([self.base / name for name in self.settings.facts])

    @cached_property
    def batches(self) -> dict[str, BatchChoice]:
        """What was chosen for the backends that leave their batches to a measured curve, by name.

        Raises:
            ConfigError: a curve cannot be read.
        """
        return batching.choices(self.settings, self.policy_file, self.base)

    def deployment(self, name: str) -> DeploymentSettings:
        """A deployment of the settings.

        Raises:
            UsageError: there is none of that name.
        """
        entry = self.settings.deployment(name)
        if entry is None:
            there = ", ".join(known.name for known in self.settings.deployments) or "none"
            message = f"{self.path} has no deployment {name}; there are: {there}"
            raise UsageError(message, "name one of these")
        return entry

    def policy(self) -> Policy:
        """Both files and the catalog's prices, compiled.

        Raises:
            ConfigError, PolicyError, FactError: something in them is wrong.
        """
        resolved = resolve.resolve(self.settings, self.catalog, today())
        compiled = compile_policy(
            self.settings,
            self.policy_file,
            prices=resolved.prices,
            capacities=resolved.capacities,
            works=resolved.works,
            key_digests=key_digests(self.settings),
            base_dir=str(self.base.absolute()),
            grids=resolved.grids,
            batches={name: (one.max_batch, one.max_delay_s) for name, one in self.batches.items()},
            event_key_digests=event_key_digests(self.settings),
            routers=routers.routers(self.settings, self.policy_file, self.policy_path.parent, self._texts),
        )
        return msgspec.structs.replace(compiled, source=self.source)

    def stamp(self) -> tuple[int, ...]:
        """Changes when one of the files does; a missing file counts as 0."""
        paths = [self.path, self.policy_path, *(self.base / name for name in self.settings.facts)]
        paths += batching.curve_paths(self.settings, self.base)
        paths += self.weight_paths
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)


def load(path: Path) -> Project:
    """Read `breakeven.yaml` and the policy file it names.

    Raises:
        ConfigError, PolicyError: with every problem of the file, each with `file:line:column`.
    """
    found = settings.read(path)
    policies = policy_file.read(path.parent / found.policy, beside=found, strategies=list(STRATEGIES))
    settings.check_use_cases(found, path, [entry.name for entry in policies.use_cases])
    return Project(path, found, policies)


def builtin(base_url: str, api_key_env: str) -> Project:
    """The project of a gateway without any file."""
    found, policies = initial.builtin(base_url, api_key_env)
    return Project(Path("breakeven.yaml"), found, policies, built_in=True)


def key_digests(found: Settings) -> dict[str, tuple[str, ...]]:
    """SHA-256 of each tenant's keys from the environment; the keys themselves go nowhere."""
    return {tenant.name: _digests(tenant.key_env) for tenant in found.tenants}


def event_key_digests(found: Settings) -> dict[str, tuple[str, ...]]:
    """The same of the keys that may only send events.

    Raises:
        PolicyError: a key is also one that may do more.
    """
    wide = {digest: tenant for tenant, digests in key_digests(found).items() for digest in digests}
    made: dict[str, tuple[str, ...]] = {}
    for tenant in found.tenants:
        made[tenant.name] = tuple(digest for one in tenant.keys for digest in _digests(one.key_env))
        for digest in made[tenant.name]:
            if digest in wide:
                message = f"a key for events of tenant `{tenant.name}` is also a full key of `{wide[digest]}`"
                raise PolicyError(message, "give pages a key of their own: anyone can read it there")
    return made


def _digests(variable: str) -> tuple[str, ...]:
    keys = os.environ.get(variable, "").split(",")
    return tuple(hashlib.sha256(key.strip().encode()).hexdigest() for key in keys if key.strip())
