"""An export of any other form: which column means what, as a mapping file says."""

from __future__ import annotations

from typing import Literal

from breakeven.ledger.invoice import line
from breakeven.ledger.invoice.line import Line, Terms
from breakeven.ledger.source.field import Row
from breakeven.schema.noun import Noun


class Columns(Noun, frozen=True, kw_only=True):
    """Columns by what they mean; "" is "there is none". Only `time` is needed.

    With `request_id` each row is a request; without, a sum of `bucket`, or until `end_time`. `input_excludes_cached`:
    the input column does not hold the cached tokens. `batch` is a flag, `default_currency` what an empty `currency` is.
    """

    time: str = ""
    end_time: str = ""
    bucket: Literal["hour", "day"] = "day"
    request_id: str = ""
    model: str = ""
    key: str = ""
    calls: str = ""
    input_tokens: str = ""
    cached_input_tokens: str = ""
    output_tokens: str = ""
    input_excludes_cached: bool = False
    cost: str = ""
    currency: str = ""
    default_currency: str = "USD"
    batch: str = ""

    def named(self) -> dict[str, str]:
        """The columns that must be there, by what they mean."""
        others = {"bucket", "input_excludes_cached", "default_currency"}
        return {
            name: getattr(self, name) for name in self.__struct_fields__ if name not in others and getattr(self, name)
        }


_BUCKETS = {"hour": 3600.0, "day": 86_400.0}


def read(row: Row, terms: Terms, columns: Columns) -> Line:
    """A request, or a sum."""
    start_s, end_s, day_only = line.period(
        row, columns.time, terms, end=columns.end_time, default_s=_BUCKETS[columns.bucket]
    )
    cached, plain = line.count(row, columns.cached_input_tokens), line.count(row, columns.input_tokens)
    name = row.text(columns.request_id)
    return Line(
        place=f"{row.file}:{row.number}",
        start_s=start_s,
        end_s=end_s,
        model=row.text(columns.model),
        key=row.text(columns.key),
        request_id=name,
        calls=1 if name else line.count(row, columns.calls),
        input_tokens=line.total(plain, cached) if columns.input_excludes_cached else plain,
        cached_input_tokens=cached,
        output_tokens=line.count(row, columns.output_tokens),
        pico_usd=line.money(row, columns.cost, row.text(columns.currency) or columns.default_currency, terms),
        batch=row.flag(columns.batch),
        day_only=day_only,
    )
