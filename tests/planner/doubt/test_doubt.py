"""Laws of a doubt: what is certain is a point, what is uncertain only widens, and knowing never costs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.planner.doubt.case import Case
from breakeven.planner.doubt.flip import flips
from breakeven.planner.doubt.judge import band, best, losses_usd, regrets_usd
from breakeven.planner.doubt.world import evaluate
from breakeven.planner.doubt.worth import evpi_usd, evppi_usd, first_order
from breakeven.schema.doubt import Beliefs, Doubt
from breakeven.schema.outlook import Band

Cases = Callable[..., Case]
Doubts = Callable[..., Doubt]
Ways = Callable[..., Any]
Kit = SimpleNamespace
Scene = Any
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def wide(band: Band) -> float:
    assert band.p5 is not None
    assert band.p95 is not None
    return band.p95 - band.p5


def test_at_base_every_option_costs_what_the_plan_says(scene: Scene, cases: Cases) -> None:
    """The vectorised bill is the cost engine's, line for line, for every kind of offer."""
    case = cases(scene)
    assert case.world.scales == pytest.approx([1.0] * len(scene.ways), rel=1e-9)
    table = evaluate(case.world, {})
    plan = {one.option.name: one.option for one in scene.ways}
    for at, one in enumerate(case.world.options):
        assert table.monthly[at, 0] == pytest.approx(plan[one.name].monthly_cost_usd, rel=1e-9)
        assert table.unit[at, 0] == pytest.approx(plan[one.name].cost_per_useful_prediction_usd, rel=1e-9)
        assert table.now[at, 0] == pytest.approx(table.unit[at, 0], rel=1e-9)


def test_at_base_it_does_not_matter_when_one_starts(scene: Scene, cases: Cases) -> None:
    """Nothing grows and no price moves: what is decided later, for fewer months, costs the same a month."""
    world = cases(scene).world
    now, later = evaluate(world, {}), evaluate(world, {}, start=7, end=20)
    assert later.monthly == pytest.approx(now.monthly, rel=1e-9)
    assert later.unit == pytest.approx(now.unit, rel=1e-9)
    assert (now.months, later.months) == (36, 13)


@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_spares_that_are_billed_are_billed_in_every_draw(way: Ways, cases: Cases, kit: Kit, margin: float) -> None:
    """Whatever they stand by for, zones or spot that is withdrawn: they carry nothing, and the bill is the plan's."""
    question = kit.asked(ttft_s=1.0, margin=margin)
    plain = way(question, kit.rent("hourly", 2.0))
    at = msgspec.structs.replace(plain.option.deployment, replicas=plain.option.deployment.replicas + 3)
    spared = plain._replace(option=msgspec.structs.replace(plain.option, deployment=at, spare_replicas=3))
    one, other = (cases(kit.scene(question, [each])).decided for each in (plain, spared))
    assert one.capacity == other.capacity
    assert (one.spare, other.spare) == (0, 3)


def test_a_margin_is_there_for_what_may_turn_out_otherwise(way: Ways, doubts: Doubts, kit: Kit) -> None:
    """The more was planned beyond the demand the less often is it too little; what suffices does not change."""
    found = []
    for margin in (0.0, 0.5, 1.5):
        question = kit.asked(ttft_s=1.0, margin=margin)
        [fate] = doubts(kit.scene(question, [way(question, kit.rent("hourly", 2.0))])).fates
        found.append(fate)
    short = [one.p_short_now for one in found]
    assert short[0] > 1.2 * short[1] > 2 * short[2]
    assert len({one.replicas_sure for one in found}) == 1


def test_probabilities_add_up_and_the_order_is_by_regret(scene: Scene, doubts: Doubts) -> None:
    """In every draw one option is best, or several share it; the fates stand by what choosing them risks."""
    found = doubts(scene)
    assert sum(one.p_best for one in found.fates) == pytest.approx(1.0)
    assert all(0 <= one.p_short_now <= one.p_more <= 1 for one in found.fates)
    regrets = [one.expected_regret_usd for one in found.fates]
    assert regrets == sorted(regrets)
    assert regrets[0] == pytest.approx(found.evpi_usd)


def test_same_seed_same_bytes_whatever_the_order(scene: Scene, doubts: Doubts, kit: Kit) -> None:
    """Options in another order change nothing; another seed changes the draws and not the point."""
    first, turned = doubts(scene), doubts(kit.scene(scene.question, scene.ways[::-1]))
    other = doubts(scene, seed=1)
    assert msgspec.json.encode(first) == msgspec.json.encode(turned)
    assert other.interval != first.interval
    assert [one.base_usd for one in sorted(other.fates, key=lambda f: f.option)] == [
        one.base_usd for one in sorted(first.fates, key=lambda f: f.option)
    ]


def test_a_dominated_option_changes_no_draw(scene: Scene, doubts: Doubts, way: Ways, kit: Kit) -> None:
    """What always costs more than another with the same speed is never best and leaves the others as they are."""
    more = kit.scene(scene.question, [*scene.ways, way(scene.question, kit.rent("dear", 4.0, provider="aws"))])
    before, after = doubts(scene), doubts(more)
    found = {one.option: one for one in after.fates}
    assert found.pop("dear").p_best == 0
    assert found == {one.option: one for one in before.fates}
    assert after.evpi_usd == before.evpi_usd


def test_an_interval_holds_the_point_and_the_chosen_is_told(scene: Scene, doubts: Doubts) -> None:
    """The plan's own figure lies inside both bands of the chosen option."""
    found = doubts(scene)
    own = next(one for one in found.fates if one.option == found.chosen)
    assert found.interval == own.cost_per_useful_usd
    for told in (own.cost_per_useful_usd, own.now_usd):
        low, point, high = (value or 0.0 for value in (told.p5, own.base_usd, told.p95))
        assert 0 < low <= point * (1 + 1e-9)
        assert point <= high


@FEW
@given(low=st.floats(-0.5, 0.0), high=st.floats(0.0, 1.0), more=st.floats(0.0, 0.5))
def test_wider_growth_never_narrows(
    scene: Scene, cases: Cases, low: float, high: float, more: float
) -> None:  # fmt: skip
    """With the same seed every draw moves outwards, so that no band of monthly cost gets narrower."""
    narrow = cases(scene, 2_000, beliefs=Beliefs(growth_low=low, growth_high=high))
    wider = cases(scene, 2_000, beliefs=Beliefs(growth_low=low - more / 2, growth_high=high + more))
    before, after = (evaluate(one.world, one.draws).monthly for one in (narrow, wider))
    for tight, loose in zip(before, after, strict=True):
        assert wide(band(loose)) >= wide(band(tight)) * 0.98


def test_without_doubt_there_is_a_point(scene: Scene, cases: Cases) -> None:
    """Nothing drawn: one row, the best option is best, and there is nothing to learn."""
    case = cases(scene)
    table = evaluate(case.world, {})
    losses = losses_usd(table, 3.0)
    assert table.unit.shape == (len(scene.ways), 1)
    assert best(table)[case.chosen, 0] == 1.0
    assert evpi_usd(losses) == 0
    assert regrets_usd(losses)[case.chosen] == 0


def test_what_stands_and_falls_short_is_never_best(way: Ways, doubts: Doubts, kit: Kit) -> None:
    """A cheap deployment with a fixed number misses its targets once demand outgrows it, and says how often."""
    question = kit.asked(ttft_s=1.0)
    ways = [
        way(question, kit.rent("standing", 0.5), sustained=4.2, replicas=1, fixed=True),
        way(question, kit.rent("sized", 0.6)),
    ]
    growing = Beliefs(growth_low=-0.3, growth_base=0.0, growth_high=1.5)
    found = doubts(kit.scene(question, ways), chosen="standing", beliefs=growing)
    fates = {one.option: one for one in found.fates}
    assert 0.3 < fates["standing"].p_misses_slo < 1
    assert fates["standing"].p_best == pytest.approx(1 - fates["standing"].p_misses_slo)
    assert fates["sized"].p_misses_slo == 0
    assert any("misses its targets" in text for text in found.flips_if)


# -- flips -------------------------------------------------------------------------------------------------------------


@FEW
@given(usd=st.floats(0.5, 3.0), into=st.floats(0.1, 1.0), share=st.floats(0.95, 1.0))
def test_at_a_flip_both_cost_the_same(cases: Cases, way: Ways, kit: Kit, usd: float, into: float, share: float) -> None:
    """With only the turned input off its base, chosen and winner cost the same to 1e-6, or the flip says it jumps."""
    question = kit.asked(ttft_s=1.0)
    scene = kit.scene(
        question, [way(question, kit.rent("r", usd), share=share), way(question, kit.api("a", into, 2 * into))]
    )
    case = cases(scene)
    found = flips(case.world, case.inputs, case.chosen, case.draws)
    names = [one.name for one in case.world.options]
    assert found
    for flip in found:
        table = evaluate(case.world, {flip.key: np.array([flip.at])})
        winner, own = table.unit[names.index(flip.winner), 0], table.unit[case.chosen, 0]
        assert winner <= own * (1 + 1e-9)
        if not flip.jump:
            assert winner == pytest.approx(own, rel=1e-6)
        beyond = evaluate(case.world, {flip.key: np.array([flip.at - (flip.at - flip.base) * 1e-4])})
        assert best(beyond)[case.chosen, 0] > 0


def test_flips_say_what_they_turn(scene: Scene, doubts: Doubts) -> None:
    """Sentences name the winner, the direction, both values and the share of draws; prices have no such share."""
    found = doubts(scene)
    assert found.flips_if
    for flip, text in zip(found.flips, found.flips_if, strict=False):
        assert text.startswith(flip.winner)
        assert ("above" in text) == (flip.at > flip.base)
        assert (flip.chance is None) == ("draws" not in text)


# -- the value of knowing ----------------------------------------------------------------------------------------------


@FEW
@given(seed=st.integers(0, 2**32 - 1), options=st.integers(2, 6), noise=st.floats(0.0, 3.0))
def test_knowing_is_worth_something_between_nothing_and_everything(seed: int, options: int, noise: float) -> None:
    """0 <= EVPPI <= EVPI for any losses, whatever is known, alone or together."""
    rng = np.random.default_rng(seed)
    known, other = rng.normal(size=(2, 1_000))
    slopes = rng.normal(size=options)[:, None]
    losses = 10 + slopes * known + noise * rng.normal(size=(options, 1_000))
    shuffle = rng.permutation(1_000)
    for inputs in ([known], [other], [known, other]):
        assert 0 <= evppi_usd(losses, inputs, shuffle) <= evpi_usd(losses) + 1e-12


def test_knowing_all_that_matters_is_worth_all_and_knowing_nothing_nothing() -> None:
    """Two options whose difference is the input itself: EVPPI = EVPI = E|x|/2; an input of no effect is worth 0."""
    rng = np.random.default_rng(7)
    x, idle = rng.normal(size=(2, 20_000))
    losses = np.stack([np.zeros(20_000), x])
    shuffle = rng.permutation(20_000)
    assert evppi_usd(losses, [x], shuffle) == pytest.approx(evpi_usd(losses), rel=0.02)
    assert evpi_usd(losses) == pytest.approx(1 / np.sqrt(2 * np.pi), rel=0.05)
    assert evppi_usd(losses, [idle], shuffle) < 0.02 * evpi_usd(losses)


def test_shares_of_variance_are_those_of_a_sum() -> None:
    """Of y = 2 a + b the inputs explain 80 % and 20 %, and a third nothing."""
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(size=(3, 20_000))
    shares = [first_order(2 * a + b, one) for one in (a, b, c)]
    assert shares == pytest.approx([0.8, 0.2, 0.0], abs=0.02)


def test_what_to_measure_next_pays(scene: Scene, doubts: Doubts) -> None:
    """No inquiry is worth more than knowing everything; those that pay lead, by what they leave."""
    found = doubts(scene)
    assert all(0 <= one.worth_usd <= found.evpi_usd + 1e-9 for one in found.inquiries)
    nets = [one.net_usd for one in found.inquiries if one.net_usd is not None and one.net_usd > 0]
    assert nets == sorted(nets, reverse=True)


def test_waiting_is_weighed_only_where_something_is_committed(scene: Scene, doubts: Doubts) -> None:
    """By the hour there is nothing to wait for; before a purchase a wait is worth at least nothing."""
    hourly, bought = doubts(scene, chosen="hourly"), doubts(scene, chosen="bought")
    assert hourly.waits == ()
    assert "no reason to wait" in hourly.wait_verdict
    assert all(one.worth_usd >= 0 for one in bought.waits)
    assert bought.wait_verdict


def test_a_purchase_before_steep_demand_is_worth_waiting_for(way: Ways, doubts: Doubts, kit: Kit) -> None:
    """The more demand may fall, the more the months are worth that show whether it does."""
    question = kit.asked(ttft_s=1.0)
    ways = [
        way(question, kit.purchase("bought", 60_000.0), sustained=0.45),
        way(question, kit.rent("hourly", 4.0), sustained=0.45),
    ]
    scene = kit.scene(question, ways)
    calm = doubts(scene, chosen="bought", draws=1_500, beliefs=Beliefs(growth_low=-0.05, growth_high=0.05))
    wild = doubts(scene, chosen="bought", draws=1_500, beliefs=Beliefs(growth_low=-0.85, growth_high=1.5))
    assert len(calm.waits) == len(wild.waits) > 0
    assert max(one.worth_usd for one in wild.waits) > max(one.worth_usd for one in calm.waits)


def test_an_option_alone_has_no_rival(scene: Scene, doubts: Doubts, kit: Kit) -> None:
    """An option alone is best for certain and has no runner-up."""
    alone = doubts(kit.scene(scene.question, scene.ways[:1]))
    assert (alone.runner_up, alone.p_best, alone.evpi_usd) == ("", 1.0, 0.0)
    assert alone.flips == ()


def test_only_what_meets_the_objective_can_be_doubted(scene: Scene, doubts: Doubts) -> None:
    """A choice that is none of the options is refused with both named."""
    with pytest.raises(ValueError, match="nobody is to be doubted"):
        doubts(scene, chosen="nobody")
