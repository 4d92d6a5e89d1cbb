"""`tracking:` of `policy.yaml`: what events must hold, checked with the position of every fault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, Field

from breakeven.config.field import Section, Text
from breakeven.config.problem import Complaint
from breakeven.config.rule import mapping, unique
from breakeven.config.tree import Value, items
from breakeven.metric.json_schema_faults import faults
from breakeven.schema.outcome import EVENT_TYPES
from breakeven.schema.tracking import EventRule, Need, TrackingPlan, Unknown

OWN = "breakeven."
Schema = Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})]
"""What else is wrong with it, `schema_faults` says."""


class EventSection(Section):
    """What events of one type must hold; one that does not is kept as a bad row, with the reason."""

    type: Annotated[Text, Field(description="a type of ours, or one of your own such as com.shop.cart.v1")]
    requires: Annotated[tuple[Need, ...], Field(description="what the event must state")] = ("identity",)
    sources: Annotated[
        tuple[Text, ...], Field(description="who may send it; `https://shop.example/*` is all that begin so; none: any")
    ] = ()
    data: Annotated[Schema, Field(description="a JSON Schema of its data")] = {}


class TrackingSection(Section):
    """The tracking plan: which events are sound."""

    unknown: Annotated[Unknown, Field(description="what becomes of types that are neither ours nor listed")] = "keep"
    events: Annotated[tuple[EventSection, ...], Field(description="what events of each type must hold")] = ()


def tracking_rules(value: Value) -> Iterator[Complaint]:
    """No type twice, every type of ours known, and every schema one that is checked in full."""
    tracking = mapping(value, "tracking")
    for found in unique(tracking, "events", key="type", what="events"):
        yield msgspec.structs.replace(found, path=("tracking", *found.path))
    for path, entry in items(tracking, "events"):
        at = ("tracking", *path)
        name = entry.get("type")
        if isinstance(name, str) and name.startswith(OWN) and name not in EVENT_TYPES:
            message = f"there is no event type `{name}`"
            yield Complaint(path=(*at, "type"), message=message, hint=f"known are {', '.join(EVENT_TYPES)}")
        yield from _schema_faults(entry, at)


def _schema_faults(entry: dict[str, Value], at: tuple[str | int, ...]) -> Iterator[Complaint]:
    if "data" not in entry:
        return
    if not isinstance(entry["data"], dict):
        yield Complaint(path=(*at, "data"), message="`data` must be a JSON Schema", hint="write {type: object, ...}")
        return
    for fault in faults(entry["data"]):
        place = (*at, "data", *fault.path)
        yield Complaint(path=place, message=fault.message, hint=fault.hint, on_key=fault.on_key)


def plan_of(section: TrackingSection) -> TrackingPlan:
    """The plan with its id, "trk-" and 16 hex digits of the SHA-256 of its canonical JSON; "" for the empty one."""
    plan = TrackingPlan(events=tuple(_rule(one) for one in section.events), unknown=section.unknown)
    if plan == TrackingPlan():
        return plan
    digest = hashlib.sha256(msgspec.json.encode(plan, order="deterministic")).hexdigest()
    return msgspec.structs.replace(plan, id=f"trk-{digest[:16]}")


def _rule(one: EventSection) -> EventRule:
    schema = msgspec.json.encode(one.data, order="deterministic").decode() if one.data else ""
    return EventRule(type=one.type, schema=schema, requires=one.requires, sources=one.sources)
