"""JSON Schemas of the files, so that editors complete and check them while people type."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from breakeven.config.mapping import LogMapping
from breakeven.config.policy_file import PolicyFile
from breakeven.config.settings import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def settings_schema() -> dict[str, Any]:
    """The schema of `breakeven.yaml`."""
    return _schema(Settings, "breakeven.yaml")


def policy_schema() -> dict[str, Any]:
    """The schema of `policy.yaml`."""
    return _schema(PolicyFile, "policy.yaml")


def mapping_schema() -> dict[str, Any]:
    """The schema of the mapping file of `report --from`."""
    return _schema(LogMapping, "mapping.yaml")


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT} | model.model_json_schema() | {"title": title}
