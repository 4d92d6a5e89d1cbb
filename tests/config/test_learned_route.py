"""A learned route in `policy.yaml`: compiled with its weights, or refused by file, field and value."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.assembly import project
from breakeven.config import policy_file, settings
from breakeven.config.compile_router import MOST_BUCKETS, quantile, weights_of
from breakeven.errors import PolicyError
from breakeven.gateway.decision.index import index
from breakeven.metric.routing_pack import unpacked
from breakeven.schema.lever import RouterWeights
from breakeven.schema.policy import Policy

WEIGHTS = RouterWeights(
    strong="gpt-large",
    weak="gpt-small",
    threshold=0.25,
    intercept=0.5,
    idf=(1.0, 2.0, 1.0),
    weights=(0.0, 0.5, 0.0),
    quantiles=(0.0, 0.1, 0.5, 1.0),
)
SETTINGS = """\
version: 1
backends: [{name: up, kind: openai, base_url: http://127.0.0.1:9/v1}]
deployments:
  - {name: large, backend: up, model: gpt-large}
  - {name: tiny, backend: up, model: t, catalog_model: gpt-small}
  - {name: other, backend: up, model: third}
"""
TARGETS = "[{deployment: tiny}, {deployment: large}]"


def written(folder: Path, router: str = "{weights: router.json}", weights: object = WEIGHTS, **route: str) -> Path:
    """Both files and the weights; keyword arguments are further keys of the route."""
    keys = {"strategy": "learned", "targets": TARGETS, **({"router": router} if router else {}), **route}
    body = ", ".join(f"{key}: {value}" for key, value in keys.items())
    (folder / "breakeven.yaml").write_text(SETTINGS)
    (folder / "policy.yaml").write_text(f"version: 1\nuse_cases: [{{name: chat, route: {{{body}}}}}]\n")
    data = weights if isinstance(weights, bytes) else msgspec.json.encode(weights)
    (folder / "router.json").write_bytes(data)
    return folder / "breakeven.yaml"


def compiled(path: Path) -> Policy:
    return project.load(path).policy()


def test_a_policy_round_trips_with_its_weights(tmp_path: Path) -> None:
    """Compiled twice it is the same; through JSON it is the same; the weights come out as they went in."""
    path = written(tmp_path)
    policy = compiled(path)
    assert policy == compiled(path) == msgspec.json.decode(msgspec.json.encode(policy), type=Policy)
    router = policy.use_cases[0].route.router
    assert (router.strong, router.weak, router.threshold) == (("large",), ("tiny",), 0.25)
    bare = msgspec.structs.replace(WEIGHTS, quantiles=())
    assert unpacked(router.packed, strong="gpt-large", weak="gpt-small", threshold=0.25) == bare
    assert index(policy).judges["chat"].strong == {"large"}


def test_other_weights_are_another_policy(tmp_path: Path) -> None:
    """Its id tells which weights decided; a policy without a router has no field for one, and keeps its id."""
    first = compiled(written(tmp_path))
    second = compiled(written(tmp_path, weights=msgspec.structs.replace(WEIGHTS, intercept=0.6)))
    assert first.id != second.id
    assert b'"router"' not in msgspec.json.encode(compiled(written(tmp_path, router="", strategy="fixed")))


def test_the_watch_sees_new_weights(tmp_path: Path) -> None:
    """The stamp of a project changes with the weights that its policy names."""
    loaded = project.load(written(tmp_path))
    before = loaded.stamp()
    (tmp_path / "router.json").unlink()
    assert loaded.stamp() != before


@pytest.mark.parametrize(
    ("router", "threshold"),
    [
        ("{weights: router.json}", 0.25),
        ("{weights: router.json, threshold: -1.5}", -1.5),
        ("{weights: router.json, strong_share: 0.5}", 0.3),
        ("{weights: ./router.json, strong: [large], weak: [tiny]}", 0.25),
    ],
)
def test_a_threshold_is_stated_or_tested_or_a_share_s(router: str, threshold: float, tmp_path: Path) -> None:
    """Half of the calibration sample scores at least the median of its quantiles, here between 0.1 and 0.5."""
    assert compiled(written(tmp_path, router)).use_cases[0].route.router.threshold == pytest.approx(threshold)


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_for_the_weak_is_a_higher_threshold(scores: list[float], one: float, other: float) -> None:
    """Quantiles ascend, from the least score to the greatest."""
    known = tuple(sorted(scores))
    low, high = (quantile(known, share, "w") for share in sorted((one, other)))
    assert known[0] - 1e-9 <= low <= high + 1e-9 <= known[-1] + 2e-9


def changed(**fields: object) -> object:
    return {**msgspec.to_builtins(WEIGHTS), **fields}


WRONG_WEIGHTS = [
    (b"", ("router.json holds no router's weights",)),
    (b"{}", ("router.json holds no router's weights", "strong")),
    (b"\xff\xfe", ("router.json holds no router's weights",)),
    (changed(idf=[1.0, "x", 1.0]), ("router.json", "$.idf[1]")),
    (changed(weights=[0.0, 0.5]), ("`weights` is 2 numbers", "`idf` has 3")),
    (changed(idf=[], weights=[]), ("`idf` is 0 numbers",)),
    (changed(idf=[1.0] * (MOST_BUCKETS + 1)), ("`idf` is 262145 numbers",)),
    (changed(weights=[0.0, 1e9, 0.0]), ("`weights[1]` is 1000000000.0",)),
    (changed(intercept=-1e300), ("`intercept` is -1e+300",)),
    (changed(threshold=1e7), ("`threshold` is 10000000.0",)),
    (changed(quantiles=[1.0, 0.0]), ("`quantiles` is out of order",)),
    (changed(version=2), ("`version` is 2", "1 is known")),
    (changed(threshold=None), ("`threshold` is null", "strong_share")),
]


@pytest.mark.parametrize(("weights", "told"), WRONG_WEIGHTS)
def test_wrong_weights_are_refused_by_field_and_value(weights: object, told: tuple[str, ...], tmp_path: Path) -> None:
    """With the file's name and a way out; nothing is installed."""
    with pytest.raises(PolicyError) as caught:
        compiled(written(tmp_path, weights=weights))
    for part in told:
        assert part in str(caught.value)
    assert "router.json" in str(caught.value)
    assert caught.value.way_out


def test_infinite_weights_are_refused(tmp_path: Path) -> None:
    """JSON has no infinity, but a number too large for a float would become one."""
    text = msgspec.json.encode(WEIGHTS).replace(b"0.5", b"1e999")
    with pytest.raises(PolicyError, match=r"router\.json"):
        compiled(written(tmp_path, weights=text))


@given(st.binary(max_size=80))
def test_any_bytes_are_weights_or_refused(data: bytes) -> None:
    """Nothing else comes of them."""
    with pytest.raises(PolicyError, match="w holds no router's weights"):
        weights_of(data, "w")


@pytest.mark.parametrize(
    ("router", "route", "told"),
    [
        ("", {}, ("policy.yaml:2", "has no `router`")),
        ("{weights: router.json}", {"strategy": "fixed"}, ("`fixed`, which obeys no `router`",)),
        ("{weights: ../router.json}", {}, ("`../router.json`, which is not beside the policy",)),
        ("{weights: /tmp/router.json}", {}, ("`/tmp/router.json`",)),
        ("{weights: router.json, threshold: 0.1, strong_share: 0.5}", {}, ("keep one of them",)),
        ("{weights: router.json, strong_share: 1}", {}, ("strong_share", "less than 1")),
        ("{weights: router.json, threshold: .nan}", {}, ("threshold",)),
        ("{weights: router.json, strong: [larg]}", {}, ("unknown target `larg`", "did you mean `large`?")),
        ("{weights: router.json, strong: [large], weak: [large]}", {}, ("`large` is strong and weak",)),
        ("{weights: none.json}", {}, ("none.json cannot be read: No such file", "breakeven lever router")),
        ("{weights: router.json}", {"targets": "[{deployment: large}, {deployment: tiny}, {deployment: other}]"},
         ("use case `chat`", "strong `gpt-large`", "weak `gpt-small`", "target `other` is neither")),
        ("{weights: router.json}", {"targets": "[{deployment: large}]"}, ("no target is weak",)),
        ("{weights: router.json, strong: [tiny]}", {}, ("target `large` is neither",)),
    ],
)  # fmt: skip
def test_a_route_that_cannot_be_learned_is_refused(
    router: str, route: dict[str, str], told: tuple[str, ...], tmp_path: Path
) -> None:
    """By file, field and value, with a way out."""
    with pytest.raises(PolicyError) as caught:
        compiled(written(tmp_path, router, **route))
    for part in told:
        assert part in str(caught.value)


def test_editors_complain_without_the_weights() -> None:
    """The rules of the file alone need no other file."""
    text = "version: 1\nuse_cases: [{name: chat, route: {strategy: learned, targets: [{deployment: large}]}}]\n"
    assert [one.message for one in policy_file.problems(text, beside=settings.load(SETTINGS))] == [
        "the route of use case `chat` is learned, and has no `router`"
    ]
