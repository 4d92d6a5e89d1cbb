"""The lock's drill section: bounded, one a deployment, never in the policy's id, and never lost by accident."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from breakeven.app import drill as app
from breakeven.assembly import drilling, files
from breakeven.config.compile import identified
from breakeven.errors import ConfigError, UsageError
from breakeven.schema.policy import Backend, Drill, Policy, PolicyDeployment, Route, RouteTarget, UseCase


def policy(**changes: object) -> Policy:
    first = Policy(
        id="",
        use_cases=(UseCase(name="chat", route=Route(strategy="fixed", targets=(RouteTarget(deployment="first"),))),),
        deployments=(PolicyDeployment(name="first", backend="one"), PolicyDeployment(name="second", backend="one")),
        backends=(Backend(name="one", kind="openai", base_url="http://127.0.0.1:9/v1"),),
    )
    return identified(replace(first, **changes))


def drill(deployment: str = "first", *, at_s: float | None = None, for_s: float = 60.0) -> Drill:
    began = time.time() if at_s is None else at_s
    return Drill(id=f"d-{deployment}-{began}", deployment=deployment, fault="fail", from_s=began, until_s=began + for_s)


def in_lock(folder: Path) -> tuple[str, ...]:
    found = files.current_policy(folder)
    assert found is not None
    return tuple(one.id for one in found.drills)


def test_a_drill_changes_nothing_else(tmp_path: Path) -> None:
    """Beginning and ending one leaves the policy's id and its bytes as they were."""
    files.install(policy(), tmp_path)
    before = (tmp_path / files.LOCK).read_bytes()
    made = drill()
    drilling.begin(tmp_path, made)
    assert in_lock(tmp_path) == (made.id,)
    found = files.current_policy(tmp_path)
    assert found is not None
    assert found.id == identified(found).id == policy().id
    assert drilling.end(tmp_path, [made.id]) == (made,)
    assert (tmp_path / files.LOCK).read_bytes() == before
    assert drilling.end(tmp_path, [made.id]) == ()


def test_a_new_policy_keeps_what_is_on_and_drops_what_is_over(tmp_path: Path) -> None:
    """A change of the YAML neither ends a drill nor revives one; a deployment that goes takes its drill with it."""
    files.install(policy(), tmp_path)
    over, going, stays = drill(at_s=time.time() - 100, for_s=50), drill("first"), drill("second")
    files.write_lock(policy(), (over, going, stays), tmp_path)
    files.install(policy(max_body_bytes=9), tmp_path)
    assert in_lock(tmp_path) == (going.id, stays.id)
    files.install(policy(deployments=(PolicyDeployment(name="second", backend="one"),)), tmp_path)
    assert in_lock(tmp_path) == (stays.id,)
    kept = [files.read_policy(path).drills for path in (tmp_path / "policies").glob("*.json")]
    assert kept == [(), (), ()], "history holds policies, not drills"


def test_drills_of_two_deployments_end_apart(tmp_path: Path) -> None:
    """Cancelling names a deployment, or ends all."""
    files.install(policy(), tmp_path)
    first, second = drill("first"), drill("second")
    for one in (first, second):
        drilling.begin(tmp_path, one)
    assert app.cancel(tmp_path, "first") == (first,)
    assert in_lock(tmp_path) == (second.id,)
    assert app.cancel(tmp_path) == (second,)
    assert app.cancel(tmp_path) == ()


def test_a_deployment_has_one_drill_at_a_time(tmp_path: Path) -> None:
    """Two faults at once could not be told apart; one that is over is no hindrance."""
    files.install(policy(), tmp_path)
    files.write_lock(policy(), (drill(at_s=time.time() - 100, for_s=50),), tmp_path)
    drilling.begin(tmp_path, drill())
    with pytest.raises(UsageError, match="has a drill already"):
        drilling.begin(tmp_path, drill())


def test_what_cannot_be_meant_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """An unknown deployment, no policy, no gateway."""
    with pytest.raises(ConfigError, match=r"policy\.lock\.json"):
        app.run(tmp_path, drill())
    files.install(policy(), tmp_path)
    with pytest.raises(UsageError, match="did you mean first"):
        app.run(tmp_path, drill("frist"))
    with pytest.raises(UsageError, match="no gateway runs"):
        app.run(tmp_path, drill())
    assert in_lock(tmp_path) == ()


@pytest.mark.parametrize("kind", ["oip", "onnx"])
def test_only_chats_are_sent(tmp_path: Path, kind: str) -> None:
    """Tensors have no request that fits every model."""
    files.install(policy(backends=(Backend(name="one", kind=kind),)), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"of kind {kind}"):
        app.run(tmp_path, drill(), app.Load(requests=3))


@given(st.floats(0, 1e6), st.booleans())
def test_a_drill_is_bounded(for_s: float, slow: bool) -> None:
    """From a second to a quarter of an hour; nothing else becomes a drill."""
    fault = "slow" if slow else "absent"
    if drilling.SHORTEST_S <= for_s <= drilling.LONGEST_S - 1e-3:
        made = app.plan("first", fault, for_s=for_s)  # type: ignore[arg-type]
        assert made.until_s - made.from_s == pytest.approx(for_s, abs=1e-5)
    elif not drilling.SHORTEST_S - 1e-3 <= for_s <= drilling.LONGEST_S + 1e-3:
        with pytest.raises(UsageError, match="15 min at most"):
            app.plan("first", fault, for_s=for_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("2m", 120), ("1.5min", 90), ("7", 7)])
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """Milliseconds, seconds, minutes; a bare number is seconds."""
    assert app.seconds(text, "--for") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-3s", "1h", "nan", "1e3s", "3 s s"])
def test_other_times_are_refused(text: str) -> None:
    """With the option's name and how to write it."""
    with pytest.raises(UsageError, match="--for"):
        app.seconds(text, "--for")
