"""A request that is refused before it becomes a prediction: not authenticated, or not well-formed."""

from __future__ import annotations

from breakeven.errors import USAGE, BreakevenError


class RequestError(BreakevenError):
    """The caller must mend the request. It is counted in metrics and leaves no record.

    Args:
        message: one sentence that names the field and its value.
        way_out: one sentence that says what to send instead.
        status: the HTTP status of the refusal.
        field: header, body path or attribute at fault ("" when none).
        kind: OpenAI's `code`, machine-readable.
    """

    code, exit_code, who = "BE450", USAGE, "caller of the gateway"

    def __init__(
        self, message: str, way_out: str = "", *, status: int = 400, field: str = "", kind: str = "invalid_request"
    ) -> None:
        super().__init__(message, way_out)
        self.status = status
        self.field = field
        self.kind = kind


def shown(value: str, limit: int = 80) -> str:
    """A value as an error may show it: quoted, control characters escaped, cut."""
    text = repr(value[: limit + 1])
    return text if len(value) <= limit else f"{text[:limit]}...'"
