"""What must hold between the keys of `breakeven.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from breakeven.config.problem import Complaint, Path
from breakeven.config.reading import Rule
from breakeven.config.rule import mapping, names, number, reference, unique
from breakeven.config.tree import Value, items

_URL_KINDS = frozenset({"openai", "oip"})
_TOKEN_KEYS = ("input_usd_per_mtok", "cached_input_usd_per_mtok", "output_usd_per_mtok", "request_usd")


def _names_once(value: Value) -> Iterator[Complaint]:
    for section in ("tenants", "backends", "deployments"):
        yield from unique(value, section, what=section)
    yield from unique(value, "tenants", key="key_env", what="tenants")
    yield from _keys_once(value)


def _keys_once(value: Value) -> Iterator[Complaint]:
    """A variable that two scopes share would give the narrow one all that the wide one may."""
    seen = {entry.get("key_env") for _, entry in items(value, "tenants")}
    for path, entry in items(value, "tenants"):
        for at, key in items(entry, "keys"):
            name = key.get("key_env")
            if isinstance(name, str) and name in seen:
                message = f"the variable {name} holds another key already"
                yield Complaint(
                    path=(*path, *at, "key_env"), message=message, hint="give this key a variable of its own"
                )
            seen.add(name)


def _backend_keys(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "backends"):
        kind = entry.get("kind")
        if kind in _URL_KINDS:
            yield from _needs(entry, path, "base_url", kind)
            yield from _refuses(entry, path, "model_path", kind)
            yield from _refuses(entry, path, "batch_curve", kind)
        elif kind == "onnx":
            yield from _needs(entry, path, "model_path", kind)
            yield from _refuses(entry, path, "base_url", kind)
            yield from _refuses(entry, path, "api_key_env", kind)


def _needs(entry: dict[str, Value], path: Path, key: str, kind: Value) -> Iterator[Complaint]:
    if entry.get(key) is None:
        message = f"a backend of kind {kind} lacks the key `{key}`"
        yield Complaint(path=path, message=message, hint=f"add `{key}: ...`")


def _refuses(entry: dict[str, Value], path: Path, key: str, kind: Value) -> Iterator[Complaint]:
    if entry.get(key):
        message = f"a backend of kind {kind} takes no `{key}`"
        yield Complaint(path=(*path, key), message=message, hint="remove the key, or change `kind`", on_key=True)


def _deployment_backends(value: Value) -> Iterator[Complaint]:
    known = names(value, "backends")
    for path, entry in items(value, "deployments"):
        yield from reference(entry.get("backend"), (*path, "backend"), known, what="backend", where="backends")


def _one_price(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "deployments"):
        if entry.get("offer") and "price" in entry:
            message = f"deployment `{entry.get('name')}` has both `offer` and `price`"
            yield Complaint(path=(*path, "price"), message=message, hint="keep one of them", on_key=True)
        if isinstance(entry.get("price"), dict):
            yield from _price_kind(mapping(entry, "price"), (*path, "price"))


def _price_kind(price: dict[str, Value], path: Path) -> Iterator[Complaint]:
    per_token = [key for key in _TOKEN_KEYS if price.get(key) is not None]
    per_hour = price.get("usd_per_hour") is not None
    if per_hour and per_token:
        message = f"`price` has both `usd_per_hour` and `{per_token[0]}`"
        hint = "capacity is paid per hour, an API per token or request: keep one kind"
        yield Complaint(path=(*path, per_token[0]), message=message, hint=hint, on_key=True)
    if not per_hour and not per_token:
        hint = f"add `usd_per_hour` or {', '.join(f'`{key}`' for key in _TOKEN_KEYS)}; without `price` it is unpriced"
        yield Complaint(path=path, message="`price` states no amount", hint=hint, on_key=True)


def _accelerators(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "deployments"):
        if number(entry, "accelerators") == 0 and entry.get("accelerator"):
            message = f"deployment `{entry.get('name')}` has 0 of accelerator `{entry['accelerator']}`"
            hint = "write how many one replica uses"
            yield Complaint(path=(*path, "accelerators"), message=message, hint=hint)


def _instances(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "deployments"):
        prefill, decode = (int(number(entry, f"{side}_instances") or 0) for side in ("prefill", "decode"))
        if not prefill and not decode:
            continue
        key = "decode_instances" if prefill else "prefill_instances"
        if not (prefill and decode):
            message = f"deployment `{entry.get('name')}` has {prefill} prefill and {decode} decode instances"
            yield Complaint(path=path, message=message, hint=f"write `{key}` too, or neither")
            continue
        boards, each = int(number(entry, "accelerators") or 1), prefill + decode
        if not entry.get("accelerator") or boards % each:
            message = f"{each} instances cannot share {boards} accelerators of deployment `{entry.get('name')}` evenly"
            hint = f"name the `accelerator`, and write {each}, {2 * each} or so many `accelerators`"
            yield Complaint(path=path, message=message, hint=hint)


def _ports(value: Value) -> Iterator[Complaint]:
    gateway = mapping(value, "gateway")
    port = number(gateway, "port") or 8080.0
    if number(gateway, "console_port") == port:
        message = f"`console_port` is the gateway's own port {port:.0f}"
        yield Complaint(path=("gateway", "console_port"), message=message, hint=f"write {port + 1:.0f}, or 0 for none")


RULES: tuple[Rule, ...] = (
    _names_once,
    _backend_keys,
    _deployment_backends,
    _one_price,
    _accelerators,
    _instances,
    _ports,
)


def known_use_cases(known: Collection[str]) -> Rule:
    """The rule that tenants are granted use cases there are."""

    def rule(value: Value) -> Iterator[Complaint]:
        for path, entry in items(value, "tenants"):
            granted = entry.get("use_cases")
            for at, name in enumerate(granted if isinstance(granted, tuple) else ()):
                place = (*path, "use_cases", at)
                yield from reference(name, place, known, what="use case", where="policy.yaml")

    return rule
