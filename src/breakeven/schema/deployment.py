"""A deployment: model x hardware x engine settings, or model x offer."""

from __future__ import annotations

from breakeven.schema.noun import Noun, Placement


class Deployment(Noun, frozen=True, kw_only=True):
    """What serves a model. `accelerators` is the number per replica (tensor parallel size).

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
