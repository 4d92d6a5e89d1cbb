"""How a fleet serves, from options as the command line names them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from breakeven.assembly.deploying import Kind
from breakeven.errors import UsageError
from breakeven.perf import memory
from breakeven.schema.serving import Admission, Autoscale, Outage, Serving, Speculation, Split

NETWORK_BYTES_S = 5e10
"""What the cache of a prompt travels at between servers, per accelerator: 400 Gbit/s. Assumed."""

T = TypeVar("T")


def serving(given: Mapping[str, Any], of: Kind, tp: int, pp: int) -> Serving:
    """The serving that options describe; those absent or None keep the defaults of `Serving`.

    Raises:
        UsageError: one cannot be read; the message says how it is written.
    """
    stated = {
        name: given[name]
        for name in ("max_batch_tokens", "block_tokens", "growth", "routing", "swap_s_per_token", "chunked", "seed")
        if given.get(name) is not None
    }
    parts = {
        **_cache(given.get("prefix_cache")),
        "speculation": _of(given.get("speculate"), _speculation),
        "split": _of(given.get("split"), lambda text: _split(text, of, tp, pp)),
        "autoscale": _of(given.get("autoscale"), _autoscale),
        "admission": _admission(given),
        "outages": tuple(_outage(text) for text in given.get("outage") or ()),
    }
    return Serving(**stated, **{name: value for name, value in parts.items() if value is not None})


def _of(text: str | None, read: Callable[[str], T]) -> T | None:
    return None if text is None else read(text)


def _cache(text: str | None) -> dict[str, Any]:
    if text in {None, "off"}:
        return {}
    if text == "blocks":
        return {"prefix_cache": "blocks"}
    (share,) = _numbers(str(text), 1, "--prefix-cache", "off, blocks (hashes of the trace) or a chance such as 0.4")
    if not 0 <= share <= 1:
        message = f"--prefix-cache {text} is no chance"
        raise UsageError(message, "write it from 0 to 1")
    return {"prefix_cache": "chance", "hit_probability": share}


def _speculation(text: str) -> Speculation:
    drafts, accepted, draft_ms = _numbers(text, 2, "--speculate", "TOKENS:ACCEPTANCE[:DRAFT_MS], such as 3:0.7:1", 3)
    return Speculation(
        draft_tokens=_whole(drafts, "--speculate", text), acceptance=accepted, draft_s=(draft_ms or 0.0) / 1e3
    )


def _split(text: str, of: Kind, tp: int, pp: int) -> Split:
    """Each board sends its part of the cache, all at once."""
    replicas, gigabytes = _numbers(text, 1, "--split", "PREFILL_REPLICAS[:GB_PER_S], such as 2:50", 2)
    rate = NETWORK_BYTES_S if gigabytes is None else gigabytes * 1e9
    if rate <= 0:
        message = f"--split {text}: a cache cannot travel at {gigabytes:g} GB/s"
        raise UsageError(message, "write the rate per accelerator, such as 50")
    each = memory.cache_bytes(of.model, of.precision, of.engine, tp)
    return Split(
        prefill_replicas=_whole(replicas, "--split", text), transfer_s_per_token=(each.full + each.window) / pp / rate
    )


def _autoscale(text: str) -> Autoscale:
    shown = "LEAST:MOST:IN_FLIGHT[:COLD_START_S], such as 1:8:32:60"
    least, most, target, cold = _numbers(text, 3, "--autoscale", shown, 4)
    if target <= 0:
        message = f"--autoscale {text}: a replica for every {target:g} requests in flight cannot be had"
        raise UsageError(message, "write how many requests in flight one replica is for, 32 say")
    found = Autoscale(
        target_in_flight=target, least=_whole(least, "--autoscale", text), most=_whole(most, "--autoscale", text)
    )
    return found if cold is None else msgspec.structs.replace(found, cold_start_s=cold)


def _admission(given: Mapping[str, Any]) -> Admission | None:
    ttft, tpot = given.get("admit_ttft"), given.get("admit_tpot")
    if ttft is None and tpot is None:
        return None
    return Admission(ttft_s=math.inf if ttft is None else ttft, tpot_s=math.inf if tpot is None else tpot)


def _outage(text: str) -> Outage:
    replica, down, up = _numbers(text, 2, "--outage", "REPLICA:DOWN_S[:UP_S], such as 0:600:660", 3)
    return Outage(replica=_whole(replica, "--outage", text), down_s=down, up_s=math.inf if up is None else up)


def _numbers(text: str, least: int, option: str, shown: str, most: int | None = None) -> list[Any]:
    """The numbers between colons, None for those left out at the end."""
    most = least if most is None else most
    try:
        found: list[float | None] = [float(part) for part in text.split(":")]
    except ValueError:
        found = []
    if not least <= len(found) <= most or any(value is not None and not 0 <= value < math.inf for value in found):
        message = f"{option} {text!r} cannot be read"
        raise UsageError(message, f"write it as {shown}; no number is negative")
    return found + [None] * (most - len(found))


def _whole(value: float, option: str, text: str) -> int:
    if value != round(value):
        message = f"{option} {text}: {value:g} is no whole number"
        raise UsageError(message, f"write {math.floor(value)} or {math.ceil(value)}")
    return round(value)
