"""A well-formed, authenticated request: from here on it is one prediction (or N) and leaves exactly one record each."""

from __future__ import annotations

from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.index import Index, Protocol
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.route import sticky_seed
from breakeven.gateway.decision.tracking import Gap
from breakeven.schema.noun import Noun
from breakeven.schema.policy import UseCase

BEFORE = "capture"
"""The one stage outside that comes before the gateway: catching the event that asks for a prediction."""


class Request(Noun, frozen=True, kw_only=True):
    """All that a decision needs. Subjects are keyed hashes; `received_s` is monotonic, `time_s` wall time.

    `prediction_ids` has one id, or one per subject that the body listed; `subjects` is empty or as long. `input_bound`
    and `input_estimate` are tokens: what the input can never exceed, and what it likely is. `output_limit` is what the
    request itself allows to be generated, over all choices, None where it states nothing; `output_field` is where it
    would. `prefix` is the beginning of the prompt. `cached`: its answer may be kept. `candidates` are a decision's.
    `gap` is why it cannot be measured downstream ("" when it can). `said` is what a learned router scores, None where
    there is no text or no such router; unlike `prompt` it is never recorded.
    """

    request_id: str
    prediction_ids: tuple[str, ...]
    protocol: Protocol
    use_case: UseCase
    tenant: str
    contract: Contract
    time_s: float
    received_s: float
    subjects: tuple[str, ...] = ()
    subjects_listed: bool = False
    seed: int = 0
    model: str = ""
    stream: bool = False
    asked_usage: bool = False
    rows: int = 0
    body_bytes: int = 0
    input_bound: int = 0
    input_estimate: int = 0
    output_limit: int | None = None
    output_field: str = "max_tokens"
    choices: int = 1
    prefix: bytes = b""
    cached: bool = False
    candidates: tuple[str, ...] = ()
    gap: Gap = ""
    features_hash: str = ""
    prompt: str = ""
    said: str | None = None

    @property
    def budget_s(self) -> float | None:
        """The gateway's part of the smaller of the use case's budget and the deadline that the request carries.

        The use case's budget spans the whole path, so the slots of all stages outside are not the gateway's; a deadline
        is what is left at receipt, so that what was captured before is spent already.
        """
        budget_s, deadline_s = self.use_case.budget_s, self.contract.deadline_s
        if self.use_case.client_stages:
            budget_s = None if budget_s is None else max(0.0, budget_s - _slots_s(self.use_case))
            deadline_s = None if deadline_s is None else max(0.0, deadline_s - _slots_s(self.use_case, BEFORE))
        if budget_s is None or deadline_s is None:
            return deadline_s if budget_s is None else budget_s
        return min(budget_s, deadline_s)


def _slots_s(use_case: UseCase, without: str = "") -> float:
    return sum(use_case.stages.get(stage, 0.0) for stage in use_case.client_stages if stage != without)


def use_case_of(index: Index, contract: Contract, model: str) -> UseCase:
    """The use case by header, else by model name, else the policy's default.

    Raises:
        RequestError: the named use case is unknown (400), or none is named and nothing serves the model (404).
    """
    if contract.use_case:
        named = index.use_cases.get(contract.use_case)
        if named is None:
            message = f"x-breakeven-use-case is {contract.use_case!r}, which the policy does not know"
            way_out = f"use one of {', '.join(sorted(index.use_cases))}"
            raise RequestError(message, way_out, field="x-breakeven-use-case", kind="unknown_use_case")
        return named
    name = index.use_case_of_model.get(model) or index.policy.default_use_case
    if not name:
        message = f"the model {model!r} belongs to no use case, and the policy has no default_use_case"
        way_out = f"use one of {', '.join(sorted(index.use_case_of_model)) or 'the models in the policy'}"
        raise RequestError(message, way_out, status=404, field="model", kind="model_not_found")
    return index.use_cases[name]


def seed_of(use_case: UseCase, *, subject: str, session: str, request_id: str) -> int:
    """The seed of the choice: a sticky route hashes the subject, else the session, else the request."""
    key = (subject or session or request_id) if use_case.route.sticky else request_id
    return sticky_seed(use_case.name, key)
