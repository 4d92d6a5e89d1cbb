"""What a prediction cost after all: said later, beside the record, which stays what it was."""

from __future__ import annotations

from breakeven.schema.noun import Basis, Noun

BASIS: Basis = "measured"
"""The basis of a corrected cost: somebody read it off a bill, as with a cost that comes with an imported record."""


class Correction(Noun, frozen=True, kw_only=True, tag="correction", gc=False):
    """The whole cost of one prediction from now on; of several, the one of the latest (`time_s`, `id`) holds.

    `prediction_id` names it; `tenant` is the prediction's, "" where the ledger did not know it. `cost_pico_usd` is at
    least 0, `price_id` the price behind it ("" leaves what the record says), `time_s` when it was said (Unix seconds).
    """

    id: str
    prediction_id: str
    cost_pico_usd: int
    reason: str
    author: str
    time_s: float
    tenant: str = ""
    price_id: str = ""
    version: int = 1
