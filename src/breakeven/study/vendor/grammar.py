"""The grammars as Markdown tables, from the descriptions that editors and errors show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from breakeven.config.study import proposal


def tables(model: type[BaseModel]) -> str:
    """A table for a section, then one for each section of the same grammar under it, in the order of the fields."""
    return "\n\n".join(_table(one) for one in _sections(model))


def _sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        for one in _below(field.annotation):
            found += [section for section in _sections(one) if section not in found]
    return found


def _below(annotation: object) -> Iterator[type[BaseModel]]:
    """Sections of the proposal's own grammar; a study's are described with the study."""
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, BaseModel) and annotation.__module__ == proposal.__name__:
            yield annotation
        return
    for part in get_args(annotation):
        yield from _below(part)


def _table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{field.alias or name}` | {_kind(field)} | {_told(field)} |" for name, field in model.model_fields.items()
    ]
    about = (model.__doc__ or "").strip()
    return "\n".join([f"**{model.__name__}.** {about}", "", "| key | value | meaning |", "|---|---|---|", *rows])


def _told(field: FieldInfo) -> str:
    needed = " (needed)" if field.is_required() else ""
    return (field.description or "").replace("|", "\\|") + needed


def _kind(field: FieldInfo) -> str:
    return _words(field.annotation)


def _words(annotation: object) -> str:
    """A type as people would say it."""
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in get_args(annotation))
    parts = [_words(part) for part in get_args(annotation) if part is not Ellipsis]
    if origin is tuple:
        return f"list of {parts[0]}"
    if origin is dict:
        return f"{parts[1]} by name"
    if origin is Annotated:
        return parts[0]
    return " or ".join(part for part in parts if part) if parts else _NAMED.get(_name(annotation), _name(annotation))


def _name(annotation: object) -> str:
    return getattr(annotation, "__name__", "")


_NAMED = {
    "str": "text",
    "float": "number",
    "int": "whole number",
    "bool": "true or false",
    "NoneType": "",
    "Given": "quantity",
    "Option": "the option of a study",
    "Conventions": "the conventions of a study",
    "Demand": "the demand of a study",
    "Rate": "exchange rates of a study",
}
