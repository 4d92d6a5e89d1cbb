"""A deployment: model x hardware x engine settings, or model x offer."""

from __future__ import annotations

import msgspec

from breakeven.schema.noun import Noun, Placement


class Pools(Noun, frozen=True, kw_only=True):
    """Prefill and decode apart: a replica is a group of so many engine instances that read prompts and write answers.

    The instances are alike, and share the replica's accelerators evenly.
    """

    prefill: int
    decode: int


class Deployment(Noun, frozen=True, kw_only=True):
    """What serves a model. `accelerators` is the number per replica: the tensor parallel size of each of its instances.

    A replica is one engine instance, or with `pools` a group of them; they are left out of what is written elsewhere.
    A request waits `max_delay_s` at most for others to form a batch with, of `max_batch` requests at most.
    """

    id: str
    model: str
    placement: Placement
    offer: str = ""
    accelerator: str = ""
    accelerators: int = 0
    replicas: int = 1
    engine: str = ""
    precision: str = "fp16"
    max_batch: int = 256
    max_batch_tokens: int = 2048
    max_delay_s: float = 0.0
    pools: Pools | msgspec.UnsetType = msgspec.UNSET

    @property
    def instances(self) -> int:
        """Engine instances of a replica."""
        return self.pools.prefill + self.pools.decode if isinstance(self.pools, Pools) else 1

    @property
    def tensor_parallel(self) -> int:
        """Accelerators of one engine instance."""
        return self.accelerators // self.instances
