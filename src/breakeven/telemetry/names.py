"""The names of OpenTelemetry's GenAI conventions that are sent, in one place, since all of them are in development.

Source: github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md and client-inference.md, of
November 2026. Costs have no released name there; they are told as `breakeven.*`.
"""

from __future__ import annotations

SCHEMA = "genai-2026-11"
"""The version of this map, told as the version of the instrumentation scope."""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a kind of token that is counted
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"

OPENAI = "openai"
"""The format that requests are told in; the convention asks for it where a compatible host is all that is known."""

TOKENS = "gen_ai.client.token.usage"
DURATION = "gen_ai.client.operation.duration"
TTFT = "gen_ai.server.time_to_first_token"
TPOT = "gen_ai.server.time_per_output_token"

METRICS: dict[str, tuple[str, str, tuple[float, ...]]] = {
    TOKENS: (
        "{token}",
        "Number of input and output tokens used.",
        (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864),
    ),
    DURATION: (
        "s",
        "GenAI operation duration.",
        (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    ),
    TTFT: (
        "s",
        "Time to generate first token for successful responses.",
        (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    ),
    TPOT: (
        "s",
        "Time per output token generated after the first token for successful responses.",
        (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
    ),
}
"""Unit, description and bucket bounds, as the convention states them."""
