"""The mapping file of `reconcile`: which column of an invoice, usage export or downstream report means what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import Section, Text

Column = Text | None


class InvoiceMapping(Section):
    """Names of columns; a column left out is not in the export. With `request_id` every row is one request.

    Of a downstream report `cost` is the revenue, `calls` the outcomes, `model` the use case, and `request_id` the
    prediction or order id.
    """

    version: Literal[1] = 1
    time: Annotated[Text, Field(description="the column with the time or day")]
    end_time: Column = None
    bucket: Literal["hour", "day"] = "day"
    request_id: Column = None
    model: Column = None
    key: Column = None
    calls: Column = None
    input_tokens: Column = None
    cached_input_tokens: Column = None
    output_tokens: Column = None
    input_excludes_cached: bool = False
    cost: Column = None
    currency: Column = None
    default_currency: Text = "USD"
    batch: Column = None

    def plain(self) -> dict[str, object]:
        """The fields of the ledger's own mapping."""
        return self.model_dump(exclude={"version"}, exclude_none=True)


def read(path: Path) -> InvoiceMapping:
    """A mapping from a YAML file.

    Raises:
        ConfigError: it cannot be read, or is wrong; with every problem, each with `file:line:column`.
    """
    return reading.load(InvoiceMapping, reading.read_text(path, way_out=reading.CHECK_PATH), str(path), ())
