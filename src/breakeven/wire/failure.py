"""The ways an upstream fails on the wire; each is a `BackendError` and says where and what to do."""

from __future__ import annotations

from breakeven.errors import BackendError


class UnreachableError(BackendError):
    """No connection: refused, no route, no such name, TLS refused, or closed before any answer."""

    code = "BE410"


class TimedOutError(BackendError):
    """The upstream accepted the connection but did not answer, or stalled, beyond the limit."""

    code = "BE420"


class ProtocolError(BackendError):
    """What came back is not HTTP/1.1, not SSE, larger than the limits, or cut short."""

    code = "BE430"


def unreachable(place: str, cause: object) -> UnreachableError:
    """No connection to `place`, because of `cause`."""
    return UnreachableError(
        f"cannot reach {place}: {cause}", "check that the backend runs there and that its base_url is right"
    )


def timed_out(place: str, what: str, limit_s: float) -> TimedOutError:
    """`place` did not do `what` within `limit_s` seconds."""
    return TimedOutError(
        f"{place} did not {what} within {limit_s:g} s", "raise the backend's timeout_s, or see what keeps it busy"
    )


def protocol_error(place: str, problem: str) -> ProtocolError:
    """`place` sent something that cannot be read."""
    return ProtocolError(
        f"{place} sent a malformed answer: {problem}", "check that base_url speaks the protocol of the backend's kind"
    )
