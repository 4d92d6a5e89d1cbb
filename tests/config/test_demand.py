"""Workloads in YAML: three numbers load, a fitted one is read back, and what is wrong is told at its place."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.assembly import demand as assembly
from breakeven.config import demand
from breakeven.config.json_schema import demand_schema
from breakeven.demo.logs import conversations
from breakeven.errors import ConfigError
from breakeven.schema.demand import (
    Callers,
    Change,
    Lengths,
    Mix,
    Profile,
    Split,
    Stretch,
    Targets,
)
from breakeven.workload.generate import draw
from breakeven.workload.profile import profile

amounts = st.floats(0, 1e9, allow_nan=False)
positive = st.floats(1e-6, 1e6)
texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)
lengths = st.builds(
    lambda mean, p50, more: Lengths(mean=mean, p50=p50, p95=p50 + more, p99=p50 + 2 * more, most=p50 + 3 * more),
    amounts, amounts, amounts,
)  # fmt: skip
pairs = st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=30).map(tuple)
mixes = st.none() | st.builds(Mix, input=lengths, output=lengths, correlation=st.none() | st.floats(-1, 1), pairs=pairs)
pair_lists = st.lists(st.tuples(amounts, amounts), max_size=5).map(tuple)
profiles = st.builds(
    Profile,
    name=st.from_regex(r"[a-z][a-z0-9 -]{0,20}", fullmatch=True),
    shape=st.sampled_from(["steady", "bursty", "event_driven", "unknown"]),
    rate_mean_rps=positive, rate_p95_rps=positive, rate_max_rps=amounts, window_s=positive, step_s=positive,
    counts=st.lists(st.none() | amounts, min_size=1, max_size=40).map(tuple),
    n=st.integers(0, 10**12), span_s=amounts, start_s=st.none() | amounts,
    splits=st.lists(st.builds(Split, window_s=positive, parts=st.integers(2, 100), concentration=st.none() | positive),
                    max_size=4).map(tuple),
    dispersion=pair_lists, autocorrelation=pair_lists, gap_variation=st.none() | amounts,
    daily=st.just(()) | st.lists(positive, min_size=24, max_size=24).map(tuple), weekly=st.just(()),
    changes=st.lists(st.builds(Change, at_s=amounts, before_rps=amounts, after_rps=amounts), max_size=3).map(tuple),
    missing=st.lists(st.builds(Stretch, start_s=amounts, end_s=amounts), max_size=3).map(tuple),
    quirks=st.lists(texts, max_size=3).map(tuple), mix=mixes, prefix_share=st.none() | st.floats(0, 1),
    block_tokens=st.integers(0, 1024),
    callers=st.none() | st.builds(Callers, subjects=st.integers(0, 99), sessions=st.integers(0, 99),
                                  session_requests_mean=amounts, session_requests_p95=amounts,
                                  busiest_share=st.floats(0, 1)),
    tiers=st.sampled_from([(), (("critical", 1.0),), (("critical", 0.25), ("opportunistic", 0.75))]),
    targets=st.builds(Targets, ttft_s=st.none() | positive, e2e_s=st.none() | positive),
    evidence=st.lists(texts, max_size=3).map(tuple), warnings=st.lists(texts, max_size=2).map(tuple), source=texts,
    basis=st.sampled_from(["measured", "assumed"]),
)  # fmt: skip


def read(text):
    file = demand.load(text)
    return demand.profile(file, file.fitted)


@settings(max_examples=15)
@given(profiles)
def test_a_profile_is_read_back_as_it_was(found) -> None:
    """Whatever is in it, to the last digit."""
    assert read(demand.write(found)) == found


def test_a_real_profile_is_read_back_with_its_comments() -> None:
    """The conversations of the demo; every line that a person may change says what it means."""
    found = profile(conversations(), "conversations")
    text = demand.write(found)
    assert read(text) == found
    assert "rate: 5.53" in text
    assert "# requests per second on average" in text


def test_three_numbers_are_a_workload(tmp_path: Path) -> None:
    """Rate and lengths are enough to plan and draw from; what was assumed is said."""
    path = tmp_path / "chat.yaml"
    path.write_text("rate: 20\ninput_tokens: 1000\noutput_tokens: 200\n")
    found = assembly.of_file(path)
    assert (found.name, found.rate_mean_rps, found.basis, found.shape) == ("chat", 20, "assumed", "steady")
    assert found.warnings
    drawn = draw(found, 600.0, np.random.default_rng(1))
    assert drawn.n == pytest.approx(12_000, rel=0.05)
    assert set(drawn.column("output_tokens")) == {200.0}


def test_targets_tiers_and_shape_may_be_added(tmp_path: Path) -> None:
    """All that a plan asks of a workload, by hand."""
    path = tmp_path / "w.yaml"
    path.write_text(
        "name: night\nrate: 2\nrate_p95: 6\nshape: bursty\ninput_tokens: {mean: 900, p50: 500, p95: 3000}\n"
        "output_tokens: 100\nslo: {ttft_s: 0.5, tpot_s: 0.05}\ntiers: {critical: 0.2, opportunistic: 0.8}\n"
    )
    found = assembly.of_file(path)
    assert found.name == "night"
    assert found.targets == Targets(ttft_s=0.5, tpot_s=0.05)
    assert found.tiers == (("critical", 0.2), ("opportunistic", 0.8))
    assert found.rate_p95_rps == 6


def test_what_was_changed_by_hand_counts(tmp_path: Path) -> None:
    """A fitted workload at twice the rate and half the prompt: its samples follow."""
    found = profile(conversations(), "conversations")
    changed = msgspec.structs.replace(
        found, rate_mean_rps=2 * found.rate_mean_rps, mix=msgspec.structs.replace(
            found.mix, input=msgspec.structs.replace(found.mix.input, mean=found.mix.input.mean / 2)),
    )  # fmt: skip
    path = tmp_path / "w.yaml"
    path.write_text(demand.write(changed))
    drawn = profile(draw(assembly.of_file(path), found.span_s, np.random.default_rng(1)), "b")
    assert drawn.rate_mean_rps == pytest.approx(2 * found.rate_mean_rps, rel=0.03)
    assert drawn.mix.input.mean == pytest.approx(found.mix.input.mean / 2, rel=0.03)
    assert drawn.mix.output.mean == pytest.approx(found.mix.output.mean, rel=0.03)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate: 20\ninput_tokens: 1000\n", "output_tokens"),
        ("rate: -1\ninput_tokens: 1\noutput_tokens: 1\n", "w.yaml:1:7"),
        ("rate: 20\ninput_tokens: 1\noutput_tokens: 1\nrate_p95: 3\n", "`rate_p95` of 3 requests/s is below"),
        ("rate: 20\ninput_tokens: {mean: 9, p50: 9, p95: 3}\noutput_tokens: 1\n", "`p50` of 9 tokens is above"),
        ("rate: 20\ninput_tokens: 1\noutput_tokens: 1\nshape: wild\n", "w.yaml:4:8"),
        ("rate: 20\ninput_tokens: 1\noutput_tokens: 1\ndaily: [1, 2]\n", "2 factors, and a day has 24"),
        ("rate: 20\ninput_tokens: 1\noutput_tokens: 1\ntiers: {critical: 0.5}\n", "sum to 0.5"),
        ("rate: 20\ninput_tokens: 1\noutput_tokens: 1\nslo: {ttft: 1}\n", "ttft_s"),
        ("rate: 1.0e+300\ninput_tokens: 1\noutput_tokens: 1\n", "`rate` must be at most 1"),
        (
            "rate: 20\ninput_tokens: 1.0e+12\noutput_tokens: 1\n",
            "has 1 problem\nw.yaml:2:15: `input_tokens` must be at most",
        ),
        (
            "rate: 20\ninput_tokens: many\noutput_tokens: 1\n",
            "has 1 problem\nw.yaml:2:15: `input_tokens` must be a number",
        ),
        (
            "rate: 20\ninput_tokens: {mean: 9, p50: 9}\noutput_tokens: 1\n",
            "has 1 problem\nw.yaml:2:15: `input_tokens` lacks",
        ),
        ("rps: 20\ninput_tokens: 1\noutput_tokens: 1\n", "rps"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text, words) -> None:
    """File, line, column, the value and a way out."""
    with pytest.raises(ConfigError) as caught:
        demand.load(text, "w.yaml")
    assert words in str(caught.value)
    assert "w.yaml:" in str(caught.value)


def test_editors_get_a_closed_schema() -> None:
    """Every section refuses unknown keys, as the loader does."""
    schema = demand_schema()
    assert all(one["additionalProperties"] is False for one in [schema, *schema["$defs"].values()])
    assert schema["required"] == ["rate", "input_tokens", "output_tokens"]
