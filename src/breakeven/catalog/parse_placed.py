"""What an offer of provisioned units, of devices or of a measured API states beside its price, as people write it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.catalog.fields import Measure
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.schema.offer import OfferKind
from breakeven.schema.placed import Device, Latency, Throughput

RATE = Measure("token/s", 1e-3, 1e9)
SECONDS = Measure("s", 1e-6, 3600)
CAPACITY: dict[str, Measure] = {
    "tokens_per_s": RATE,
    "output_weight": Measure("input tokens an output token counts for", 0.01, 1000),
    "input_tokens_per_s": RATE,
    "output_tokens_per_s": RATE,
    "minimum_units": Measure("units", 1, 1e6),
    "step": Measure("units", 1, 1e6),
}
DEVICE: dict[str, Measure] = {
    "prompt_tokens_per_s": RATE,
    "answer_tokens_per_s": RATE,
    "devices": Measure("devices", 1, 1e10),
    "share": Measure("share of the requests", 1e-6, 1),
    "at_once": Measure("requests", 0, 10_000),
    "speed_low": Measure("of the measured speed", 0.01, 1),
    "speed_high": Measure("of the measured speed", 1, 100),
    "joules_per_token": Measure("J/token", 1e-6, 1e5),
    "busy_w": Measure("W", 1e-3, 1e5),
    "idle_w": Measure("W", 0, 1e5),
    "life_months": Measure("months", 1, 600),
}
LATENCY: dict[str, Measure] = {
    "ttft_p50_s": SECONDS, "ttft_p95_s": SECONDS, "tpot_p50_s": SECONDS, "tpot_p95_s": SECONDS,
    "n": Measure("requests", 1, 1e12),
}  # fmt: skip
WHOLE = frozenset({"minimum_units", "step", "devices", "at_once", "life_months", "n"})
NEEDED = {
    "device": ("prompt_tokens_per_s", "answer_tokens_per_s", "devices", "share"),
    "latency": ("ttft_p50_s", "ttft_p95_s", "tpot_p50_s", "tpot_p95_s"),
}
SOLD: dict[str, tuple[OfferKind, ...]] = {
    "capacity": ("provisioned",),
    "device": ("edge",),
    "latency": ("api", "provisioned"),
}
"""Part -> the kinds of offers that have it."""
MUST: dict[OfferKind, str] = {"provisioned": "capacity", "edge": "device"}


def parse_placed(entry: Node, kind: OfferKind, known: Sources) -> dict[str, object]:
    """`capacity`, `device` and `latency` of an offer, as far as its kind has them.

    Raises:
        FactError: a part is of another kind, a figure is missing, impossible or contradicts another.
    """
    for name, kinds in SOLD.items():
        if entry.get(name) is not None and kind not in kinds:
            entry.fail(name, f"an offer of the kind {kind} has no {name}", f"{name} is of {' or '.join(kinds)}")
    if MUST.get(kind) and entry.get(MUST[kind]) is None:
        entry.fail(
            MUST[kind],
            f"no {MUST[kind]}: an offer of the kind {kind} says what it carries",
            f"state {MUST[kind]}: with its rates",
        )
    made = {"capacity": _capacity, "device": _device}
    found: dict[str, object] = {name: make(entry.child(name)) for name, make in made.items() if entry.get(name)}
    device = found.get("device")
    if isinstance(device, Device) and device.owned_by == "users" and entry.get("purchase_usd") is not None:
        problem = f"the devices are the users' own, and one is bought for {entry.get('purchase_usd')}"
        entry.fail("purchase_usd", problem, "leave the price out, or say owned_by: ours")
    if entry.get("latency"):
        found["latency"] = _latency(sourced(entry.child("latency"), known), entry)
    return found


def _numbers(node: Node, table: Mapping[str, Measure]) -> dict[str, float | int]:
    """The stated figures, whole where they count something; those that are needed are there."""
    found: dict[str, float | int] = {}
    for name, measure in table.items():
        value = node.number(name, low=measure.least, high=measure.most, unit=measure.unit)
        if value is None and name in NEEDED.get(node.path.rpartition("/")[2], ()):
            node.fail(name, f"no {name}", f"state it in {measure.unit}, as it was measured")
        if value is not None and name in WHOLE and value != int(value):
            node.fail(name, f"should be a whole number of {measure.unit}, got {value:g}", "count them")
        if value is not None:
            found[name] = int(value) if name in WHOLE else value
    return found


def _capacity(node: Node) -> Throughput:
    node.only((*CAPACITY, "overflow"))
    found = _numbers(node, CAPACITY)
    apart = [name for name in ("input_tokens_per_s", "output_tokens_per_s") if name in found]
    if ("tokens_per_s" in found) == bool(apart) or len(apart) == 1:
        stated = ", ".join(name for name in found if name.endswith("_per_s")) or "none"
        both = "tokens_per_s with output_weight, or input_tokens_per_s and output_tokens_per_s"
        node.fail("tokens_per_s", f"a unit's rate is stated in one way, got {stated}", f"state {both}")
    if apart and "output_weight" in found:
        node.fail("output_weight", "weighs the tokens of tokens_per_s, which is not stated", "leave it out")
    return msgspec.convert({**found, "overflow": node.text("overflow", "")}, Throughput)


def _device(node: Node) -> Device:
    words = ("owned_by", "electricity", "precision", "fallback")
    node.only((*DEVICE, *words))
    found = _numbers(node, DEVICE)
    whose = {name: _whose(node, name) for name in ("owned_by", "electricity")}
    if "joules_per_token" in found and "busy_w" in found:
        node.fail("busy_w", "energy is stated twice, as joules_per_token and as busy_w", "leave one of them out")
    texts = {"precision": node.text("precision", "fp16"), "fallback": node.text("fallback", "")}
    return msgspec.convert({**found, **whose, **texts}, Device)


def _whose(node: Node, name: str) -> str:
    value = node.text(name, "")
    if value not in {"ours", "users"}:
        problem = f"should be ours or users, got {value!r}" if value else f"no {name}"
        node.fail(name, problem, "say who owns the devices, and who pays for their electricity: ours or users")
    return value


def _latency(node: Node, entry: Node) -> Latency:
    """Who measured it and when: its own source and date, else those of the offer."""
    node.only((*LATENCY, "source", "as_of"))
    found = _numbers(node, LATENCY)
    for name in ("ttft", "tpot"):
        low, high = found[f"{name}_p50_s"], found[f"{name}_p95_s"]
        if low > high:
            node.fail(f"{name}_p95_s", f"{high:g} s lies below the median of {low:g} s", "check which is which")
    inherited = node.behind({name: entry.get(name) for name in ("source",) if entry.get(name) is not None})
    as_of = node.date("as_of", default="") or entry.date("valid_from", whole=True)
    return msgspec.convert({**found, "source": inherited.text("source"), "as_of": as_of}, Latency)
