"""A plan changes the route it decided on and not one character more."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.config import policy_file
from breakeven.config.render import set_route
from breakeven.errors import PolicyError
from breakeven.schema.policy import RouteTarget

POLICY = """\
# Who may change this: the growth team.
version: 1
plan_id: ""     # set by apply

default_use_case: assistant
use_cases:
  - name:   assistant     # odd spacing stays
    route:
      targets:            # see decision 12
        # the owned box
        - {deployment: h100, weight: 1, arm: control}   # 24/7
        # rented
        - deployment: l40s   # spot
          # never more than half
          weight: 0.5

        # to be removed
        - deployment: old
          weight: 0.1
      strategy: weighted   # after the targets
    latency: { budget_ms: 3e4 }

  # second
  - {name: homepage, route: {targets: [{deployment: ranker, weight: 1}], sticky: true}, tier: 'critical'}   # flow
"""

SPLIT = (RouteTarget(deployment="l40s", weight=0.9, arm="treatment"), RouteTarget(deployment="h100", weight=0.1))


AFTER = """\
# Who may change this: the growth team.
version: 1
plan_id: plan-7     # set by apply

default_use_case: assistant
use_cases:
  - name:   assistant     # odd spacing stays
    route:
      targets:            # see decision 12
        # to be removed
        # rented
        # never more than half
        - {deployment: l40s, weight: 0.9, arm: treatment}  # spot
        # the owned box
        - {deployment: h100, weight: 0.1}  # 24/7
        - {deployment: api, weight: 2}
      strategy: weighted   # after the targets
    latency: { budget_ms: 3e4 }

  # second
  - {name: homepage, route: {targets: [{deployment: ranker, weight: 1}], sticky: true}, tier: 'critical'}   # flow
"""


def changes(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[:2] not in {"--", "++", "@@"}]


def test_block_style_keeps_everything_else() -> None:
    """Only targets and plan id differ; comments go with their target, those of a dropped one stay."""
    after = set_route(POLICY, "assistant", [*SPLIT, RouteTarget(deployment="api", weight=2)], "plan-7")
    assert after == AFTER


def test_flow_style_stays_in_flow_style() -> None:
    """A route written in one line stays in that line."""
    after = set_route(POLICY, "homepage", SPLIT, "plan-7")
    assert changes(POLICY, after)[2:] == [
        f"{sign}  - {{name: homepage, route: {{targets: [{targets}], sticky: true}}, tier: 'critical'}}   # flow"
        for sign, targets in (
            ("-", "{deployment: ranker, weight: 1}"),
            ("+", "{deployment: l40s, weight: 0.9, arm: treatment}, {deployment: h100, weight: 0.1}"),
        )
    ]


def test_comments_inside_a_flow_list_survive() -> None:
    """A flow list over several lines keeps its comments and becomes one target per line."""
    text = """\
use_cases:
  - name: a
    route:
      targets: [   # both halls
        {deployment: x},   # hall 1
        {deployment: y}]
    tier: critical
"""
    assert (
        set_route(text, "a", SPLIT, "p")
        == """\
plan_id: p
use_cases:
  - name: a
    route:
      targets: [
        # both halls
        # hall 1
        {deployment: l40s, weight: 0.9, arm: treatment},
        {deployment: h100, weight: 0.1},
      ]
    tier: critical
"""
    )


def test_a_missing_plan_id_is_added_on_top() -> None:
    """A file without `plan_id` gets the line; comments above the first key stay above it."""
    text = "# mine\n\nuse_cases:\n- name: a\n  route:\n    targets:\n    - deployment: x"
    assert set_route(text, "a", SPLIT[1:], "p") == (
        "# mine\n\nplan_id: p\nuse_cases:\n- name: a\n  route:\n    targets:\n    - {deployment: h100, weight: 0.1}"
    )


def test_windows_line_ends_stay() -> None:
    """The file keeps the line ends it has."""
    after = set_route(POLICY.replace("\n", "\r\n"), "assistant", SPLIT, "plan-7")
    assert after.replace("\r\n", "\n") == set_route(POLICY, "assistant", SPLIT, "plan-7")
    assert after.count("\n") == after.count("\r\n")


def test_applying_twice_changes_nothing_more() -> None:
    """The second application of the same plan is no edit."""
    once = set_route(POLICY, "assistant", SPLIT, "plan-7")
    assert set_route(once, "assistant", SPLIT, "plan-7") == once


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True) | st.sampled_from(["no", "1e3", "h100"])
new_targets = st.lists(
    st.builds(RouteTarget, deployment=names, weight=st.floats(1e-9, 1e9), arm=st.just("") | names),
    min_size=1,
    max_size=5,
    unique_by=lambda target: target.deployment,
)


@given(st.sampled_from(["assistant", "homepage"]), new_targets, st.text(max_size=30))
def test_the_new_file_means_the_old_one_with_the_new_route(
    use_case: str, targets: list[RouteTarget], plan_id: str
) -> None:
    """For any targets: the route is theirs, all else means what it meant, and no comment is lost."""
    after = set_route(POLICY, use_case, targets, plan_id)
    old, new = policy_file.load(POLICY), policy_file.load(after)
    found = new.use_case(use_case)
    assert found is not None
    assert [(target.deployment, target.weight, target.arm) for target in found.route.targets] == [
        (target.deployment, target.weight, target.arm) for target in targets
    ]
    assert new.plan_id == plan_id
    blank = {"targets": ()}
    for before, now in zip(old.use_cases, new.use_cases, strict=True):
        same_route = before.route.model_copy(update=blank) == now.route.model_copy(update=blank)
        assert same_route
        assert before.model_copy(update={"route": None}) == now.model_copy(update={"route": None})
    for line in POLICY.splitlines():
        if "#" in line:
            assert line[line.index("#") :] in after


@pytest.mark.parametrize(
    ("text", "use_case", "targets", "message"),
    [
        (POLICY, "asistant", SPLIT, "no use case `asistant`"),
        (POLICY, "assistant", (), "no target with a weight above 0"),
        (POLICY, "assistant", (RouteTarget(deployment="a", weight=0.0),), "no target with a weight above 0"),
        ("use_cases: 3", "a", SPLIT, "must be a list"),
        ("{use_cases: [{name: a, route: {targets: [{deployment: d}]}}]}", "a", SPLIT, "no line to put `plan_id` on"),
    ],
)
def test_what_cannot_be_edited_is_refused(
    text: str, use_case: str, targets: tuple[RouteTarget, ...], message: str
) -> None:
    """No half-edited policy: the error says why and the text is not touched."""
    with pytest.raises(PolicyError, match=message):
        set_route(text, use_case, targets, "p")


def test_targets_by_alias_are_refused() -> None:
    """Two use cases that share one list cannot be told apart, so that aliases are not read in the first place."""
    text = """\
plan_id: ""
use_cases:
  - {name: a, route: {targets: &both [{deployment: x}]}}
  - {name: b, route: {targets: *both}}
"""
    with pytest.raises(PolicyError, match=r"policy.yaml:4:32: an alias \(`\*both`\) is not read here"):
        set_route(text, "a", SPLIT, "p")
