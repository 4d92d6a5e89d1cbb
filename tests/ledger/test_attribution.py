"""Which outcome belongs to which prediction, on every engine."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.ledger import store
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.statement import build

pytestmark = pytest.mark.parametrize("engine", sorted(EMBEDDED))


def test_an_id_decides_before_a_subject(make, engine: str) -> None:
    """An outcome that names a prediction belongs to it, however late, whoever its subject is."""
    records = [
        make.prediction(1, subject="ann", tenant="t"),
        make.prediction(2, subject="ann", tenant="u"),
        make.outcome(1, prediction_id="p000001", subject="ann", tenant="t", time_s=make.t0 + 10**6),
    ]
    found = make.statement(records, engine)
    assert [make.cut(found, "tenant", name).used for name in "tu"] == [1, 0]


def test_an_unknown_id_does_not_fall_back_to_the_subject(make, engine: str) -> None:
    """A prediction that is not there (yet) is not replaced by another one."""
    records = [make.prediction(1, subject="ann"), make.outcome(1, prediction_id="elsewhere", subject="ann")]
    found = make.statement(records, engine)
    assert found.total.used == 0
    assert found.events == {"exposure": 1, "unattributed": 1}
    assert "1 outcomes found no prediction" in found.warnings


def test_the_last_delivered_touch_within_the_window_gets_it(make, engine: str) -> None:
    """Not an earlier one, not one that came after, not one that failed."""
    records = [
        make.prediction(1, subject="ann", arm="early"),
        make.prediction(2, subject="ann", arm="last"),
        make.prediction(3, subject="ann", arm="failed", status="failed"),
        make.prediction(9, subject="ann", arm="after"),
        make.prediction(4, subject="bob", arm="other"),
        make.outcome(1, subject="ann", time_s=make.t0 + 5),
    ]
    found = make.statement(records, engine)
    assert {one.key: one.used for one in found.cuts if one.dimension == "arm"} == {
        "early": 0,
        "last": 1,
        "failed": 0,
        "after": 0,
        "other": 0,
    }


def test_predictions_at_the_same_instant_are_told_apart_by_id(make, engine: str) -> None:
    """A tie goes to the greater id, whatever the order of the records."""
    records = [make.prediction(n, subject="ann", time_s=make.t0, arm=f"a{n}") for n in (2, 3, 1)]
    found = make.statement([*records, make.outcome(1, subject="ann")], engine)
    assert make.cut(found, "arm", "a3").used == 1
    assert found.total.used == 1


@pytest.mark.parametrize(("late_s", "used"), [(600.0, 1), (600.5, 0), (-0.5, 0)])
def test_the_window_closes(make, engine: str, late_s: float, used: int) -> None:
    """A subject's outcome counts from the prediction's time to the window's last instant."""
    prediction = make.prediction(1, subject="ann", time_s=make.t0)
    found = make.statement([prediction, make.outcome(1, subject="ann", time_s=make.t0 + late_s)], engine)
    assert found.total.used == used


def test_a_use_case_with_an_open_window_gets_what_a_closed_one_lost(make, engine: str) -> None:
    """The last touch is the last one whose own window still holds the outcome."""
    records = [
        make.prediction(1, subject="ann", use_case="shop", time_s=make.t0),
        make.prediction(2, subject="ann", use_case="rank", time_s=make.t0 + 10),
        make.outcome(1, "click", subject="ann", time_s=make.t0 + 1000),
    ]
    found = make.statement(records, engine)
    assert make.cut(found, "use_case", "shop").used == 1
    assert make.cut(found, "use_case", "rank").used == 0


def test_an_outcome_may_name_its_use_case(make, engine: str) -> None:
    """Then only that one is asked, even when another was touched later."""
    records = [
        make.prediction(1, subject="ann", use_case="shop"),
        make.prediction(2, subject="ann", use_case="rank"),
        make.outcome(1, "click", subject="ann", use_case="shop"),
    ]
    found = make.statement(records, engine)
    assert make.cut(found, "use_case", "shop").used == 1
    assert make.cut(found, "use_case", "rank").used == 0


@pytest.mark.parametrize("who", ["prediction", "outcome"])
def test_denied_consent_is_not_measured_by_subject(make, engine: str, who: str) -> None:
    """Nor does the outcome fall to an earlier prediction of somebody who said yes then."""
    consent = {"prediction": "unknown", "outcome": "unknown"} | {who: "denied"}
    records = [
        make.prediction(1, subject="ann"),
        make.prediction(2, subject="ann", consent=consent["prediction"]),
        make.outcome(1, subject="ann", consent=consent["outcome"]),
    ]
    found = make.statement(records, engine)
    assert found.total.used == 0
    assert found.events == {"exposure": 1, "consent denied": 1}


def test_tenants_never_measure_each_other(make, engine: str) -> None:
    """Neither an id nor a subject reaches across, and equal event ids of two tenants are two events."""
    records = [
        make.prediction(1, subject="ann", tenant="acme"),
        make.prediction(2, subject="ann", tenant="zeta"),
        make.outcome(1, tenant="zeta", prediction_id="p000001"),
        make.outcome(2, tenant="zeta", subject="ann"),
        make.outcome(2, tenant="acme", subject="nobody"),
    ]
    found = make.statement(records, engine)
    assert make.cut(found, "tenant", "acme").used == 0
    assert make.cut(found, "tenant", "zeta").used == 1
    assert found.events == {"exposure": 3, "unattributed": 2}


def test_a_retried_event_counts_once(make, engine: str) -> None:
    """(source, id) is the event; the first arrival of it is the one that counts."""
    records = [
        make.prediction(1),
        make.outcome(1, "revenue", prediction_id="p000001", value=5.0, received_s=2.0, sequence=7),
        make.outcome(1, "revenue", prediction_id="p000001", value=9.0, received_s=3.0, sequence=8),
        make.outcome(1, "revenue", prediction_id="p000001", value=1.0, received_s=3.0, sequence=8, source="other"),
    ]
    found = make.statement(records, engine)
    assert found.total.revenue == 6.0
    assert found.events == {"revenue": 2}


def test_value_sent_with_the_conversion_and_as_revenue_counts_once(make, engine: str) -> None:
    """Revenue events decide; without any, the conversions' values do."""
    records = [
        make.prediction(1),
        make.prediction(2),
        make.outcome(1, "conversion", prediction_id="p000001", value=10.0),
        make.outcome(2, "revenue", prediction_id="p000001", value=10.0),
        make.outcome(3, "conversion", prediction_id="p000002", value=0.5),
    ]
    assert make.statement(records, engine).total.revenue == 10.5


def test_other_currencies_are_reported_not_added(make, engine: str) -> None:
    """Euros are not dollars."""
    records = [make.prediction(1), make.outcome(1, "revenue", prediction_id="p000001", value=10.0, currency="EUR")]
    found = make.statement(records, engine)
    assert found.total.revenue == 0
    assert "1 outcomes carry money that is not in USD; it is not in the revenue" in found.warnings


def test_unobserved_wins_over_everything(make, engine: str) -> None:
    """A row of which nobody knows what would have happened is unobserved, used or late or not."""
    records = [
        make.prediction(1),
        make.prediction(2, in_budget=False),
        *(make.outcome(n, "unobserved", prediction_id=f"p{n:06d}") for n in (1, 2)),
        make.outcome(3, "conversion", prediction_id="p000001"),
    ]
    found = make.statement(records, engine)
    assert (found.total.unobserved, found.useful_predictions, found.total.used, found.total.converted) == (2, 0, 0, 0)
    assert found.cost_per_useful_prediction_usd.value is None


def test_stages_and_unknown_events_are_no_use(make, engine: str) -> None:
    """Only exposure, click, conversion and revenue say that a prediction was used."""
    records = [make.prediction(1), make.outcome(1, "stage", prediction_id="p000001")]
    found = make.statement([*records, make.outcome(2, "custom", prediction_id="p000001")], engine)
    assert found.total.used == 0
    assert found.events == {"custom": 1, "stage": 1}


def test_a_filter_never_moves_an_outcome(make, engine: str) -> None:
    """An outcome of a later prediction outside the period does not fall to one inside it."""
    records = [
        make.prediction(1, subject="ann", policy_id="a"),
        make.prediction(50, subject="ann", policy_id="b"),
        make.outcome(1, subject="ann", time_s=make.t0 + 60),
    ]
    assert make.statement(records, engine, end_s=make.t0 + 10).total.used == 0
    assert make.statement(records, engine, policy_id="a").total.used == 0
    assert make.statement(records, engine, policy_id="b").total.used == 1


def test_the_first_touch_gets_it_where_the_policy_says_so(make, engine: str) -> None:
    """The first delivered one within the window, of the least id at one instant; one before the window is none."""
    rules = {"rank": msgspec.structs.replace(make.use_cases["rank"], touch="first")}
    records = [
        make.prediction(1, subject="ann", arm="too early", time_s=make.t0 - 600.5),
        make.prediction(2, subject="ann", arm="failed", time_s=make.t0 - 600, status="failed"),
        make.prediction(4, subject="ann", arm="twin", time_s=make.t0 - 600),
        make.prediction(3, subject="ann", arm="first", time_s=make.t0 - 600),
        make.prediction(5, subject="ann", arm="last", time_s=make.t0),
        make.outcome(1, subject="ann", time_s=make.t0),
    ]
    found = build(store.of_records(records, engine), rules)
    used = {one.key: one.used for one in found.cuts if one.dimension == "arm"}
    assert used == {"too early": 0, "failed": 0, "twin": 0, "first": 1, "last": 0}


def test_of_what_use_cases_offer_the_latest_wins(make, engine: str) -> None:
    """One offers its first touch, the other its last: the later of the two gets the outcome."""
    rules = make.use_cases | {"rank": msgspec.structs.replace(make.use_cases["rank"], touch="first")}
    records = [
        make.prediction(1, subject="ann", use_case="rank", time_s=make.t0),
        make.prediction(2, subject="ann", use_case="shop", time_s=make.t0 + 5),
        make.prediction(3, subject="ann", use_case="rank", time_s=make.t0 + 9),
        make.outcome(1, "click", subject="ann", time_s=make.t0 + 10),
    ]
    found = build(store.of_records(records, engine), rules)
    assert [make.cut(found, "use_case", name).used for name in ("rank", "shop")] == [0, 1]
