"""What stays once it is there: machines that are owned until the horizon, and commitments until their term ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from breakeven.algebra.amount import Array


class Held(NamedTuple):
    """(draws or 1, months) what there is in each month, and what began at its start."""

    there: Array
    began: Array


def held(needed: Array, months: int, term: int | None) -> Held:
    """Enough in every month for what is needed; what began stays for its term, or for good where there is none.

    At the end of a term only what is still needed begins anew, so that demand that falls is paid for until then.
    """
    need = np.broadcast_to(needed, (needed.shape[0], months))
    there, began = np.empty(need.shape), np.empty(need.shape)
    standing = np.zeros(need.shape[0])
    for month in range(months):
        if term is not None and month >= term:
            standing = standing - began[:, month - term]
        began[:, month] = np.maximum(0.0, need[:, month] - standing)
        standing = standing + began[:, month]
        there[:, month] = standing
    return Held(there, began)


def agreed(units: Array, price: Array, months: int, term: int | None) -> Array:
    """(draws or 1, months) what units cost in each month, each at the price of the month in which it began."""
    begun = np.cumsum(held(units, months, term).began * price, axis=1)
    if term is None:
        return begun
    ended = np.concatenate((np.zeros((begun.shape[0], term)), begun), axis=1)[:, :months]
    return np.asarray(begun - ended)
