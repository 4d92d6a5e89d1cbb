"""What the gateway says about itself and its models: health, readiness, metadata, metrics."""

from __future__ import annotations

from importlib.metadata import version

import msgspec

from breakeven.errors import BackendError
from breakeven.gateway.backend.port import Piece, Sender
from breakeven.gateway.decision.contract import contract_of
from breakeven.gateway.decision.index import Index, Protocol
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.request import use_case_of
from breakeven.gateway.decision.tenant import tenant_of
from breakeven.gateway.intake import allowed
from breakeven.gateway.runtime import Runtime
from breakeven.schema.policy import PolicyDeployment
from breakeven.wire.http import Headers, HttpRequest, Outgoing

JSON: Headers = [("content-type", "application/json")]

_MODELS_PARTS = 4


class _Listed(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Listed]


def health(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`/healthz`, `/v2/health/live`: the process answers."""
    del runtime, http
    out.reply(200, JSON, b'{"live":true}')


def ready(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`/readyz`, `/v2/health/ready`: traffic may come; 503 with the reason when not."""
    del http
    problem = runtime.ready
    said = {"ready": not problem, "policy": runtime.bundle.index.policy.id} | ({"reason": problem} if problem else {})
    out.reply(503 if problem else 200, JSON, msgspec.json.encode(said))


def metrics(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`/metrics`, in Prometheus' text format."""
    del http
    kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
    out.reply(200, kind, runtime.meters.render())


def server(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`GET /v2`: the server's metadata.

    Raises:
        RequestError: not authenticated.
    """
    tenant_of(runtime.bundle.index, http.header("authorization"))
    said = {"name": "breakeven", "version": version("breakeven"), "extensions": []}
    out.reply(200, JSON, msgspec.json.encode(said))


async def models(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`GET /v1/models`: those of the use cases that the tenant may ask for, and of backends that its own name reaches.

    Raises:
        RequestError: not authenticated.
    """
    index = runtime.bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    names = dict.fromkeys(
        model for one in index.policy.use_cases if index.may(tenant, one.name) for model in one.models
    )
    for deployment in _reachable(index, tenant, "chat"):
        if deployment.model:
            names.setdefault(deployment.model)
        else:
            authorization = "" if index.keys_required else http.header("authorization")
            names.update(await _asked(runtime.bundle.senders[deployment.backend], authorization))
    created = int(runtime.started_s)
    data = [{"id": name, "object": "model", "created": created, "owned_by": "breakeven"} for name in names]
    out.reply(200, JSON, msgspec.json.encode({"object": "list", "data": data}))


async def model(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """`GET /v2/models/{model}[/versions/{version}][/ready]`: what the first deployment of its route says.

    Raises:
        RequestError: not authenticated, not allowed, or no v2 deployment serves the model.
    """
    index = runtime.bundle.index
    tenant = tenant_of(index, http.header("authorization"))
    parts = http.path.split("/")
    use_case = allowed(index, tenant, use_case_of(index, contract_of(http.headers), parts[3]))
    targets = index.targets[use_case.name, "infer"]
    if not targets:
        message = f"the model {parts[3]!r} is served by no v2 or ONNX backend"
        raise RequestError(message, "ask for it at /v1/models", status=404, field="model", kind="model_not_found")
    deployment = index.deployments[targets[0].deployment]
    rest = "/".join(parts[_MODELS_PARTS:])
    path = f"/models/{deployment.model or parts[3]}{'/' + rest if rest else ''}"
    try:
        authorization = "" if index.keys_required else http.header("authorization")
        status, body = await runtime.bundle.senders[deployment.backend].get(path, authorization)
    except BackendError as error:
        raise RequestError(error.message, error.way_out, status=502, kind="unreachable") from error
    out.reply(status, JSON, runtime.bundle.discreet(Piece(data=body)).data)


def _reachable(index: Index, tenant: str, protocol: Protocol) -> list[PolicyDeployment]:
    names = {
        target.deployment: None
        for (use_case, spoken), some in index.targets.items()
        if spoken == protocol and index.may(tenant, use_case)
        for target in some
    }
    return [index.deployments[name] for name in names]


async def _asked(sender: Sender, authorization: str) -> dict[str, None]:
    try:
        _, body = await sender.get("/models", authorization)
        return {one.id: None for one in msgspec.json.decode(body, type=_List).data}
    except (BackendError, msgspec.DecodeError):
        return {}
