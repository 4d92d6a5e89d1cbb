"""Every noun on an arrow survives JSON and MessagePack, refuses change, and says its version."""

from __future__ import annotations

import typing

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.schema import (
    bill,
    deployment,
    fact,
    finding,
    hardware,
    model,
    noun,
    objective,
    offer,
    outcome,
    performance,
    plan,
    policy,
    record,
    statement,
    workload,
)

MODULES = (
    bill, deployment, fact, finding, hardware, model, noun, objective, offer, outcome,
    performance, plan, policy, record, statement, workload,
)  # fmt: skip
NOUNS = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, noun.Noun) and value is not noun.Noun
    },
    key=lambda noun_type: noun_type.__name__,
)
ARROWS = (plan.Plan, policy.Policy, record.Prediction, record.Capacity, outcome.Outcome, statement.Statement)

finite = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(float, finite)
st.register_type_strategy(int, st.integers(-(2**62), 2**62))


def build(noun_type: type[noun.Noun]) -> st.SearchStrategy[noun.Noun]:
    hints = typing.get_type_hints(noun_type)
    return st.builds(noun_type, **{name: value_of(hint) for name, hint in hints.items() if not name.startswith("_")})


def value_of(hint: object) -> st.SearchStrategy[object]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, noun.Noun):
        return st.deferred(lambda: build(hint))
    if origin is tuple and arguments[-1:] == (Ellipsis,):
        return st.lists(value_of(arguments[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(value_of, arguments))
    if origin is dict:
        return st.dictionaries(value_of(arguments[0]), value_of(arguments[1]), max_size=2)
    if origin in {typing.Union, type(int | str)}:
        return st.one_of(*map(value_of, arguments))
    return st.none() if hint is type(None) else st.from_type(hint)  # type: ignore[arg-type]


@pytest.mark.parametrize("noun_type", NOUNS, ids=lambda noun_type: noun_type.__name__)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_json_and_msgpack_give_the_noun_back(noun_type: type[noun.Noun], data: st.DataObject) -> None:
    """Encoding and decoding is the identity, in both formats."""
    value = data.draw(build(noun_type))
    assert msgspec.json.decode(msgspec.json.encode(value), type=noun_type) == value
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=noun_type) == value


@pytest.mark.parametrize("noun_type", NOUNS, ids=lambda noun_type: noun_type.__name__)
def test_a_noun_is_frozen(noun_type: type[noun.Noun]) -> None:
    """What crossed an arrow cannot be changed behind the sender's back."""
    assert noun_type.__struct_config__.frozen


@pytest.mark.parametrize("arrow", ARROWS, ids=lambda arrow: arrow.__name__)
def test_what_is_stored_says_its_version(arrow: type[noun.Noun]) -> None:
    """A stored noun carries a version, so that a later reader knows what it reads."""
    assert "version" in arrow.__struct_fields__


@pytest.mark.parametrize("noun_type", NOUNS, ids=lambda noun_type: noun_type.__name__)
def test_every_noun_says_what_it_means(noun_type: type[noun.Noun]) -> None:
    """A public type has a docstring of its own."""
    assert noun_type.__doc__


def test_a_trace_reads_its_columns_without_copying() -> None:
    """A packed column is read back as the doubles that went in."""
    trace = workload.Trace(
        name="t", arrival_s=workload.pack([0.0, 1.5]), input_tokens=workload.pack([3, 4]), output_tokens=b""
    )
    assert trace.n == 2
    assert list(trace.column("arrival_s")) == [0.0, 1.5]
    assert list(trace.column("input_tokens")) == [3.0, 4.0]


def test_a_bill_with_unpriced_parts_has_no_total() -> None:
    """Unknown money is never counted as zero."""
    line = bill.Line(name="power", amount_usd=12.5, formula="1 kW x 730 h x 0.017 USD/kWh")
    assert bill.Bill(option="o", lines=(line, line)).total_usd == 25.0
    assert bill.Bill(option="o", lines=(line,), unpriced=("egress",)).total_usd is None


def test_cash_leaves_out_depreciation_and_cost_of_capital() -> None:
    """Cash opex counts what is paid each month, not what was paid once."""
    lines = tuple(
        bill.Line(name=name, amount_usd=10.0, formula="") for name in ("power", "depreciation", "cost_of_capital")
    )
    assert bill.Bill(option="o", lines=lines).cash_opex_usd == 10.0


def test_capacity_costs_its_real_seconds() -> None:
    """Replicas x seconds x price, and nothing else."""
    capacity = record.Capacity(
        id="c", deployment="d", start_s=10.0, end_s=12.5, replicas=2, pico_usd_per_replica_s=1000
    )
    assert capacity.cost_pico_usd == 5000
