"""Options of the catalog's kinds with the bill of the cost engine and a stated speed; doubts about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.cost import case as cost
from breakeven.cost.assumptions import assumptions
from breakeven.cost.tco import monthly_bill
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.case import Case, Evidence, Given, case_of
from breakeven.planner.doubt.doubt import doubt_of
from breakeven.planner.question import Question
from breakeven.planner.weigh import demand
from breakeven.schema.deployment import Deployment
from breakeven.schema.doubt import Doubt
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.plan import Option
from breakeven.schema.workload import Workload

PLACES = {"api": "api", "accelerator_hour": "cloud", "cpu_hour": "cpu", "server_purchase": "on_prem"}


class Way(NamedTuple):
    """An option with its candidate."""

    option: Option
    candidate: Candidate


class Scene(NamedTuple):
    """A question and the ways to answer it."""

    question: Question
    ways: Sequence[Way]

    def best(self) -> str:
        costs = [(way.option.cost_per_useful_prediction_usd or 0.0, way.option.name) for way in self.ways]
        return min(costs)[1]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


def workload(**changes: float) -> Workload:
    rates = {"rate_mean_rps": 4.0, "rate_p95_rps": 7.0, "rate_max_rps": 9.0, **changes}
    return Workload(
        use_case="assistant",
        n=40_000,
        span_s=10_000.0,
        window_s=60.0,
        iat_cv=1.0,
        idc=4.0,
        shape="steady",
        input_tokens_mean=1000.0,
        input_tokens_p50=900.0,
        input_tokens_p95=2000.0,
        output_tokens_mean=200.0,
        output_tokens_p50=180.0,
        output_tokens_p95=400.0,
        **rates,
    )


def asked(used_share: float | None = None, **objective: object) -> Question:
    return Question(
        workload=workload(), objective=Objective(use_case="assistant", **objective), used_share=used_share
    )  # fmt: skip


def rent(name: str, usd: float, **more: object) -> Offer:
    about = {"provider": "p", "accelerator": "h100-sxm", "valid_from": "2026-01-01", "source": "list"} | more
    return Offer(id=name, kind="accelerator_hour", usd_per_hour=usd, **about)


def purchase(name: str, usd: float, **more: object) -> Offer:
    about = {"provider": "p", "accelerator": "h100-sxm", "count": 8, "valid_from": "2026-01-01", "source": "list"}
    return Offer(id=name, kind="server_purchase", purchase_usd=usd, **(about | more))


def api(name: str, into: float, out: float) -> Offer:
    return Offer(
        id=name, provider="q", kind="api", model="m", valid_from="2026-01-01", source="list",
        input_usd_per_mtok=into, output_usd_per_mtok=out,
    )  # fmt: skip


def performance(sustained: float, share: float) -> Performance:
    none = Figure(value=None, unit="s")
    return Performance(
        deployment="d", ttft_p50_s=none, ttft_p95_s=none, tpot_p50_s=none, tpot_p95_s=none, e2e_p95_s=none,
        goodput_rps=none, goodput_share=Figure(value=share, unit="share"),
        max_goodput_rps=Figure(value=sustained, unit="requests/s", low=sustained * 0.8, high=sustained * 1.3),
        power_w=none, rho=0.5, stable=True, in_flight_mean=1.0,
    )  # fmt: skip


def curve(step_s: float) -> StepCurve:
    return StepCurve(
        prefill_s_per_token=1e-5, step_base_s=step_s, step_per_sequence_s=1e-4, step_per_context_s=0.0,
        max_sequences=64, kv_tokens=10**6,
    )  # fmt: skip


@pytest.fixture(scope="session")
def way(catalog: Catalog) -> Callable[..., Way]:
    """`way(question, offer, sustained=, replicas=, share=, fixed=)`: capacity unless it is an API."""

    def make(
        question: Question,
        offer: Offer,
        *,
        sustained: float = 2.5,
        replicas: int | None = None,
        share: float = 0.99,
        fixed: bool = False,
    ) -> Way:
        place, own = PLACES[offer.kind], offer.kind != "api"
        needed = int(np.ceil(question.sized_rps / sustained)) if own else 1
        count, spare = replicas or needed, 0 if fixed or not own else question.objective.spare_replicas
        deployment = Deployment(
            id=offer.id, model="m", placement=place, offer=offer.id, accelerator=offer.accelerator,
            accelerators=1 if offer.accelerator else 0, replicas=count + spare,
        )  # fmt: skip
        tdp = catalog.accelerator(offer.accelerator).tdp_w if offer.accelerator else None
        bill = monthly_bill(
            cost.Case(
                option=offer.id, placement=place, offer=offer, demand=demand(question),
                assumptions=assumptions(catalog.assumptions(), "base"),
                fleet=cost.Fleet(replicas=count, spare_replicas=spare, accelerators=1, tdp_w=tdp),
            )
        )  # fmt: skip
        total, useful = bill.total_usd or 0.0, (share if own else 1.0) * (question.used_share or 1.0)
        option = Option(
            name=offer.id, use_case="assistant", placement=place, deployment=deployment, bill=bill,
            monthly_cost_usd=total, cost_per_useful_prediction_usd=total / (question.monthly_predictions * useful),
            feasible=True, performance=performance(sustained, share) if own else None, useful_share=useful,
            spare_replicas=spare,
        )  # fmt: skip
        known = curve(0.01 / sustained) if own and not fixed else None
        return Way(option, Candidate(name=offer.id, deployment=deployment, offer=offer, curve=known, fixed=fixed))

    return make


@pytest.fixture(scope="session")
def scene(way: Callable[..., Way]) -> Scene:
    """Rented by the hour, rented for three years, bought, and an API."""
    question = asked(spare_replicas=1, ttft_s=1.0)
    offers = (
        rent("hourly", 2.0, provider="aws"),
        rent("committed", 1.5, term="reserved_3y"),
        purchase("bought", 200_000.0),
        api("api", 0.3, 1.2),
    )
    return Scene(question, [way(question, offer) for offer in offers])


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """`rent`, `purchase` and `api` make offers, `asked` a question, `scene` what is doubted."""
    return SimpleNamespace(rent=rent, purchase=purchase, api=api, asked=asked, scene=Scene)


@pytest.fixture(scope="session")
def cases(catalog: Catalog) -> Callable[..., Case]:
    """`cases(scene, draws=, beliefs=...)`: its best option doubted, before anything is judged."""

    def make(scene: Scene, draws: int = 200, **evidence: object) -> Case:
        given = Given(
            options=tuple(one.option for one in scene.ways),
            candidates={one.candidate.name: one.candidate for one in scene.ways},
            question=scene.question,
            catalog=catalog,
            trace=None,
            evidence=Evidence(**evidence),
        )
        return case_of(given, scene.best(), np.random.default_rng(0), draws)

    return make


@pytest.fixture(scope="session")
def doubts(catalog: Catalog) -> Callable[..., Doubt]:
    """`doubts(scene, seed=, draws=, chosen=, beliefs=...)`."""

    def make(scene: Scene, *, seed: int = 0, draws: int = 2_000, chosen: str = "", **evidence: object) -> Doubt:
        found, _ = doubt_of(
            [one.option for one in scene.ways],
            [one.candidate for one in scene.ways],
            scene.question,
            catalog,
            np.random.default_rng(seed),
            chosen=chosen or scene.best(),
            seed=seed,
            draws=draws,
            evidence=Evidence(**evidence),
        )
        return found

    return make
