"""Laws of an experiment's answer: when it may be looked at, what blocks it, what it is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.audit import normal
from breakeven.audit.lift import ratio_check, sequence
from breakeven.audit.lift.judge import Asked, lift
from breakeven.audit.lift.moments import difference, moments
from breakeven.audit.lift.segments import holm
from breakeven.audit.lift.trial import Trial
from breakeven.audit.lift.worth import Stakes, evsi_usd
from breakeven.errors import UsageError
from breakeven.metric.worth import threshold_usd, upgrade_pays

ASKED = Asked(control="a", treatment="b")


def trial(seed: int = 1, *, people: int = 2_000, rows: int = 5_000, gain: float = 0.0, **more: object) -> Trial:
    """Predictions of subjects in two arms; the treatment's are useful more often by `gain`."""
    random = np.random.default_rng(seed)
    arm = (random.random(people) < 0.5).astype(np.int8)
    subject = random.integers(0, people, size=rows)
    rate = 0.3 * (1 + gain * arm[subject])
    columns = {"cost": random.lognormal(-6, 1, size=rows), "useful": (random.random(rows) < rate).astype(float)}
    return Trial(subject=subject, arm=arm[subject], **{**columns, **more})


def test_the_radius_is_the_published_one() -> None:
    """sqrt(S^2 (m rho^2 + 1) / (m^2 rho^2) ln((m rho^2 + 1) / alpha^2)), and it reaches 1.57 times the fixed width."""
    m, alpha, spread = 8_000.0, 0.05, 2.5
    rho = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / 3_000
    radius = math.sqrt(spread * (m * rho + 1) / (m * m * rho) * math.log((m * rho + 1) / alpha**2))
    found = math.sqrt(spread / m) * float(sequence.multiplier(np.asarray(m), alpha))
    assert found == pytest.approx(radius)
    assert found / (math.sqrt(spread / m) * normal.quantile(0.975)) == pytest.approx(1.57, abs=0.005)


@given(st.floats(2, 1e6), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_p_value_and_the_interval_agree(m: float, alpha: float) -> None:
    """At the edge of the interval p is alpha."""
    edge = float(sequence.multiplier(np.asarray(m), alpha))
    assert sequence.p_always(edge, m, alpha) == pytest.approx(alpha)


def test_daily_looks_raise_few_false_alarms() -> None:
    """Of 300 experiments without an effect, looked at 40 times, at most 5 % show one; z-tests do in over a fifth."""
    random = np.random.default_rng(5)
    ends = np.linspace(100, 2_000, 40).astype(int)
    wrong = np.zeros(2)
    for _ in range(300):
        arms = [(random.lognormal(-6, 1, 2_000), random.binomial(2, 0.3, 2_000).astype(float)) for _ in range(2)]
        shown = np.zeros(2, dtype=bool)
        for end in ends:
            one, other = (moments(y[:end], d[:end]) for y, d in arms)
            found = difference(one, other)
            z = abs(float(found.estimate / found.se))
            shown |= [z > 1.96, z > float(sequence.multiplier(np.asarray(float(end)), 0.05))]
        wrong += shown
    assert wrong[1] / 300 <= 0.05
    assert wrong[0] / 300 > 0.2


def test_the_delta_method_agrees_with_resampling() -> None:
    """The standard error of a ratio is that of 1,000 bootstrap samples of subjects, within 8 %."""
    random = np.random.default_rng(3)
    useful = random.binomial(1 + random.poisson(2, 3_000), random.beta(1, 2, 3_000)).astype(float)
    cost = random.lognormal(-6, 1, 3_000)
    picks = random.integers(0, 3_000, size=(1_000, 3_000))
    boot = (cost[picks].sum(axis=1) / useful[picks].sum(axis=1)).std()
    one = moments(cost, useful)
    assert math.sqrt(float(one.variance / one.n)) == pytest.approx(boot, rel=0.08)


def test_rows_of_one_subject_are_not_counted_as_independent() -> None:
    """Writing every row ten times over changes neither estimate nor interval."""
    once = trial()
    again = np.tile(np.arange(len(once)), 10)
    ten = Trial(subject=once.subject[again], arm=once.arm[again], cost=once.cost[again], useful=once.useful[again])
    one, other = lift(once, ASKED), lift(ten, ASKED)
    assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_and_the_names_of_subjects_do_not_matter(seed: int) -> None:
    """Any permutation gives the same answer."""
    one = trial(seed, rows=800, people=400)
    random = np.random.default_rng(seed)
    order, names = random.permutation(len(one)), random.permutation(400)
    other = Trial(subject=names[one.subject[order]], arm=one.arm[order], cost=one.cost[order], useful=one.useful[order])
    first, second = lift(one, ASKED), lift(other, ASKED)
    assert first.estimate == pytest.approx(second.estimate)
    assert first.low == pytest.approx(second.low)
    assert first.verdict == second.verdict


def test_swapping_the_arms_turns_the_sign() -> None:
    """Treatment against control is minus control against treatment."""
    one = trial(gain=0.5)
    other = Trial(subject=one.subject, arm=1 - one.arm, cost=one.cost, useful=one.useful)
    first, second = lift(one, ASKED), lift(other, ASKED)
    assert first.estimate == pytest.approx(-second.estimate)
    assert (first.verdict, second.verdict) == ("better", "worse")


def test_a_covariate_narrows_the_interval_and_moves_no_truth() -> None:
    """CUPED with a covariate that explains most of the cost takes away most of its variance, and is unbiased."""
    errors = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        people = 1_000
        arm, size = (random.random(people) < 0.5).astype(np.int8), random.lognormal(0, 1, people)
        cost = 0.01 * size * random.lognormal(0, 0.1, people) + 0.002 * arm
        found = lift(Trial(subject=np.arange(people), arm=arm, cost=cost, covariate=size), ASKED)
        assert found.effects[0].variance_saved > 0.8
        errors.append(found.estimate - 0.002)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / math.sqrt(40)


def test_a_wrong_split_blocks_whatever_the_effect() -> None:
    """A treatment that loses a fifth of its subjects has no verdict but that."""
    one = trial(gain=1.0, people=4_000, rows=12_000)
    kept = one.only((one.arm == 0) | (one.subject % 5 > 0))
    assert lift(one, ASKED).verdict == "better"
    found = lift(kept, ASKED)
    assert found.verdict == "blocked: sample ratio"
    assert found.p_sample_ratio < 0.01
    assert "were meant" in found.why


def test_the_sample_ratio_check_is_rarely_wrong_at_any_look() -> None:
    """Of 400 sound experiments, looked at 30 times, at most one in a hundred is blocked; 54 to 46 is found."""
    random = np.random.default_rng(1)

    def alarmed(share: float) -> bool:
        treated = np.cumsum(random.binomial(200, share, size=30)).tolist()
        pairs = enumerate(treated, 1)
        return any(ratio_check.p_always(200 * day - n, n, 0.5) < ratio_check.LIMIT for day, n in pairs)

    assert sum(alarmed(0.5) for _ in range(400)) <= 4
    assert sum(alarmed(0.54) for _ in range(50)) >= 45


@pytest.mark.parametrize("given", [{"lost_share": 0.05}, {"violation_share": 0.05}])
def test_lost_tracking_blocks(given: dict[str, float]) -> None:
    """What was not seen cannot be compared."""
    found = lift(trial(gain=1.0), Asked(control="a", treatment="b", **given))
    assert found.verdict == "blocked: tracking"


def test_subjects_in_both_arms_are_left_out_and_block_when_many() -> None:
    """Assignment that does not stick is no assignment."""
    one = trial()
    mixed = one.arm.copy()
    mixed[one.subject < 200] = np.arange(int((one.subject < 200).sum())) % 2
    found = lift(Trial(subject=one.subject, arm=mixed, cost=one.cost, useful=one.useful), ASKED)
    assert found.verdict == "blocked: subjects in both arms"
    assert found.crossed > 100


def test_too_little_says_so() -> None:
    """Nothing useful in an arm, one subject, few subjects: no estimate or no verdict, and why."""
    one = trial()
    none = Trial(subject=one.subject, arm=one.arm, cost=one.cost, useful=one.useful * (one.arm == 0))
    found = lift(none, ASKED)
    assert (found.estimate, found.verdict) == (None, "not enough evidence")
    assert "nothing useful in the treatment arm" in found.why
    alone = Trial(subject=np.array([0, 0]), arm=np.array([0, 0], dtype=np.int8), cost=np.ones(2), useful=np.ones(2))
    assert "no subject in the treatment arm" in lift(alone, ASKED).why
    few = lift(trial(people=60, rows=200, gain=2.0), ASKED)
    assert few.verdict == "not enough evidence"
    assert few.estimate is not None
    same = Trial(
        subject=np.arange(400), arm=(np.arange(400) % 2).astype(np.int8), cost=np.ones(400), useful=np.ones(400)
    )
    assert lift(same, ASKED).verdict == "no difference shown"


def test_what_is_not_told_is_left_out_and_counted() -> None:
    """A cost that is not known is never nought."""
    one = trial()
    cost = np.where(np.arange(len(one)) % 10 == 0, np.nan, one.cost)
    found = lift(Trial(subject=one.subject, arm=one.arm, cost=cost, useful=one.useful), ASKED)
    assert found.effects[0].rows_left_out == 500
    assert found.effects[0].control == pytest.approx(lift(one, ASKED).effects[0].control, rel=0.1)


def test_a_metric_needs_its_columns() -> None:
    """The error names the column that is missing, and what can be asked instead."""
    with pytest.raises(UsageError, match="revenue_per_subject needs the column revenue"):
        lift(trial(), Asked(control="a", treatment="b", metric="revenue_per_subject"))
    with pytest.raises(UsageError, match="no metric 'clicks'"):
        lift(trial(), Asked(control="a", treatment="b", metric="clicks"))


def test_segments_are_corrected_for_their_number() -> None:
    """An effect in one of two segments is found there only, and heterogeneity seen; noise in twenty shows nothing."""
    one = trial(people=6_000, rows=20_000)
    half = one.subject % 2
    useful = np.where((half == 1) & (one.arm == 1) & (np.arange(len(one)) % 2 == 0), 1.0, one.useful)
    asked = {"subject": one.subject, "arm": one.arm, "cost": one.cost}
    found = lift(Trial(**asked, useful=useful, segment=half, segments=("x", "y")), ASKED)
    assert {one.segment: one.effect.verdict for one in found.segments} == {"x": "no difference shown", "y": "better"}
    assert found.p_heterogeneity < 1e-6
    noise = Trial(**asked, useful=one.useful, segment=one.subject % 20, segments=tuple("abcdefghijklmnopqrst"))
    assert {one.effect.verdict for one in lift(noise, ASKED).segments} == {"no difference shown"}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(values: list[float]) -> None:
    """Corrected values are at least as large, at most Bonferroni's, and ordered alike."""
    found = holm(values)
    for value, corrected in zip(values, found, strict=True):
        assert value <= corrected <= min(1.0, max(value, *values) * len(values)) + 1e-12 or corrected <= 1
    ranked = [corrected for _, corrected in sorted(zip(values, found, strict=True))]
    assert ranked == sorted(ranked)


def test_the_course_ends_with_the_answer() -> None:
    """The last day's look is the whole experiment's; the interval is widest on the first days."""
    random = np.random.default_rng(2)
    one = trial(time_s=np.sort(random.uniform(0, 20 * 86_400, size=5_000)))
    found = lift(one, ASKED)
    assert len(found.course) == 20
    assert (found.course[-1].estimate, found.course[-1].low) == (found.estimate, found.low)
    assert found.course[1].high - found.course[1].low > found.high - found.low


def test_an_upgrade_pays_when_more_useful_answers_are_worth_their_cost() -> None:
    """The rule is extra cost < (value + loss) x extra useful; the interval decides the verdict."""
    assert upgrade_pays(extra_cost_usd=0.001, extra_useful=0.1, value_usd=0.02)
    assert not upgrade_pays(extra_cost_usd=0.001, extra_useful=0.1, value_usd=0.005, loss_usd=0.005)
    assert threshold_usd(0.001, 0.1) == pytest.approx(0.01)
    assert threshold_usd(0.001, -0.1) is None
    one = trial(people=6_000, rows=20_000, gain=0.5)
    rich = lift(one, Asked(control="a", treatment="b", stakes=Stakes(value_usd=1.0)))
    assert rich.worth.verdict == "worth it"
    assert rich.worth.net.estimate == pytest.approx(rich.worth.extra_useful - rich.worth.extra_cost_usd)
    dear = Trial(subject=one.subject, arm=one.arm, cost=one.cost + 0.01 * one.arm, useful=one.useful)
    poor = lift(dear, Asked(control="a", treatment="b", stakes=Stakes(value_usd=0.005)))
    assert poor.worth.verdict == "not worth it"


@pytest.mark.parametrize(("mean", "shift"), [(0.0, 1.0), (0.5, 1.0), (-2.0, 1.0), (1.0, 0.3)])
def test_the_value_of_testing_on_is_that_of_simulated_decisions(mean: float, shift: float) -> None:
    """N s [phi(u) - u (1 - Phi(u))] is the mean gain of deciding after the test over deciding now."""
    after = np.random.default_rng(0).normal(mean, shift, size=2_000_000)
    simulated = np.maximum(after, 0).mean() - max(mean, 0)
    assert evsi_usd(mean, shift, 1.0) == pytest.approx(simulated, abs=0.002)


def test_the_laws_without_scipy_are_those_of_scipy() -> None:
    """Chi-square tails to 1e-9, Student's quantiles to 5e-4."""
    stats = pytest.importorskip("scipy.stats")
    for value in (0.1, 1.0, 3.84, 20.0, 90.0):
        for freedom in (1, 2, 7, 60):
            assert normal.chi_square_tail(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-9)
    for freedom in (2.0, 3.0, 4.5, 9.0, 200.0):
        assert normal.student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=5e-4)


def test_the_full_open_bandit_counts_give_the_published_lift() -> None:
    """4,768 clicks of 1,374,327 against 61,208 of 12,357,200: +42.77 %, z 27.5."""
    control = moments_of_counts(4_768, 1_374_327)
    treatment = moments_of_counts(61_208, 12_357_200)
    found = difference(control, treatment)
    assert float(found.estimate / control.ratio) == pytest.approx(0.4277, abs=5e-5)
    assert float(found.estimate / found.se) == pytest.approx(27.5, abs=0.05)


@pytest.mark.parametrize(
    ("ones", "n", "printed", "fits"),
    [
        (0.0035, 1_374_327, 0.00010, True),
        (0.0050, 12_168_084, 0.00004, True),
        (0.0051, 452_949, 0.00021, True),
        (0.0067, 4_077_727, 0.00008, True),
        (0.0048, 864_585, 0.00014, True),
        (0.0064, 7_765_497, 0.00056, False),
    ],
)
def test_a_misprinted_interval_of_the_open_bandit_paper_is_noticed(
    ones: float, n: int, printed: float, *, fits: bool
) -> None:
    """Table 1's half widths follow from its counts within rounding, but for Women/BTS: ± .056 % should be .0056 %."""
    one = moments_of_counts(ones * n, n)
    half = normal.quantile(0.975) * math.sqrt(float(one.variance / one.n))
    assert (abs(half - printed) < 0.06 * printed) is fits
    assert half == pytest.approx(printed if fits else 0.000056, rel=0.06)


def moments_of_counts(ones: float, n: int):
    """The moments of that many ones and noughts."""
    from breakeven.audit.lift.moments import Moments

    share, many = ones / n, np.asarray(float(n))
    nought, one = np.asarray(0.0), np.asarray(1.0)
    yy = np.asarray(share * (1 - share))
    return Moments(n=many, y=np.asarray(share), d=one, yy=yy, yd=nought, dd=nought)
