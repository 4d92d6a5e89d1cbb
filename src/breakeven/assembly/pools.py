"""Prefill and decode apart in `breakeven.yaml`: several engine instances that the gateway sees as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import msgspec

from breakeven.config.settings import DeploymentSettings
from breakeven.schema.deployment import Deployment, Pools

_GROUP = """\
# {name}: a replica is a group of {p} prefill and {d} decode instances
# on {boards} accelerators of one machine. `base_url` is a router in front of the groups (such as vLLM's or SGLang's for
# disaggregated prefill), which has each prompt's cache handed over.
"""


class Instances(TypedDict):
    """The keys of a deployment that say so; zeros are not written."""

    prefill_instances: int
    decode_instances: int


def settings_of(wanted: Deployment) -> Instances:
    """A planned deployment's instances, as settings call them."""
    pools = wanted.pools if isinstance(wanted.pools, Pools) else Pools(prefill=0, decode=0)
    return {"prefill_instances": pools.prefill, "decode_instances": pools.decode}


def pools_of(entry: DeploymentSettings) -> Pools | msgspec.UnsetType:
    """The instances of a settings' deployment; unset where a replica is one."""
    if not entry.prefill_instances:
        return msgspec.UNSET
    return Pools(prefill=entry.prefill_instances, decode=entry.decode_instances)


def told(held: Iterable[DeploymentSettings]) -> str:
    """Comments that say what stands behind the one URL of a group; "" without groups."""
    return "".join(
        _GROUP.format(name=one.name, p=one.prefill_instances, d=one.decode_instances, boards=one.accelerators)
        for one in held
        if one.prefill_instances
    )
