"""`breakeven ope` on what a learned route logged: the strong model's worth, and the route's at other thresholds."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from breakeven.assembly import files
from breakeven.cli.main import main
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.index import index
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.routing import pick
from breakeven.metric.routing_pack import packed
from breakeven.schema.journal import frame
from breakeven.schema.lever import RouterWeights
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import Backend, Policy, PolicyDeployment, Route, RouteTarget, UseCase
from breakeven.schema.record import Prediction
from breakeven.schema.routing import Router

T0, N, THRESHOLD = 1_795_000_000.0, 4_000, 0.5
WORDS = ("plan", "trip", "budget", "explain", "lookup", "hour", "shop", "name")
TARGETS = (RouteTarget(deployment="small"), RouteTarget(deployment="large"))


def policy() -> Policy:
    """Scores spread around the threshold: each word has a weight of its own."""
    random = np.random.default_rng(3)
    weights = RouterWeights(
        strong="large", weak="small", threshold=THRESHOLD, intercept=0.5, idf=(1.0,) * 64,
        weights=tuple(random.normal(0, 0.4, 64).tolist()),
    )  # fmt: skip
    router = Router(strong=("large",), weak=("small",), threshold=THRESHOLD, packed=packed(weights))
    route = Route(strategy="learned", targets=TARGETS, router=router, explore=0.2, sticky=False)
    return Policy(
        id="pol-1",
        use_cases=(UseCase(name="chat", route=route, used_when="outcome"),),
        deployments=tuple(PolicyDeployment(name=name, backend="x") for name in ("small", "large")),
        backends=(Backend(name="x", kind="openai", base_url="http://x"),),
    )


def chance(score: float, deployment: str) -> float:
    """What is useful: the strong model the more so the higher the score, the weak one the less."""
    return float(np.clip(0.6 + 0.2 * (score - 0.5), 0, 1) if deployment == "large" else np.clip(0.9 - score, 0, 1))


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A ledger of choices that the gateway's own core made, with outcomes drawn for them; and all scores."""
    folder = tmp_path_factory.mktemp("logged")
    found, random, rows, scores = policy(), np.random.default_rng(5), [], []
    ready, conditions = index(found), Conditions()
    conditions.adopt(found)
    for number in range(N):
        said = " ".join(random.choice(WORDS, 3))
        request = Request(
            request_id=f"p{number}", prediction_ids=(f"p{number}",), protocol="chat", use_case=found.use_cases[0],
            tenant="default", contract=Contract(), time_s=T0 + number, received_s=0.0, said=said,
            seed=int(random.integers(0, 2**63)),
        )  # fmt: skip
        choice = pick(conditions, ready, request, 0.0)
        scores.append(choice.routed.score)
        rows.append(
            Prediction(
                prediction_id=f"p{number}", request_id=f"p{number}", node="n", sequence=number, time_s=T0 + number,
                use_case="chat", policy_id=found.id, eligible=choice.eligible, propensities=choice.propensities,
                chosen=choice.chosen, deployment=choice.chosen, routed=choice.routed, in_budget=True,
                subject=f"s{number}",
            )
        )  # fmt: skip
        if random.random() < chance(choice.routed.score, choice.chosen):
            rows.append(
                Outcome(
                    event_id=f"e{number}", source="s", kind="conversion", event_type="breakeven.conversion.v1",
                    time_s=T0 + number + 1, received_s=T0 + number + 1, prediction_id=f"p{number}", use_case="chat",
                    node="e", sequence=number,
                )
            )  # fmt: skip
    files.install(found, folder)
    (folder / "journal").mkdir()
    (folder / "journal" / "n.journal").write_bytes(b"".join(map(frame, rows)))
    return folder, scores


def ope(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["ope", "--use-case", "chat", "--data-dir", str(folder), *arguments])


def told(folder: Path, *arguments: str) -> dict:
    done = ope(folder, "--json", *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def worth(scores: list[float], threshold: float) -> float:
    """What the route earns in truth at a threshold."""
    return float(np.mean([chance(one, "large" if one >= threshold else "small") for one in scores]))


@pytest.mark.parametrize("threshold", [-9.0, 0.3, THRESHOLD, 0.7, 9.0])
def test_another_threshold_is_worth_what_it_would_have_earned(
    logged: tuple[Path, list[float]], threshold: float
) -> None:
    """The interval of an estimate holds the truth, from everything to the strong to everything to the weak."""
    folder, scores = logged
    found = told(folder, "--threshold", str(threshold))
    assert found["low"] <= worth(scores, threshold) <= found["high"]
    assert found["ips"] == pytest.approx(worth(scores, threshold), abs=4 * found["se"])


def test_all_to_one_model_is_a_threshold_beyond_every_score(logged: tuple[Path, list[float]]) -> None:
    """Weights and threshold that mean the same policy say the same."""
    folder, _ = logged
    for weights, threshold in (("large=1", "-9"), ("small=1", "9")):
        assert told(folder, "--weights", weights)["ips"] == told(folder, "--threshold", threshold)["ips"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--threshold", "0.5", "--weights", "large=1"), 2, "--threshold 0.5 and --weights large=1"),
        (("--threshold", "0.5", "--decisions"), 2, "--threshold 0.5 and --decisions"),
    ],
)
def test_two_targets_are_no_question(
    logged: tuple[Path, list[float]], arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Exit 2, naming both."""
    done = ope(logged[0], *arguments)
    assert done.exit_code == code
    assert said in done.stderr


def test_without_a_learned_route_there_is_no_threshold(logged: tuple[Path, list[float]], tmp_path: Path) -> None:
    """The way out says what to serve."""
    plain = policy()
    case = msgspec.structs.replace(plain.use_cases[0], route=Route(strategy="fixed", targets=TARGETS))
    files.install(msgspec.structs.replace(plain, use_cases=(case,)), tmp_path)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "n.journal").write_bytes((logged[0] / "journal" / "n.journal").read_bytes())
    done = ope(tmp_path, "--threshold", "0.5")
    assert done.exit_code == 4
    assert "no policy" in done.stderr
    assert "explore" in done.stderr
