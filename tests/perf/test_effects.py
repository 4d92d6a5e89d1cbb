"""Coefficients of a place: what nobody measured adds nothing, and whoever knows less is never surer."""

import itertools
import math
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.perf.coefficients import FIELDS, START
from breakeven.perf.effects import LEVELS, Load, Place, Unseen, errors, place, resolve, spread, unseen
from breakeven.perf.prior import PRIOR
from breakeven.schema.calibration import Calibration, Spread

ORDER = get_args(Unseen)
NAMES = st.sampled_from(["", "vllm", "sglang", "trtllm", "x"])
GAINS = st.dictionaries(st.sampled_from(FIELDS), st.floats(-1.0, 1.0), max_size=3)
SPREADS = st.lists(
    st.tuples(
        st.sampled_from(["tpot", "ttft"]), st.sampled_from(["closed", "offline"]), st.sampled_from(ORDER),
        st.floats(-2.0, 0.5), st.floats(0.5, 2.0),
    ),
    unique_by=lambda drawn: drawn[:3],
)  # fmt: skip
SEEN = Place(
    engine="vllm", version="1", accelerator="a", generation="fp8", link="nvlink", precision="fp8", model="m", boards=1
)
PLACES = {
    "nothing": SEEN,
    "version": msgspec.structs.replace(SEEN, version="2"),
    "model": msgspec.structs.replace(SEEN, model="n"),
    "accelerator": msgspec.structs.replace(SEEN, accelerator="b"),
    "engine": msgspec.structs.replace(SEEN, engine="x"),
}


def calibration(effects=None, spreads=()) -> Calibration:
    """A calibration that saw `SEEN`."""
    levels = {kind: {level(SEEN): {}} for kind, level in LEVELS.items()}
    found = tuple(Spread(metric=m, load=k, unseen=u, low=low, high=high, n=9) for m, k, u, low, high in spreads)
    return Calibration(name="c", base={}, effects=levels if effects is None else effects, spreads=found)


@given(st.dictionaries(st.sampled_from(sorted(LEVELS)), GAINS))
def test_levels_nobody_measured_add_nothing(gains) -> None:
    """A place that shares no level with a calibration has its base."""
    effects = {kind: {LEVELS[kind](SEEN): gain} for kind, gain in gains.items()}
    elsewhere = Place(engine="x", version="9", accelerator="z", generation="fp4", link="pcie", precision="q", model="n")
    assert resolve(calibration(effects), elsewhere) == resolve(calibration({}), elsewhere)


@given(st.dictionaries(st.sampled_from(sorted(LEVELS)), GAINS))
def test_effects_multiply(gains) -> None:
    """Each level's gain is a factor of its own, in whatever order the kinds stand."""
    effects = {kind: {LEVELS[kind](SEEN): gain} for kind, gain in gains.items()}
    together, back = (resolve(calibration(dict(order)), SEEN) for order in (effects.items(), reversed(effects.items())))
    product = dict.fromkeys(FIELDS, 1.0)
    for kind, level in effects.items():
        alone = resolve(calibration({kind: level}), SEEN)
        product = {name: product[name] * getattr(alone, name) / getattr(START, name) for name in FIELDS}
    for name in FIELDS:
        assert getattr(together, name) == pytest.approx(getattr(START, name) * product[name])
        assert getattr(back, name) == pytest.approx(getattr(together, name))


@pytest.mark.parametrize(("what", "at"), PLACES.items())
def test_what_is_unseen_is_named_gravest_first(what, at) -> None:
    """An engine that no row has outweighs its version, model and accelerator."""
    assert unseen(calibration(), at) == what
    grave = msgspec.structs.replace(at, version="7", model="o")
    assert ORDER.index(unseen(calibration(), grave)) >= ORDER.index(what)


def test_other_boards_of_a_known_case_are_not_unseen() -> None:
    """A layout is what the roofline itself explains; a precision of a known model counts as another version."""
    assert unseen(calibration(), msgspec.structs.replace(SEEN, boards=8)) == "nothing"
    assert unseen(calibration(), msgspec.structs.replace(SEEN, precision="bf16")) == "version"


def test_a_version_that_is_not_stated_is_unseen() -> None:
    """Rows without a version tell nothing about which one will run."""
    unstated = msgspec.structs.replace(SEEN, version="")
    effects = {kind: {level(unstated): {}} for kind, level in LEVELS.items()}
    assert unseen(calibration(effects), unstated) == "version"


def test_offline_runs_tell_of_servers_as_another_engine_would() -> None:
    """Measured offline only, an accelerator is unseen for the server, and a server for an offline run: as left out."""
    offline = msgspec.structs.replace(SEEN, offline=True)
    effects = {
        "engine": {"vllm": {}, "vllm offline": {}}, "pair": {"vllm offline/a": {}},
        "case": {LEVELS["case"](offline): {}},
    }  # fmt: skip
    assert unseen(calibration(effects), SEEN) == "accelerator"
    assert unseen(calibration(effects), offline) == "nothing"
    assert unseen(calibration(), offline) == "engine"


@given(SPREADS, st.sampled_from(["tpot", "ttft"]), st.sampled_from(["closed", "offline", "open"]))
def test_whoever_knows_less_is_never_surer(spreads, metric, load) -> None:
    """Along the order of what is unseen, intervals only widen, and any judged metric has one with its point inside."""
    found = [spread(calibration(spreads=spreads), metric, load, PLACES[what]) for what in ORDER]
    judged = [one for one in found if one is not None]
    assert len(judged) in {0, len(ORDER)}
    assert bool(judged) == any(drawn[0] == metric for drawn in spreads)
    assert all(one.low <= 0 <= one.high for one in judged)
    for surer, less in itertools.pairwise(judged):
        assert less.low <= surer.low
        assert less.high >= surer.high


@given(SPREADS, st.sampled_from(ORDER))
def test_an_interval_is_at_least_that_of_its_own_case(spreads, what) -> None:
    """Where the case itself was judged, its bounds are inside what is answered."""
    found = spread(calibration(spreads=spreads), "tpot", "closed", PLACES[what])
    for metric, kind, level, low, high in spreads:
        if (metric, kind, level) == ("tpot", "closed", what):
            assert found is not None
            assert found.low <= low
            assert found.high >= high
            assert found.unseen == what


@given(
    NAMES, NAMES, st.sampled_from(["h100-sxm", "mi300x", "l4"]), st.sampled_from(["bf16", "fp8", "fp4"]), st.booleans()
)
def test_the_shipped_coefficients_are_sound_everywhere(engine, version, accelerator, precision, offline) -> None:
    """Positive and finite in any place, with an interval around the point."""
    at = place(
        load().accelerator(accelerator), engine=engine, version=version, precision=precision, model="llama-3.1-8b",
        offline=offline,
    )  # fmt: skip
    assert all(0 < getattr(resolve(PRIOR, at), name) < float("inf") for name in FIELDS)
    for found in (errors(PRIOR, at).tpot, errors(PRIOR, at).ttft, errors(PRIOR, at).throughput):
        assert found.log_low < 0 < found.log_high
        assert found.how
    for load_kind in get_args(Load):
        bounds = spread(PRIOR, "tpot", load_kind, at)
        assert bounds is not None
        assert bounds.low < 0 < bounds.high


def test_a_place_says_what_the_specification_does() -> None:
    """Links at PCIe speed are PCIe; the narrowest format a board multiplies is its generation."""
    found = {name: place(load().accelerator(name)) for name in ("l40s", "h100-sxm", "b200", "a100-sxm-80gb")}
    assert {name: (at.generation, at.link) for name, at in found.items()} == {
        "l40s": ("fp8", "pcie"), "h100-sxm": ("fp8", "nvlink"), "b200": ("fp4", "nvlink"),
        "a100-sxm-80gb": ("int8", "nvlink"),
    }  # fmt: skip


def test_without_a_judgement_there_is_no_interval() -> None:
    """A calibration that was never judged says so with zero rows, not with a guess."""
    found = errors(calibration(), SEEN).tpot
    assert (found.n, found.log_low, found.log_high) == (0, 0.0, 0.0)


def test_later_versions_gain_what_engines_gained_before() -> None:
    """Beyond the last fitted version steps are exp(progress) as long; others, and offline runs, are as fitted."""
    found = Calibration(
        name="t",
        base={},
        effects={"version": {"vllm/0.9.1": {}, "vllm/0.12.0": {}, "own offline/1.0": {}}},
        progress=-0.1,
    )
    plain = resolve(found, Place(engine="vllm", version="0.12.0")).scale
    for version, gains in (("0.13.0", True), ("v0.12.1rc3", True), ("0.10.0", False), ("nightly", False), ("", False)):
        ratio = resolve(found, Place(engine="vllm", version=version)).scale / plain
        assert ratio == pytest.approx(math.exp(-0.1) if gains else 1.0)
    assert resolve(found, Place(engine="own", version="2.0", offline=True)).scale == plain
    assert resolve(found, Place(engine="unknown", version="2.0")).scale == plain
