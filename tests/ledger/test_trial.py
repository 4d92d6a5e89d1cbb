"""Experiments from the ledger's own records: arms stick to subjects, propensities say what split was meant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from breakeven.app import experiment as app
from breakeven.assembly import files
from breakeven.audit.lift.judge import Asked
from breakeven.gateway.decision.choosing import choose
from breakeven.gateway.decision.route import SEED_BITS, sticky_seed
from breakeven.gateway.decision.strategy.option import Option
from breakeven.ledger.seal import seal_once
from breakeven.ledger.trial import arm_shares
from breakeven.schema.policy import Policy, PolicyDeployment, Route, RouteTarget, UseCase
from breakeven.schema.tracking import TrackingPlan

TARGETS = (
    RouteTarget(deployment="large", weight=0.7, arm="control"),
    RouteTarget(deployment="small", weight=0.3, arm="treatment"),
)
CASE = UseCase(name="rank", route=Route(strategy="weighted", targets=TARGETS), used_when="exposure", window_s=600.0)


def assigned(subject: str) -> tuple[RouteTarget, tuple[float, ...]]:
    """Where the gateway's own choice sends a subject, and with which propensities."""
    options = [Option(deployment=one.deployment, arm=one.arm, weight=one.weight) for one in TARGETS]
    place, propensities = choose("weighted", options, draw=sticky_seed("rank", subject) / (1 << SEED_BITS))
    return TARGETS[place], propensities


@pytest.fixture
def folder(make, tmp_path: Path) -> Path:
    """A ledger of 1,000 subjects with two predictions each; the treatment's are seen twice as often and cost half."""
    records: list[object] = []
    for n in range(2_000):
        subject = f"s{n % 1_000}"
        target, propensities = assigned(subject)
        treated = target.arm == "treatment"
        told = {"arm": target.arm, "chosen": target.deployment, "deployment": target.deployment, "subject": subject}
        told |= {"eligible": tuple(one.deployment for one in TARGETS), "propensities": propensities}
        cost = (5 if treated else 10) * 10**8 + (n % 7) * 10**6
        records.append(make.prediction(n + 1, cost_pico_usd=cost, sequence=len(records) + 1, **told))
        if n * 7919 % 10 < (8 if treated else 4):
            records.append(
                make.outcome(n + 1, prediction_id=f"p{n + 1:06d}", time_s=make.t0 + 2_100, sequence=len(records) + 1)
            )
    make.journal(tmp_path, "gw-0001", records)
    deployments = tuple(PolicyDeployment(name=one.deployment, backend="x") for one in TARGETS)
    files.install(Policy(id="p", use_cases=(CASE,), deployments=deployments, backends=()), tmp_path)
    return tmp_path


def test_assignment_is_by_subject_and_sticks() -> None:
    """The same subject always comes to the same arm, and arms get the shares of their weights."""
    names = [f"s{n}" for n in range(5_000)]
    arms = [assigned(name)[0].arm for name in names]
    assert arms == [assigned(name)[0].arm for name in names]
    assert arms.count("treatment") / 5_000 == pytest.approx(0.3, abs=0.02)


def test_logged_propensities_say_what_split_was_meant(make) -> None:
    """Per arm, whatever deployments were out of service; nothing where they do not fit the route."""
    one = make.prediction(1, eligible=("large", "small"), propensities=(0.7, 0.3), chosen="large")
    assert arm_shares(one, CASE) == {"control": 0.7, "treatment": 0.3}
    assert arm_shares(make.prediction(1, eligible=("small",), propensities=(1.0,)), CASE) == {"treatment": 1.0}
    assert arm_shares(make.prediction(1, eligible=("other",), propensities=(1.0,)), CASE) == {}


def test_an_experiment_of_the_ledger(folder: Path) -> None:
    """Arms, subjects, split and outcomes come from the records; the cheaper and more useful arm is better."""
    found = app.lift_ledger(folder, "rank", Asked(control="", treatment=""))
    assert (found.control, found.treatment, found.metric) == ("control", "treatment", "cost_per_useful")
    assert found.subjects == 1_000
    assert found.sample_ratio.expected == pytest.approx(0.3)
    assert found.verdict == "better"
    assert found.effects[0].treatment == pytest.approx(0.0005 / 0.8, rel=0.1)


def test_another_weight_is_judged_from_the_ledger(folder: Path) -> None:
    """Sending everybody to the small one would be useful four times in five, told from three in ten; by subject."""
    found = app.evaluate_ledger(folder, "rank", {"small": 1.0})
    assert found.ips == pytest.approx(0.8, abs=0.1)
    assert found.estimates["dr"].low <= 0.8 <= found.estimates["dr"].high
    assert found.n == 2_000
    assert 200 <= found.ess <= 1_000


def test_events_that_break_the_plan_block_an_experiment_until_they_are_mended(folder: Path, make) -> None:
    """Sixty bad events beside a thousand sound ones are too many; sent again as they should be, they are sound."""
    policy = msgspec.json.decode((folder / "policy.lock.json").read_bytes(), type=Policy)
    files.install(msgspec.structs.replace(policy, id="q", tracking=TrackingPlan(id="strict", unknown="bad")), folder)
    wrong = {"event_type": "shop.typo.v1", "prediction_id": "another"}
    bad = [make.outcome(90_000 + n, "custom", node="page", sequence=n + 1, **wrong) for n in range(60)]
    make.journal(folder, "gw-00000009", bad)
    seal_once(folder, make.t0)
    found = app.lift_ledger(folder, "rank", Asked(control="", treatment=""))
    assert found.verdict == "blocked: tracking"
    assert "in violation of the tracking plan" in found.why
    mended = [msgspec.structs.replace(one, kind="click", event_type="breakeven.click.v1", node="again") for one in bad]
    make.journal(folder, "gw-00000010", mended)
    seal_once(folder, make.t0)
    assert app.lift_ledger(folder, "rank", Asked(control="", treatment="")).verdict == "better"
