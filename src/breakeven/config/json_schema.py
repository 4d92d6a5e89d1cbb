"""JSON Schemas of the files, so that editors complete and check them while people type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from breakeven.config.demand import DemandSection
from breakeven.config.mapping import LogMapping
from breakeven.config.policy_file import PolicyFile
from breakeven.config.scoring import Scoring
from breakeven.config.settings import Settings
from breakeven.config.study.file import StudyFile
from breakeven.config.study.proposal import Proposal, WorkloadFile
from breakeven.config.traffic import Traffic

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


def study_schema() -> dict[str, Any]:
    """The schema of a TCO study."""
    return _schema(StudyFile, "study.yaml")


def proposal_schema() -> dict[str, Any]:
    """The schema of a vendor's proposal."""
    return _schema(Proposal, "proposal.yaml")


def workload_schema() -> dict[str, Any]:
    """The schema of the workload that proposals are compared on."""
    return _schema(WorkloadFile, "workload.yaml")


def traffic_schema() -> dict[str, Any]:
    """The schema of the workload that `breakeven simulate` draws."""
    return _schema(Traffic, "traffic.yaml")


def demand_schema() -> dict[str, Any]:
    """The schema of the workload that plans, samples and forecasts are made from."""
    return _schema(DemandSection, "workload.yaml")


def scoring_schema() -> dict[str, Any]:
    """The schema of the workload of a classic model, which `breakeven plan --curve` plans for."""
    return _schema(Scoring, "scoring.yaml")


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "settings": settings_schema,
    "policy": policy_schema,
    "mapping": mapping_schema,
    "study": study_schema,
    "proposal": proposal_schema,
    "workload": workload_schema,
    "traffic": traffic_schema,
    "demand": demand_schema,
    "scoring": scoring_schema,
}


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT} | model.model_json_schema() | {"title": title}
