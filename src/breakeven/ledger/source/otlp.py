"""OpenTelemetry's GenAI spans out of a file: one OTLP/JSON request a line, as a collector's file exporter writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from breakeven.ledger.source.field import Bad
from breakeven.ledger.source.read import Skipped, Taken
from breakeven.ledger.source.values import Value, values
from breakeven.wire import genai
from breakeven.wire.otlp_json import spans

COLUMN = "resourceSpans"
_SHOWN = 300


def entries(path: Path) -> Iterator[Taken | Skipped | Bad]:
    """Each span: taken where it asked a model, skipped where it did not.

    Raises:
        LedgerError: the file cannot be opened or unpacked.
    """
    for one in values(path):
        if isinstance(one, Bad):
            yield one
        else:
            yield from _spans(str(path), one)


def _spans(file: str, one: Value) -> Iterator[Taken | Skipped | Bad]:
    try:
        found = spans(one.text)
    except ValueError as error:
        shown = one.text[:_SHOWN].decode(errors="replace")
        yield Bad(file=file, number=one.number, reason=f"not OTLP: {error}", way_out=_WAY_OUT, row=shown)
        return
    for span in found:
        try:
            yield Taken((genai.prediction_of(span, digest),)) if genai.is_inference(span) else Skipped()
        except ValueError as error:
            name = f"span {span.name[:80]!r}: {error}"
            yield Bad(file=file, number=one.number, reason=name, way_out="correct the instrumentation")


_WAY_OUT = "write the file with the collector's file exporter (format json), or as OTLP/JSON requests, one a line"


def digest(subject: str) -> str:
    """What stands for a subject in the records."""
    return hashlib.sha256(subject.encode(errors="replace")).hexdigest()[:32]
