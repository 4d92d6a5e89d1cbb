"""From a whole HTTP request to a well-formed, authenticated prediction request, or a refusal."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import Any

from msgspec.structs import replace

from breakeven.gateway.backend.port import Call
from breakeven.gateway.closing import Closing
from breakeven.gateway.decision.asked import Asked, estimated_tokens, worst_tokens
from breakeven.gateway.decision.chat import chat_of
from breakeven.gateway.decision.completion import completion_of
from breakeven.gateway.decision.contract import MAX_LABELS, Contract, contract_of
from breakeven.gateway.decision.decide import decide_of
from breakeven.gateway.decision.embedding import embedding_of
from breakeven.gateway.decision.exact import cacheable
from breakeven.gateway.decision.index import Index, Protocol
from breakeven.gateway.decision.infer import infer_of
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.request import Request, seed_of, use_case_of
from breakeven.gateway.decision.said import said_in
from breakeven.gateway.decision.tenant import tenant_of
from breakeven.gateway.decision.tracking import gap
from breakeven.gateway.exchange import Exchange
from breakeven.gateway.runtime import Runtime
from breakeven.schema.policy import UseCase
from breakeven.wire.http import HttpRequest, Outgoing

MAX_PROMPT_BYTES = 64 * 1024
MAX_KEYED_BYTES = 1024 * 1024
"""Larger requests are not cached: reading them whole would hold up everybody else."""
READERS = {"chat": chat_of, "completion": completion_of, "embedding": embedding_of}
PATHS = {"chat": "/chat/completions", "completion": "/completions", "embedding": "/embeddings"}


def text_exchange(runtime: Runtime, http: HttpRequest, out: Outgoing, protocol: Protocol) -> Exchange:
    """An exchange for one of OpenAI's APIs.

    Raises:
        RequestError: not authenticated, not allowed, or not well-formed.
    """
    bundle = runtime.bundle
    index = bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    check_encoding(http)
    asked = READERS[protocol](http.body)
    contract = contract_of(http.headers, user=asked.user, metadata=asked.metadata)
    use_case = allowed(index, tenant, use_case_of(index, contract, asked.model))
    size = len(http.body)
    bound, output = worst_tokens(asked, size)
    fields = {
        "model": asked.model,
        "stream": asked.stream,
        "asked_usage": asked.asked_usage,
        "input_bound": bound,
        "input_estimate": estimated_tokens(size),
        "output_limit": output,
        "output_field": asked.output_field,
        "choices": asked.choices,
        "prefix": asked.prefix,
        "said": said_in(protocol, http.body) if use_case.name in index.judges else None,
    }
    request = _seated(runtime, http, _Draft(protocol, use_case, tenant, contract, fields))
    key = _cache_key(runtime, request, http, http.body, asked)
    if key:
        request = replace(request, cached=True)
    call = Call(
        body=http.body,
        path=PATHS[protocol],
        client_model=asked.model,
        stream=asked.stream,
        asked_usage=asked.asked_usage,
        authorization=_passed_on(index, http),
        traceparent=http.header("traceparent"),
    )
    return Exchange(runtime, bundle, request, call, out, Closing(runtime, http, request, out, key))


def infer_exchange(runtime: Runtime, http: HttpRequest, out: Outgoing, model: str, version: str) -> Exchange:
    """An exchange for a v2 inference request.

    Raises:
        RequestError: not authenticated, not allowed, or not well-formed.
    """
    bundle = runtime.bundle
    index = bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    check_encoding(http)
    infer = infer_of(http.body)
    contract = contract_of(http.headers)
    use_case = allowed(index, tenant, use_case_of(index, contract, model))
    fields = {"model": model, "rows": infer.rows, "subjects_listed": bool(infer.subjects)}
    request = _seated(runtime, http, _Draft("infer", use_case, tenant, contract, fields), infer.subjects)
    key = _cache_key(runtime, request, http, infer.body, None, model)
    if key:
        request = replace(request, cached=True)
    call = Call(
        body=infer.body,
        client_model=model,
        version=version,
        authorization=_passed_on(index, http),
        traceparent=http.header("traceparent"),
    )
    return Exchange(runtime, bundle, request, call, out, Closing(runtime, http, request, out, key, infer.id))


def decide_exchange(runtime: Runtime, http: HttpRequest, out: Outgoing, name: str) -> Exchange:
    """An exchange for a decision among candidates.

    Raises:
        RequestError: not authenticated, not allowed, or not well-formed; or the use case decides nothing.
    """
    bundle = runtime.bundle
    index = bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    check_encoding(http)
    use_case = allowed(index, tenant, use_case_of(index, Contract(use_case=name), ""))
    if use_case.decision is None:
        message = f"the use case {name!r} has no `decision` section, so it chooses nothing"
        raise RequestError(message, "add one to policy.yaml", status=404, field="use_case", kind="no_decision")
    ask = decide_of(http.body, use_case.decision)
    said = contract_of(http.headers)
    contract = replace(
        said,
        use_case=name,
        subject=ask.subject or said.subject,
        subject_kind="body" if ask.subject else said.subject_kind,
        session=ask.session or said.session,
        labels=_together(said.labels, ask.labels),
    )
    fields = {"rows": len(ask.ids), "candidates": ask.ids, "model": name}
    request = _seated(runtime, http, _Draft("decide", use_case, tenant, contract, fields))
    key = _cache_key(runtime, request, http, ask.tensor_body, None)
    if key:
        request = replace(request, cached=True)
    call = Call(
        body=ask.tensor_body,
        client_model=name,
        authorization=_passed_on(index, http),
        traceparent=http.header("traceparent"),
    )
    return Exchange(runtime, bundle, request, call, out, Closing(runtime, http, request, out, key, ask.id))


def check_encoding(request: HttpRequest) -> None:
    """Refuse what would have to be unpacked.

    Raises:
        RequestError: 415, the body is compressed.
    """
    encoding = request.header("content-encoding")
    if encoding not in {"", "identity"}:
        message = f"content-encoding is {encoding[:40]!r}"
        raise RequestError(message, "send the body as it is", status=415, field="content-encoding")


def _together(said: dict[str, str], more: dict[str, str]) -> dict[str, str]:
    labels = said | more
    if len(labels) > MAX_LABELS:
        message = f"header and body name {len(labels)} labels together"
        raise RequestError(message, f"send at most {MAX_LABELS}", field="labels")
    return labels


class _Draft:
    """What is known of a request before it gets its ids."""

    __slots__ = ("contract", "fields", "protocol", "tenant", "use_case")

    def __init__(
        self, protocol: Protocol, use_case: UseCase, tenant: str, contract: Contract, fields: dict[str, Any]
    ) -> None:
        self.protocol = protocol
        self.use_case = use_case
        self.tenant = tenant
        self.contract = contract
        self.fields = fields


def _seated(runtime: Runtime, http: HttpRequest, draft: _Draft, listed: tuple[str, ...] = ()) -> Request:
    """With ids, hashed subjects and the seed of its choice; the subject as it was sent is forgotten here."""
    contract, use_case, tenant = draft.contract, draft.use_case, draft.tenant
    said = listed or ((contract.subject,) if contract.subject else ())
    hashed = tuple(runtime.subjects.hashed(tenant, subject) for subject in said)
    if said:
        kind = "listed" if listed else contract.subject_kind
        contract = replace(contract, subject="", subject_kind=kind)
    request_id = runtime.new_id()
    return Request(
        request_id=request_id,
        prediction_ids=tuple(runtime.new_id() for _ in listed) or (request_id,),
        protocol=draft.protocol,
        use_case=use_case,
        tenant=tenant,
        contract=contract,
        time_s=http.time_s,
        received_s=http.received_s,
        subjects=hashed,
        seed=seed_of(
            use_case,
            subject="" if listed else "".join(hashed),
            session=contract.session,
            request_id=request_id,
        ),
        body_bytes=len(http.body),
        gap=gap(contract, hashed, use_case, events_ok=runtime.journal.healthy)
        if use_case.on_tracking_incomplete != "serve"
        else "",
        features_hash=blake2b(http.body, digest_size=16).hexdigest(),
        prompt=_prompt(use_case, http.body),
        **draft.fields,
    )


def allowed(index: Index, tenant: str, use_case: UseCase) -> UseCase:
    """The use case, where the tenant may ask for it.

    Raises:
        RequestError: 403, it may not.
    """
    if not index.may(tenant, use_case.name):
        message = f"the tenant {tenant!r} may not ask for the use case {use_case.name!r}"
        raise RequestError(message, "use a key of a tenant that may", status=403, field="use_case", kind="forbidden")
    return use_case


def _passed_on(index: Index, http: HttpRequest) -> str:
    """The client's Authorization, while it is not the key to this gateway."""
    return "" if index.keys_required else http.header("authorization")


def _cache_key(
    runtime: Runtime, request: Request, http: HttpRequest, body: bytes, asked: Asked | None, *parts: str
) -> str:
    """The key of the exact cache; "" where nothing is kept. Other credentials or policies never share an answer."""
    use_case = request.use_case
    if (use_case.cache_ttl_s <= 0 and "cached" not in use_case.failure) or len(body) > MAX_KEYED_BYTES:
        return ""
    if not cacheable(use_case, http.headers, tools=asked is not None and asked.tools):
        return ""
    index = runtime.bundle.index
    passed = _passed_on(index, http)
    scope = sha256(passed.encode()).hexdigest() if passed else ""
    return runtime.keys.key(body, request.protocol, use_case.name, index.policy.id, scope, *parts)


def _prompt(use_case: UseCase, body: bytes) -> str:
    return body[:MAX_PROMPT_BYTES].decode(errors="replace") if use_case.store_prompts else ""
