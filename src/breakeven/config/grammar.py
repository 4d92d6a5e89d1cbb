"""The grammars as Markdown tables, from the descriptions that editors and errors show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from breakeven.config.demand import DemandSection
from breakeven.config.policy_file import PolicyFile
from breakeven.config.settings import Settings
from breakeven.config.study.file import Conventions, Demand, Rate, StudyFile
from breakeven.config.study.given import Given
from breakeven.config.study.option import Option
from breakeven.config.study.proposal import Proposal, WorkloadFile
from breakeven.config.traffic import Traffic

Model = type[BaseModel]
_OF_A_STUDY: Mapping[Model, str] = {
    Given: "quantity",
    Option: "the option of a study",
    Conventions: "the conventions of a study",
    Demand: "the demand of a study",
    Rate: "exchange rates of a study",
}
"""Sections that are described with the study and only named elsewhere."""
GRAMMARS: Mapping[str, tuple[Model, Mapping[Model, str]]] = {
    "study": (StudyFile, {Given: "quantity"}),
    "quantity": (Given, {}),
    "proposal": (Proposal, _OF_A_STUDY),
    "workload": (WorkloadFile, _OF_A_STUDY),
    "traffic": (Traffic, {}),
    "demand": (DemandSection, {}),
    "policy": (PolicyFile, {}),
    "settings": (Settings, {}),
}
"""The file's own section, and those that it only names."""


def tables(grammar: str) -> str:
    """A table for a file, then one for each section under it, in the order of the fields."""
    model, elsewhere = GRAMMARS[grammar]
    return "\n\n".join(_table(one, elsewhere) for one in _sections(model, elsewhere))


def _sections(model: Model, elsewhere: Mapping[Model, str]) -> list[Model]:
    found = [model]
    for field in model.model_fields.values():
        for one in _below(field.annotation):
            if one not in elsewhere and one not in found:
                found += [section for section in _sections(one, elsewhere) if section not in found]
    return found


def _below(annotation: object) -> Iterator[Model]:
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _below(part)


def _table(model: Model, elsewhere: Mapping[Model, str]) -> str:
    rows = [
        f"| `{field.alias or name}` | {_words(field.annotation, elsewhere)} | {_told(field)} |"
        for name, field in model.model_fields.items()
    ]
    about = " ".join((model.__doc__ or "").split())
    return "\n".join([f"**{_title(model)}.** {about}", "", "| key | value | meaning |", "|---|---|---|", *rows])


def _title(model: Model) -> str:
    """The name of a section without what only Python needs."""
    return model.__name__.removesuffix("Section").removesuffix("Settings") or model.__name__


def _told(field: FieldInfo) -> str:
    needed = " (needed)" if field.is_required() else ""
    return (field.description or "").replace("|", "\\|") + _default(field.default) + needed


def _default(value: Any) -> str:  # noqa: ANN401 - whatever a field falls back on
    """What holds where the file says nothing, where that is a number or a word, several of them, or true."""
    if value is True:
        return "; else true"
    if isinstance(value, tuple) and value and not isinstance(value[0], BaseModel):
        return f"; else `[{', '.join(map(str, value))}]`"
    plain = isinstance(value, str | int | float) and not isinstance(value, bool) and value not in {"", 0}
    return f"; else {f'`{value}`' if isinstance(value, str) else f'{value:g}'}" if plain else ""


def _words(annotation: object, elsewhere: Mapping[Model, str]) -> str:
    """A type as people would say it."""
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in get_args(annotation))
    parts = [_words(part, elsewhere) for part in get_args(annotation) if part is not Ellipsis]
    if origin is tuple:
        return f"list of {parts[0]}" if Ellipsis in get_args(annotation) else f"[{', '.join(parts)}]"
    if origin is dict:
        return f"{parts[1]} by name"
    if origin is Annotated:
        return parts[0]
    return " or ".join(part for part in parts if part) if parts else _named(annotation, elsewhere)


def _named(annotation: object, elsewhere: Mapping[Model, str]) -> str:
    if isinstance(annotation, type) and annotation in elsewhere:
        return elsewhere[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _title(annotation)
    name = getattr(annotation, "__name__", "")
    return _PLAIN.get(name, name)


_PLAIN = {
    "str": "text",
    "float": "number",
    "int": "whole number",
    "bool": "true or false",
    "NoneType": "",
}
