"""Laws of off-policy estimates: unbiased, covered, and refused where the log cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.audit.offpolicy.estimate import effective
from breakeven.audit.offpolicy.judge import evaluate
from breakeven.audit.offpolicy.log import Choices, Weighed


def logged(seed: int, n: int = 3_000, explore: float = 0.2) -> tuple[Weighed, float]:
    """Ten strata, two actions, one of them preferred; the target prefers the other in some. With the truth."""
    random = np.random.default_rng(seed)
    stratum = random.integers(0, 10, size=n)
    quality = np.column_stack([np.linspace(0.2, 0.8, 10), np.linspace(0.6, 0.5, 10)])
    logging = np.full((10, 2), explore / 2)
    logging[:, 0] += 1 - explore
    target = np.column_stack([np.arange(10) >= 4, np.arange(10) < 4]).astype(float)
    action = (random.random(n) < logging[stratum, 1]).astype(np.intp)
    reward = (random.random(n) < quality[stratum, action]).astype(float)
    log = Choices(stratum=stratum, action=action, propensity=logging[stratum, action], reward=reward)
    return Weighed(log=log, target=target), float((target * quality).sum(axis=1).mean())


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_intervals_hold_the_truth(name: str) -> None:
    """At least 93 % of 200 intervals at 95 %, and on average the truth itself."""
    found = [(evaluate(seen).estimates[name], truth) for seen, truth in map(logged, range(200))]
    assert sum(one.low <= truth <= one.high for one, truth in found) >= 186
    errors = np.array([one.value - truth for one, truth in found])
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(200)


def test_the_model_makes_estimates_sharper() -> None:
    """Doubly robust errs less than inverse propensity."""
    found = [(evaluate(seen), truth) for seen, truth in map(logged, range(100))]
    assert np.std([one.dr - truth for one, truth in found]) < 0.8 * np.std([one.ips - truth for one, truth in found])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000))
def test_the_logging_policy_itself_earns_what_it_earned(seed: int) -> None:
    """With weights of 1 every estimate is the logged mean, and nothing is gained but noise."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.ones(4), size=3) * 0.8 + 0.05
    stratum = random.integers(0, 3, size=500)
    action = np.array([random.choice(4, p=shares[one]) for one in stratum])
    reward = random.random(500)
    log = Choices(stratum=stratum, action=action, propensity=shares[stratum, action], reward=reward)
    found = evaluate(Weighed(log=log, target=shares))
    assert found.ips == pytest.approx(reward.mean())
    assert found.snips == pytest.approx(reward.mean())
    assert found.ess == pytest.approx(500)
    assert abs(found.gain.value) <= 5 * found.gain.se


@pytest.mark.parametrize("explore", [0.0001, 0.02])
def test_too_little_exploration_is_refused_and_said(explore: float) -> None:
    """No number is given, and as much exploration as it names passes the gate in a new log."""
    seen, _ = logged(1, n=2_000, explore=explore)
    found = evaluate(seen)
    assert found.verdict.startswith("refused: lack of overlap")
    assert (found.ips, found.snips, found.dr, found.se) == (None, None, None, None)
    assert f"with 10% of choices uniform {found.exploration.rows_at_tenth:,} rows would do" in found.verdict
    if found.exploration.share is not None:
        again, _ = logged(2, n=2_000, explore=min(1.0, 2 * found.exploration.share))
        assert evaluate(again).dr is not None or found.uncovered > 0.05


def test_propensities_that_are_not_the_real_ones_are_noticed() -> None:
    """Weights that do not average 1 refuse."""
    seen, _ = logged(3)
    wrong = Choices(
        stratum=seen.log.stratum, action=seen.log.action, propensity=seen.log.propensity / 2, reward=seen.log.reward
    )
    assert "the weights average" in evaluate(Weighed(log=wrong, target=seen.target)).verdict


def test_actions_that_were_never_taken_are_missing_overlap() -> None:
    """A target that prefers what the log never did is refused, however large the sample size looks."""
    random = np.random.default_rng(0)
    action = random.integers(0, 2, size=5_000)
    log = Choices(
        stratum=np.zeros(5_000, dtype=np.intp),
        action=action,
        propensity=np.full(5_000, 0.5),
        reward=random.random(5_000),
    )
    found = evaluate(Weighed(log=log, target=np.array([[0.45, 0.45, 0.1]])))
    assert "the log never made 10.0% of the target's choices" in found.verdict


def test_one_draw_for_many_rows_counts_once() -> None:
    """A subject's rows repeated ten times leave estimate, interval and effective size as they were."""
    seen, _ = logged(4, n=1_000)
    log, again = seen.log, np.repeat(np.arange(1_000), 10)
    whose = np.arange(1_000)
    alone = Choices(stratum=log.stratum, action=log.action, propensity=log.propensity, reward=log.reward, cluster=whose)
    many = Choices(
        stratum=log.stratum[again],
        action=log.action[again],
        propensity=log.propensity[again],
        reward=log.reward[again],
        cluster=whose[again],
    )
    one, ten = (evaluate(Weighed(log=which, target=seen.target)) for which in (alone, many))
    assert (one.ips, one.se, one.ess) == pytest.approx((ten.ips, ten.se, ten.ess))


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=50))
def test_the_effective_size_lies_between_one_and_all(values: list[float]) -> None:
    """1 <= ESS <= n, and equal weights reach n."""
    assert 1 - 1e-9 <= effective(np.array(values)) <= len(values) + 1e-9
    assert effective(np.full(len(values), 0.3)) == pytest.approx(len(values))
