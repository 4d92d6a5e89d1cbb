"""Writing the files: a value as YAML, and a new route put into a policy file without touching the rest."""

from __future__ import annotations

import io
from collections.abc import Sequence

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from breakeven.config import policy_file, splice
from breakeven.config.field import Section
from breakeven.config.policy_file import PolicyFile, RouteSection, TargetSection
from breakeven.config.problem import suggest
from breakeven.config.scalar import scalar
from breakeven.config.splice import Edit
from breakeven.config.tree import compose
from breakeven.errors import PolicyError
from breakeven.schema.policy import RouteTarget


def to_yaml(section: Section) -> str:
    """A section as YAML text; values that equal their default are left out."""
    stream = io.StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump({"version": 1} | section.written(), stream)
    return stream.getvalue()


def set_route(
    policy_yaml_text: str, use_case: str, targets: Sequence[RouteTarget], plan_id: str, *, strategy: str = ""
) -> str:
    """The policy file with new route targets of one use case and a new `plan_id`; all else stays, comments included.

    A `strategy` is set where one is given.

    Raises:
        PolicyError: the file is invalid, has no such use case, or writes its targets in a way that cannot be edited.
    """
    before = policy_file.load(policy_yaml_text)
    wanted = _expected(before, use_case, targets, plan_id, strategy)
    root = compose(policy_yaml_text)
    index = [entry.name for entry in before.use_cases].index(use_case)
    edits = [splice.replace_targets(policy_yaml_text, _targets_node(root, index), targets)]
    edits.append(_set_plan_id(policy_yaml_text, root, plan_id))
    if strategy:
        edits.append(_set_strategy(policy_yaml_text, _route_node(root, index), strategy))
    after = splice.apply(policy_yaml_text, edits)
    if not _same(after, wanted):
        message = f"the targets of use case `{use_case}` are written with an alias or in an unusual form"
        raise PolicyError(message, "write its `route: {targets: [...]}` out and apply the plan again")
    return after


def _same(text: str, wanted: PolicyFile) -> bool:
    try:
        return policy_file.load(text) == wanted
    except PolicyError:
        return False


def _expected(
    before: PolicyFile, use_case: str, targets: Sequence[RouteTarget], plan_id: str, strategy: str
) -> PolicyFile:
    if before.use_case(use_case) is None:
        message = f"the policy has no use case `{use_case}`"
        raise PolicyError(message, suggest(use_case, [entry.name for entry in before.use_cases], kind="it has"))
    if not any(target.weight > 0 for target in targets):
        message = f"the new route of use case `{use_case}` has no target with a weight above 0"
        raise PolicyError(message, "name at least one deployment")
    sections = tuple(
        TargetSection(deployment=target.deployment, weight=float(target.weight), arm=target.arm) for target in targets
    )
    changed = [
        entry.model_copy(update={"route": _route(entry.route, sections, strategy)}) if entry.name == use_case else entry
        for entry in before.use_cases
    ]
    return before.model_copy(update={"use_cases": tuple(changed), "plan_id": plan_id})


def _route(route: RouteSection, targets: tuple[TargetSection, ...], strategy: str) -> RouteSection:
    return route.model_copy(update={"targets": targets, "strategy": strategy or route.strategy})


def _route_node(root: Node | None, index: int) -> Node | None:
    use_cases = _child(root, "use_cases")
    return _child(use_cases.value[index] if isinstance(use_cases, SequenceNode) else None, "route")


def _set_strategy(text: str, route: Node | None, strategy: str) -> Edit:
    """The route's strategy in place of the one it has, or before its first key in the route's own style."""
    node = _child(route, "strategy")
    if node is not None:
        return Edit(start=node.start_mark.index, end=node.end_mark.index, text=scalar(strategy))
    if not isinstance(route, MappingNode) or not route.value:
        message = "the policy's route has no line to put `strategy` on"
        raise PolicyError(message, f"add `strategy: {strategy}` to it")
    first = route.value[0][0].start_mark
    between = ", " if route.flow_style else f"{splice.newline(text)}{' ' * first.column}"
    return Edit(start=first.index, end=first.index, text=f"strategy: {scalar(strategy)}{between}")


def _targets_node(root: Node | None, index: int) -> SequenceNode:
    node = _child(_route_node(root, index), "targets")
    if not isinstance(node, SequenceNode):
        message = "the policy's route has no list of targets"
        raise PolicyError(message)
    return node


def _child(node: Node | None, key: str) -> Node | None:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _set_plan_id(text: str, root: Node | None, plan_id: str) -> Edit:
    value = scalar(plan_id)
    node = _child(root, "plan_id")
    if node is not None:
        return Edit(start=node.start_mark.index, end=node.end_mark.index, text=value)
    if not isinstance(root, MappingNode) or root.flow_style:
        message = "the policy has no line to put `plan_id` on"
        raise PolicyError(message, 'add `plan_id: ""` to it')
    start = root.value[0][0].start_mark.index
    return Edit(start=start, end=start, text=f"plan_id: {value}{splice.newline(text)}")
