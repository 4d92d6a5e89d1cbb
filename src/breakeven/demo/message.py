"""The demo's requests on the wire, and what its answers mean."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import msgspec

from breakeven.demo.logs import CAMPAIGNS, ITEMS, Impression
from breakeven.demo.traffic import Showing, Turn
from breakeven.measure.exchange import Request

_JSON = ("content-type", "application/json")
_COLUMNS = 7


def rank(base_url: str, model: str, showing: Showing) -> Request:
    """Score every item the row's campaign could have shown, for its position and user."""
    row = showing.row
    items = ITEMS[row.campaign]
    tail = ",".join(map(str, (row.position, *row.user)))
    data = ",".join([f"{row.campaign},{item},{tail}" for item in range(items)])
    tensor = f'{{"name":"candidates","shape":[{items},{_COLUMNS}],"datatype":"INT64","data":[{data}]}}'
    who = session(row)
    return Request(
        method="POST",
        url=f"{base_url}/v2/models/{model}/infer",
        headers=(
            _JSON,
            ("x-breakeven-use-case", "homepage"),
            ("x-breakeven-subject", who),
            ("x-breakeven-session", who),
            ("x-breakeven-labels", f"campaign={CAMPAIGNS[row.campaign]}"),
        ),
        body=f'{{"inputs":[{tensor}]}}'.encode(),
        timeout_s=30.0,
    )


def session(row: Impression) -> str:
    """An anonymous session: the log names nobody, so a page view (time, campaign, user features) stands for one."""
    view = f"{row.time_us}|{row.campaign}|{row.user}"
    return hashlib.blake2b(view.encode(), digest_size=8).hexdigest()


class _Tensor(msgspec.Struct):
    name: str
    data: list[float]


class _Scored(msgspec.Struct):
    outputs: list[_Tensor]


_scored = msgspec.json.Decoder(_Scored)


def scores(body: bytes, items: int) -> list[float] | None:
    """The scores of an answer, one per item; None when it holds none."""
    try:
        outputs = _scored.decode(body).outputs
    except msgspec.MsgspecError:
        return None
    return next((tensor.data for tensor in outputs if tensor.name == "score" and len(tensor.data) == items), None)


def chosen(scored: Sequence[float]) -> int:
    """The item to show: the highest score, the first of equals."""
    return max(range(len(scored)), key=lambda item: (scored[item], -item))


def outcomes(row: Impression, item: int) -> tuple[str, ...]:
    """The kinds of events that the log lets us send when `item` is shown for `row`.

    What the user did is known only where the item is the logged one; else it is unobserved by replay, not a miss.
    """
    if item != row.item:
        return ("unobserved",)
    return ("exposure", "click", "conversion") if row.clicked else ("exposure",)


def chat(base_url: str, model: str, turn: Turn) -> Request:
    """A streaming chat completion with the trace's token counts; its text is ours, since the trace has none."""
    body = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": max(1, turn.output_tokens),
        "messages": [{"role": "user", "content": f"Turn {turn.number} of the trace, which holds no text."}],
        "metadata": {
            "emulate_input_tokens": str(turn.input_tokens),
            "emulate_output_tokens": str(max(1, turn.output_tokens)),
        },
    }
    return Request(
        method="POST",
        url=f"{base_url}/v1/chat/completions",
        headers=(
            _JSON,
            ("x-breakeven-use-case", "assistant"),
            ("x-breakeven-subject", f"turn-{turn.number}"),  # the trace names nobody, so each turn is its own subject
        ),
        body=json.dumps(body).encode(),
        timeout_s=120.0,
        stream=True,
    )
