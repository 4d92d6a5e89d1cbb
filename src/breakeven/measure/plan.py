"""What a load test is to do, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from breakeven.errors import UsageError
from breakeven.measure.curve import BATCHES
from breakeven.measure.dialect import Api
from breakeven.measure.prompt import Length
from breakeven.schema.load import LoadPoint
from breakeven.schema.noun import Noun

MOST_IN_FLIGHT = 2048
_CLOSED = (1, 4, 16)
_PER_CLIENT, _AT_LEAST = 16, 64
_OPEN = 1024
CALLS = 200
"""Calls of a batch size where no number was asked for."""


class Plan(Noun, frozen=True, kw_only=True):
    """What is to be measured. `requests` None: 16 a client, at least 64; 200 calls a batch size.

    A point ends after `requests` or `seconds`, whichever is first. `warm_up` None: one
    answer a client, a second of an open loop, three calls of a batch size.
    """

    url: str
    model: str | None = None
    api: Api | None = None
    closed: tuple[int, ...] = ()
    open: tuple[float, ...] = ()
    batches: tuple[int, ...] = ()
    input: Length
    output: Length
    requests: int | None = None
    seconds: float = 60.0
    warm_up: int | None = None
    burst: bool = False
    seed: int = 0
    fresh: bool = True
    key: str = ""
    extra: dict[str, object] = {}
    tokenizer: Path | None = None
    timeout_s: float = 120.0

    def __repr__(self) -> str:
        return f"Plan({self.url!r})"  # a key must not get into a log

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The key as a bearer token, if there is one."""
        return (("authorization", f"Bearer {self.key}"),) if self.key else ()

    @property
    def root(self) -> str:
        """The URL without the prefix of a protocol."""
        return self.url.removesuffix("/").removesuffix("/v1").removesuffix("/v2")

    @property
    def base(self) -> str:
        """Where the OpenAI API begins."""
        return f"{self.root}/v1"

    def loads(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Clients and rates of the points of a server that completes text; three numbers of clients if none are named.

        Raises:
            UsageError: batches were asked for.
        """
        if self.batches:
            message = (
                f"{self.url} completes text, and --batch {','.join(map(str, self.batches))} asks for rows a request"
            )
            raise UsageError(message, "measure it with --closed or --open; or say --api v2")
        return self.closed or (() if self.open else _CLOSED), self.open

    def sizes(self) -> tuple[int, ...]:
        """Rows a request of the points of a model that takes batches; powers of two up to 128 if none are named.

        Raises:
            UsageError: clients or rates were asked for.
        """
        if self.closed or self.open:
            asked = "--closed" if self.closed else "--open"
            message = (
                f"{asked} {','.join(f'{one:g}' for one in self.closed or self.open)} is for servers that complete text"
            )
            raise UsageError(message, f"measure {self.url} with --batch")
        return self.batches or BATCHES

    def requests_closed(self, clients: int) -> int:
        """Requests to measure with so many clients."""
        return self.requests or max(_AT_LEAST, _PER_CLIENT * clients)

    def requests_open(self, rate_rps: float) -> tuple[int, int]:
        """Requests of warm-up at a rate, and requests in all."""
        warm_up = max(1, round(rate_rps)) if self.warm_up is None else self.warm_up
        return warm_up, warm_up + max(1, min(self.requests or _OPEN, int(self.seconds * rate_rps)))

    def how(self) -> list[str]:
        """How the load on a server that completes text is made, in sentences."""
        closed, rates = self.loads()
        start = "all clients start at once" if self.burst else "clients start spread over one answer"
        cache = (
            "every prompt begins with letters of its own, so that no prefix cache helps"
            if self.fresh
            else "prompts are beginnings of one text, so that a prefix cache helps all it can"
        )
        warm = "one answer a client, or one second," if self.warm_up is None else f"{self.warm_up} answers"
        return [
            f"prompts of {self.input} and answers of {self.output} tokens were asked for, seed {self.seed}",
            cache,
            f"{warm} of warm-up a point, not counted",
            *([f"closed loop: {start}"] if closed else []),
            *(["open loop: Poisson arrivals, latencies count from when a request was due"] if rates else []),
        ]


class Listener(Noun, frozen=True, kw_only=True):
    """Told what happens: `progress` (point, requests ended, of how many), and every `point` when it is done."""

    progress: Callable[[str, int, int], None] = lambda _name, _done, _of: None
    point: Callable[[LoadPoint], None] = lambda _point: None


def poisson(rate_rps: float, count: int, seed: Sequence[int]) -> list[float]:
    """Ascending arrival times in seconds of a Poisson process, the first after one gap."""
    gaps = np.random.default_rng(list(seed)).exponential(1 / rate_rps, count)
    return [float(at_s) for at_s in np.cumsum(gaps)]
