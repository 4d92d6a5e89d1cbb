"""Answers that need no model, and whose fault an error is."""

from __future__ import annotations

import msgspec

from breakeven.gateway.decision.chosen import fallback_action
from breakeven.gateway.decision.event import Source
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.prepared import rule_answer, segment_answer
from breakeven.gateway.decision.request import Request
from breakeven.schema.noun import Noun

_CALLERS_FAULT = frozenset({400, 413, 415, 422})
_KEY_REFUSED = frozenset({401, 403})
_NOT_FOUND = 404
_JSON_ONLY = frozenset({"infer", "embedding"})


class Prepared(Noun, frozen=True, kw_only=True):
    """An answer of the policy, and the step of the failure chain it comes from."""

    source: Source
    text: str


def prepared(step: str, request: Request) -> Prepared | None:
    """What a step of the failure chain answers; None when it has nothing for this request.

    The answer to a decision must be one of its candidates; that to tensors or embeddings must be a JSON object.
    """
    use_case, contract = request.use_case, request.contract
    text: str | None = None
    source: Source = "default"
    if step == "default":
        text = use_case.default_body or None
    elif step == "segment":
        source, text = "segment", segment_answer(use_case.segments, contract)
    elif step == "rules":
        source, text = "rules", rule_answer(use_case.rules, contract)
    if text is not None and request.protocol == "decide":
        decided = fallback_action(text, request.candidates)
        text = None if decided is None else decided.action
    if text is None or (request.protocol in _JSON_ONLY and not _is_object(text)):
        return None
    return Prepared(source=source, text=text)


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def callers_fault(index: Index, deployment: str, http_status: int) -> bool:
    """Whether an error of the backend is the caller's to mend, and no other deployment would do better."""
    if http_status in _CALLERS_FAULT:
        return True
    found = index.deployments[deployment]
    if http_status in _KEY_REFUSED:
        return not index.keys_required and not index.backends[found.backend].api_key_env
    return http_status == _NOT_FOUND and not found.model
