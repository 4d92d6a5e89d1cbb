"""From a whole HTTP request to a well-formed, authenticated prediction request, or a refusal."""

from __future__ import annotations

from hashlib import blake2b, sha256

from msgspec.structs import replace

from breakeven.gateway.backend.port import Call
from breakeven.gateway.decision.body import cache_key
from breakeven.gateway.decision.chat import chat_of
from breakeven.gateway.decision.contract import contract_of
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.infer import infer_of
from breakeven.gateway.decision.request import Request, seed_of, use_case_of
from breakeven.gateway.decision.tenant import tenant_of
from breakeven.gateway.exchange import Exchange
from breakeven.gateway.http import HttpRequest, Outgoing, check_encoding
from breakeven.gateway.runtime import Runtime
from breakeven.schema.policy import UseCase

MAX_PROMPT_BYTES = 64 * 1024


def chat_exchange(runtime: Runtime, http: HttpRequest, out: Outgoing) -> Exchange:
    """An exchange for an OpenAI chat completion.

    Raises:
        RequestError: not authenticated, or not well-formed.
    """
    bundle = runtime.bundle
    index = bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    check_encoding(http)
    chat = chat_of(http.body)
    contract = contract_of(http.headers, user=chat.user, metadata=chat.metadata)
    use_case = use_case_of(index, contract, chat.model)
    draft = Request(
        request_id=runtime.new_id(),
        prediction_ids=(),
        protocol="chat",
        use_case=use_case,
        tenant=tenant,
        contract=contract,
        time_s=http.time_s,
        received_s=http.received_s,
        model=chat.model,
        stream=chat.stream,
        body_bytes=len(http.body),
        features_hash=_hash(http.body),
        prompt=_prompt(use_case, http.body),
    )
    request = _seated(runtime, draft, ())
    call = Call(
        body=http.body,
        client_model=chat.model,
        stream=chat.stream,
        asked_usage=chat.asked_usage,
        authorization=_passed_on(index, http),
        traceparent=http.header("traceparent"),
    )
    return Exchange(runtime, bundle, request, call, out, _cache_key(index, request, http, http.body))


def infer_exchange(runtime: Runtime, http: HttpRequest, out: Outgoing, model: str, version: str) -> Exchange:
    """An exchange for a v2 inference request.

    Raises:
        RequestError: not authenticated, or not well-formed.
    """
    bundle = runtime.bundle
    index = bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    check_encoding(http)
    infer = infer_of(http.body)
    contract = contract_of(http.headers)
    use_case = use_case_of(index, contract, model)
    draft = Request(
        request_id=runtime.new_id(),
        prediction_ids=(),
        protocol="infer",
        use_case=use_case,
        tenant=tenant,
        contract=contract,
        time_s=http.time_s,
        received_s=http.received_s,
        subjects_listed=bool(infer.subjects),
        model=model,
        rows=infer.rows,
        body_bytes=len(http.body),
        features_hash=_hash(http.body),
        prompt=_prompt(use_case, http.body),
    )
    request = _seated(runtime, draft, infer.subjects)
    call = Call(
        body=infer.body,
        client_model=model,
        version=version,
        authorization=_passed_on(index, http),
        traceparent=http.header("traceparent"),
    )
    key = _cache_key(index, request, http, infer.body, model)
    return Exchange(runtime, bundle, request, call, out, key, infer.id)


def _seated(runtime: Runtime, draft: Request, listed: tuple[str, ...]) -> Request:
    """With ids, hashed subjects and the seed of its choice; the subject as it was sent is forgotten here."""
    contract = draft.contract
    said = listed or ((contract.subject,) if contract.subject else ())
    hashed = tuple(runtime.subjects.hashed(draft.tenant, subject) for subject in said)
    kind = "listed" if listed else contract.subject_kind
    return replace(
        draft,
        prediction_ids=tuple(runtime.new_id() for _ in range(max(1, len(listed)))),
        subjects=hashed,
        contract=replace(contract, subject="", subject_kind=kind),
        seed=seed_of(
            draft.use_case,
            subject="" if listed else "".join(hashed),
            session=contract.session,
            request_id=draft.request_id,
        ),
    )


def _passed_on(index: Index, http: HttpRequest) -> str:
    """The client's Authorization, while it is not the key to this gateway."""
    return "" if index.keys_required else http.header("authorization")


def _cache_key(index: Index, request: Request, http: HttpRequest, body: bytes, *parts: str) -> str:
    """The key of the exact cache; "" where the use case keeps nothing. Other credentials never share an answer."""
    use_case = request.use_case
    if use_case.cache_ttl_s <= 0 and "cached" not in use_case.failure:
        return ""
    scope = sha256(_passed_on(index, http).encode()).hexdigest()
    return cache_key(body, request.protocol, use_case.name, scope, *parts)


def _hash(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def _prompt(use_case: UseCase, body: bytes) -> str:
    return body[:MAX_PROMPT_BYTES].decode(errors="replace") if use_case.store_prompts else ""
