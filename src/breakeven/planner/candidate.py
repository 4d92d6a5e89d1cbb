"""A candidate: one way to serve a model that has not been weighed yet."""

from __future__ import annotations

from breakeven.perf.batch_curve import BatchCurve
from breakeven.perf.coefficients import Errors
from breakeven.planner.placed.units import Shape
from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.serving import Serving


class Candidate(Noun, frozen=True, kw_only=True):
    """A deployment with its offer and what is known of its speed.

    `curve` predicts a token model, with `errors` where they are not the usual ones; `batches` a classic one, as it was
    measured; `measured` was observed (an API in use); with none of them the speed is unknown. `fixed` keeps the stated
    number of replicas: a deployment that stands already. `binding` is why the candidate is excluded before it is
    weighed.

    `serving` is how its engine serves, `hit_share` what of the prompts a prefix cache spares at most. `survival` is the
    chance that a replica which may be withdrawn is there (None: it is not withdrawn), and `fallback` the offer that
    steps in for it.

    Of provisioned units and of devices `rest` answers what they do not, and `no_rest` is why nobody does. `shape` is
    the demand against which units are counted; `network_s` is what devices save of the latency budget.
    """

    name: str
    deployment: Deployment
    offer: Offer | None = None
    curve: StepCurve | None = None
    batches: BatchCurve | None = None
    measured: Performance | None = None
    fixed: bool = False
    binding: str = ""
    facts: tuple[str, ...] = ()
    errors: Errors | None = None
    serving: Serving = Serving()
    hit_share: float = 0.0
    survival: float | None = None
    fallback: Offer | None = None
    rest: Candidate | None = None
    no_rest: str = ""
    shape: Shape | None = None
    network_s: float = 0.0

    @property
    def predictor(self) -> StepCurve | BatchCurve | None:
        """What its speed at any load and number of replicas is worked out from."""
        return self.curve if self.batches is None else self.batches

    @property
    def per_request(self) -> bool:
        """Whether the provider sells answers, not capacity."""
        return self.deployment.placement == "api"

    @property
    def placed(self) -> bool:
        """Whether it is provisioned units or devices."""
        return self.offer is not None and self.offer.kind in {"provisioned", "edge"}
