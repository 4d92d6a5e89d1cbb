"""Questions about how a replica serves: bits, drafts, experts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from breakeven.config.field import Count, Section, Text
from breakeven.config.lever.span import Amount, Positive, Share


class Serving(Section):
    """The replica that levers of serving are about."""

    model: Annotated[Text, Field(description="of the catalog")]
    accelerator: Annotated[Text, Field(description="of the catalog")]
    accelerators: Annotated[Count, Field(description="of a replica")] = 1
    precision: Annotated[str, Field(description="of the weights")] = "fp16"
    engine: Annotated[str, Field(description="vllm, sglang, ...; left out, unknown")] = ""


class Quantization(Section):
    """Weights in fewer bits."""

    serving: Annotated[Serving | None, Field(description="a replica; its shares come from the model of steps")] = None
    to_precision: Annotated[str, Field(description="with `serving`: the new precision")] = ""
    batch: Annotated[Positive | None, Field(description="with `serving`: sequences decoding at a time")] = None
    prompt_tokens: Annotated[Positive | None, Field(description="with `serving`: of a prediction")] = None
    output_tokens: Annotated[Positive | None, Field(description="with `serving`: of a prediction")] = None
    memory_share: Annotated[Share | None, Field(description="else: share of a decode step that reads weights")] = None
    bytes_ratio: Annotated[Positive | None, Field(description="else: new bytes a weight / old ones")] = None
    decode_share: Annotated[Share | None, Field(description="else: share of the replica's time that decodes")] = None
    prefill_gain: Annotated[Positive, Field(description="speed-up of prefill; 1 unless tensor cores do")] = Positive(
        value=1.0
    )
    prediction_usd: Annotated[Positive, Field(description="cost of a prediction now, on a replica kept busy")]
    prediction_s: Annotated[Positive | None, Field(description="seconds of a prediction now")] = None
    quality: Annotated[Share | None, Field(description="share useful now")] = None
    quantized_quality: Annotated[Share | None, Field(description="share useful afterwards, on your own tasks")] = None


class Speculation(Section):
    """A draft model proposes tokens, the model verifies several at once."""

    serving: Annotated[Serving, Field(description="the replica")]
    acceptance: Annotated[Share, Field(description="probability that a drafted token is accepted")]
    draft_s: Annotated[Amount, Field(description="seconds of one pass of the draft")]
    draft_per_sequence_s: Annotated[Amount, Field(description="more for each sequence")] = Amount(value=0.0)
    batch: Annotated[Positive, Field(description="sequences decoding at a time")]
    context_tokens: Annotated[Positive, Field(description="cached for a sequence, mean")] = Positive(value=1024.0)
    output_tokens: Annotated[Positive, Field(description="of an answer")]
    replica_usd_per_hour: Annotated[Positive, Field(description="of the replica")]
    most_draft_tokens: Annotated[int, Field(ge=1, le=32, description="longest draft to look at")] = 10


class Experts(Section):
    """A mixture of experts at the batch it is really served at, against what its active parameters promise."""

    serving: Annotated[Serving, Field(description="the replica")]
    batch: Annotated[Positive, Field(description="sequences decoding at a time")]
    context_tokens: Annotated[Positive, Field(description="cached for a sequence, mean")] = Positive(value=1024.0)
    output_tokens: Annotated[Positive, Field(description="of an answer")]
    replica_usd_per_hour: Annotated[Positive, Field(description="of the replica")]
