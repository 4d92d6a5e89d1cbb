"""Bytes that are no proper request, and the HTTP status that says so."""

from __future__ import annotations


class RefusedError(Exception):
    """What came cannot be served as HTTP/1.1; it is answered once and the connection ends.

    Args:
        status: HTTP status of the refusal.
        kind: machine-readable cause, a handful of fixed words.
        message: one sentence that names what was wrong.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def malformed(*, problem: str) -> RefusedError:
    """400: not HTTP/1.1, or ambiguous."""
    return RefusedError(400, "malformed_http", f"the request is not proper HTTP/1.1: {problem}")


def body_too_large(size: int, limit: int) -> RefusedError:
    """413: the body is larger than what is taken now."""
    return RefusedError(
        413, "body_too_large", f"the request's body has {size} bytes or more, at most {limit} are taken"
    )


def head_too_large(size: int, limit: int, unit: str) -> RefusedError:
    """431: the head is larger than what is taken."""
    return RefusedError(
        431, "headers_too_large", f"the request's head has {size} {unit} or more, at most {limit} are taken"
    )


def too_slow(what: str, kind: str, limit_s: float) -> RefusedError:
    """408: a part of the request did not arrive in time."""
    return RefusedError(408, kind, f"the request's {what} did not arrive within {limit_s:g} s")
