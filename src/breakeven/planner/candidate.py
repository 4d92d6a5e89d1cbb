"""A candidate: one way to serve a model that has not been weighed yet."""

from __future__ import annotations

from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance, StepCurve


class Candidate(Noun, frozen=True, kw_only=True):
    """A deployment with its offer and what is known of its speed.

    `curve` predicts (accelerators), `measured` was observed (an API in use, a classic model on CPU); with neither the
    speed is unknown. `fixed` keeps the stated number of replicas: a deployment that stands already. `binding` is why
    the candidate is excluded before it is weighed.
    """

    name: str
    deployment: Deployment
    offer: Offer | None = None
    curve: StepCurve | None = None
    measured: Performance | None = None
    fixed: bool = False
    binding: str = ""
    facts: tuple[str, ...] = ()

    @property
    def per_request(self) -> bool:
        """Whether the provider sells answers, not capacity."""
        return self.deployment.placement == "api"
