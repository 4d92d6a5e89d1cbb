"""Units and devices in a fact file: what a figure may be, and what is said where it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from breakeven.catalog.load import load
from breakeven.errors import FactError
from breakeven.schema.placed import Device, Latency, Throughput

UNITS = (
    "id: u, provider: us, kind: provisioned, model: m, valid_from: 2026-11-01, source: our quote of today, "
    "usd_per_hour: 2, capacity: {tokens_per_s: 900, output_weight: 4, minimum_units: 15, step: 5, overflow: an-api}, "
    "latency: {ttft_p50_s: 0.2, ttft_p95_s: 0.5, tpot_p50_s: 0.01, tpot_p95_s: 0.02, source: our own probe, "
    "as_of: 2026-11-09, n: 40}"
)
DEVICES = (
    "id: d, provider: us, kind: edge, model: m, valid_from: 2026-11-01, source: our quote of today, "
    "usd_per_device_month: 0.5, device: {prompt_tokens_per_s: 90, answer_tokens_per_s: 9, devices: 10, share: 0.4, "
    "owned_by: users, electricity: users}"
)


def read(tmp_path: Path, entry: str, **changes: str) -> Path:
    for before, after in changes.items():
        entry = re.sub(rf"{before}: [^,}}]*", f"{before}: {after}" if after else "note: none", entry)
    (tmp_path / "ours.yaml").write_text(f"offers:\n  - {{{entry}}}\n")
    return tmp_path / "ours.yaml"


def test_what_is_stated_is_what_is_known(tmp_path: Path) -> None:
    """Every figure arrives as it was written, and is a fact with a source of its own."""
    catalog = load([read(tmp_path, UNITS)])
    offer = catalog.offer("u", "2026-11-24")
    assert offer.capacity == Throughput(
        tokens_per_s=900.0, output_weight=4.0, minimum_units=15, step=5, overflow="an-api"
    )
    assert offer.latency == Latency(
        ttft_p50_s=0.2, ttft_p95_s=0.5, tpot_p50_s=0.01, tpot_p95_s=0.02, source="our own probe", as_of="2026-11-09",
        n=40,
    )  # fmt: skip
    fact = catalog.fact("offer/u@2026-11-01/latency/ttft_p95_s")
    assert (fact.value, fact.source, fact.as_of, fact.basis) == (0.5, "our own probe", "2026-11-09", "measured")
    assert catalog.fact("offer/u@2026-11-01/capacity/tokens_per_s").unit == "token/s/unit"


def test_devices_are_what_is_stated(tmp_path: Path) -> None:
    """What is left out is what the documentation says it is."""
    device = load([read(tmp_path, DEVICES)]).offer("d", "2026-11-24").device
    assert device == Device(
        prompt_tokens_per_s=90.0, answer_tokens_per_s=9.0, devices=10, share=0.4, owned_by="users", electricity="users"
    )


@pytest.mark.parametrize(
    ("entry", "changes", "said"),
    [
        (UNITS, {"tokens_per_s": "-3"}, "offers/u/capacity/tokens_per_s: -3 token/s lies outside"),
        (UNITS, {"tokens_per_s": "lots"}, "should be a number, got 'lots'"),
        (UNITS, {"tokens_per_s": "9, input_tokens_per_s: 5"}, "in one way, got tokens_per_s, input_tokens_per_s"),
        (UNITS.replace("tokens_per_s: 900, output_weight: 4, ", ""), {}, "stated in one way, got none"),
        (UNITS, {"step": "2.5"}, "step: should be a whole number of units, got 2.5"),
        (UNITS, {"usd_per_hour": "0"}, "offers/u/usd_per_hour: a price must be above 0, got 0"),
        (UNITS, {"ttft_p95_s": "0.1"}, "ttft_p95_s: 0.1 s lies below the median of 0.2 s"),
        (UNITS, {"kind": "api"}, "usd_per_hour: is no price of a api"),
        (UNITS.replace("capacity", "device"), {}, "device: an offer of the kind provisioned has no device"),
        (DEVICES, {"share": "40"}, "offers/d/device/share: 40 share of the requests lies outside"),
        (DEVICES, {"owned_by": "everyone"}, "owned_by: should be ours or users, got 'everyone'"),
        (DEVICES, {"devices": "0"}, "devices: 0 devices lies outside 1"),
        (DEVICES, {"electricity": "ours, busy_w: 3, joules_per_token: 2"}, "busy_w: energy is stated twice"),
        (DEVICES, {"usd_per_device_month": "1, purchase_usd: 90"}, "the devices are the users' own, and one is bought"),
        (DEVICES.replace("answer_tokens_per_s: 9, ", ""), {}, "device/answer_tokens_per_s: no answer_tokens_per_s"),
        (DEVICES.partition(", device")[0], {}, "device: no device: an offer of the kind edge says what it carries"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, entry: str, changes: dict[str, str], said: str) -> None:
    """With file, line, field and value, before anything is computed from it."""
    path = read(tmp_path, entry, **changes)
    with pytest.raises(FactError, match=re.escape(said)) as caught:
        load([path])
    assert str(caught.value).startswith(f"{path}:2:")
