"""Units that people write (`USD/accelerator/h`, `kWh`, `%/year`) as dimensions and a factor.

Hours and months are different dimensions until a calendar says how many hours a month has: 720, 730 and 176 are all
in print, and a study that does not say which one it means cannot be reproduced.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

SECONDS_PER_HOUR = 3600.0
MONTHS_PER_YEAR = 12.0
JOULES_PER_WH = 3600.0

Dims = tuple[tuple[str, int], ...]
"""Base dimensions and their powers, by name; none is a plain number."""

CURRENCIES = frozenset(
    {
        *("AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP"),
        *("HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "KZT", "MAD", "MXN", "MYR", "NGN", "NOK"),
        *("NZD", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH"),
        *("USD", "UYU", "VND", "ZAR"),
    }
)
"""ISO 4217 codes; each is a dimension of its own, so that two currencies never add up by accident."""

COUNTS = (
    *("accelerator", "server", "rack", "replica", "instance", "machine", "node", "vcpu", "device", "FTE", "unit"),
    *("organisation", "user", "session", "subject", "request", "prediction", "useful_prediction", "outcome", "row"),
)
"""Things that are counted; a study may name more."""

ALIASES = {"gpu": "accelerator", "GPU": "accelerator", "org": "organisation", "organization": "organisation"}


class UnitError(ValueError):
    """A unit that is not known, or two quantities whose units do not fit; `way_out` says what to do."""

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out


@dataclass(frozen=True, slots=True)
class Unit:
    """`factor` x the base dimensions; `text` is how it is shown."""

    dims: Dims
    factor: float
    text: str = field(compare=False)


ONE = Unit((), 1.0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """How long a month is; None where nobody has said so. `days_per_month` follows a whole month of 24-hour days."""

    hours_per_month: float | None = None
    days_per_month: float | None = None

    @property
    def month_s(self) -> float | None:
        """Seconds in a month."""
        return None if self.hours_per_month is None else self.hours_per_month * SECONDS_PER_HOUR

    @property
    def days(self) -> float | None:
        """Days in a month: stated, or hours / 24 where the month is a whole one (672 to 744 hours)."""
        whole = self.hours_per_month is not None and 672 <= self.hours_per_month <= 744  # noqa: PLR2004 - 28..31 days
        return self.hours_per_month / 24 if self.days_per_month is None and whole else self.days_per_month  # type: ignore[operator]


def _physical() -> dict[str, tuple[Dims, float]]:
    time, month, joule = (("s", 1),), (("month", 1),), (("J", 1),)
    watt: Dims = (("J", 1), ("s", -1))
    found: dict[str, tuple[Dims, float]] = {
        "s": (time, 1.0),
        "second": (time, 1.0),
        "ms": (time, 1e-3),
        "min": (time, 60.0),
        "h": (time, SECONDS_PER_HOUR),
        "hour": (time, SECONDS_PER_HOUR),
        "month": (month, 1.0),
        "quarter": (month, 3.0),
        "year": (month, MONTHS_PER_YEAR),
        "yr": (month, MONTHS_PER_YEAR),
        "day": ((("day", 1),), 1.0),
        "week": ((("day", 1),), 7.0),
        "%": ((), 0.01),
        "fraction": ((), 1.0),
        "ratio": ((), 1.0),
    }
    for prefix, size in (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15)):
        found[f"{prefix}W"] = (watt, size)
        found[f"{prefix}Wh"] = (joule, size * JOULES_PER_WH)
        found[f"{prefix}B"] = ((("B", 1),), size)
        found[f"{prefix}J"] = (joule, size)
        found[f"{prefix}token"] = ((("token", 1),), size)
        found[f"{prefix}tok"] = ((("token", 1),), size)
        found[f"{prefix}FLOP"] = ((("FLOP", 1),), size)
    for name, size in (("gCO2", 1.0), ("kgCO2", 1e3), ("tCO2", 1e6)):
        found[name] = ((("gCO2", 1),), size)
    return found


PHYSICAL = _physical()
_SPLIT = re.compile(r"\s*([*/·])\s*")
_NAME = re.compile(r"%|[A-Za-z_][A-Za-z0-9_]*")
NUMBER = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9][0-9_]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?"
"""A number as people write it: commas part thousands only, so that `0,15` is no number instead of 15."""
MAX_LENGTH = 200
_SIZED = re.compile(rf"(?P<size>{NUMBER})(?![0-9.,_])\s*(?P<name>.*)")
_NO_PLURAL = re.compile(r".*(W|Wh|J|B|FLOP|[A-Z]{3}|CO2|s)")
"""Names that another `s` would make something else: `kWs` is an energy, `GBs` nothing."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units a study may use: the general ones, those it names itself, and its calendar."""

    calendar: Calendar = Calendar()
    own: frozenset[str] = frozenset()

    def parse(self, text: str) -> Unit:
        """`USD/1000 request` and `kW*h` alike; everything after a `/` divides until the next sign.

        Raises:
            UnitError: a part of it is not known.
        """
        if not text.strip():
            return ONE
        if len(text) > MAX_LENGTH:
            message = f"a unit has at most {MAX_LENGTH} characters, `{text[:40]}...` has {len(text)}"
            raise UnitError(message, "write it as `USD/accelerator/h`")
        dims: dict[str, int] = {}
        factor, sign = 1.0, 1
        for part in _SPLIT.split(text.strip()):
            if part in {"*", "/", "·"}:
                sign = -1 if part == "/" else 1
                continue
            size, (powers, scale) = self._sized(part, text)
            factor = factor * (size * scale) if sign > 0 else factor / (size * scale)
            for name, power in powers:
                dims[name] = dims.get(name, 0) + sign * power
        if not 0 < factor < math.inf:
            message = f"the unit `{text}` is too large or too small for a number"
            raise UnitError(message, "write it with fewer or smaller factors")
        return Unit(_dims(dims.items()), factor, text.strip())

    def knows(self, text: str) -> bool:
        """Whether a text is a unit."""
        try:
            self.parse(text)
        except UnitError:
            return False
        return True

    def _sized(self, part: str, text: str) -> tuple[float, tuple[Dims, float]]:
        found = _SIZED.fullmatch(part)
        if found is None:
            return 1.0, self._named(part, text)
        size = parse_number(found["size"])
        if not 0 < size < math.inf:
            message = f"the unit `{text}` counts in multiples of {found['size']}"
            raise UnitError(message, "write a finite number above 0, such as `USD/1000 request`")
        return size, self._named(found["name"], text) if found["name"] else ((), 1.0)

    def _named(self, name: str, text: str) -> tuple[Dims, float]:
        for known in _spellings(name):
            if known in self.own or known in COUNTS or known in CURRENCIES:
                return ((known, 1),), 1.0
            if known in PHYSICAL:
                return self._timed(*PHYSICAL[known])
        raise UnitError(*_unknown(name, text, self.own))

    def _timed(self, dims: Dims, factor: float) -> tuple[Dims, float]:
        """Months and days in seconds, where the calendar says how long they are."""
        name = dims[0][0] if dims else ""
        month_s, days = self.calendar.month_s, self.calendar.days
        if name == "month" and month_s is not None:
            return (("s", 1),), factor * month_s
        if name == "day" and month_s is not None and days is not None:
            return (("s", 1),), factor * month_s / days
        return dims, factor


def parse_number(text: str) -> float:
    """The number in a text that `NUMBER` matches; inf where it is too large for one."""
    return float(text.replace(",", "").replace("_", ""))


def _spellings(name: str) -> tuple[str, ...]:
    """A name, its alias, and what it is the plural of."""
    one = name.removesuffix("s")
    alone = (name, ALIASES.get(name, name))
    return alone if _NO_PLURAL.fullmatch(one) and one not in ALIASES else (*alone, one, ALIASES.get(one, ""))


MEANT = {
    **dict.fromkeys(("qps", "rps", "tps"), "request/s` or `token/s"),
    **dict.fromkeys(("percent", "pct"), "%"),
    **dict.fromkeys(("dollar", "$", "us$", "usd$"), "USD"),
    **dict.fromkeys(("euro", "€"), "EUR"),
    **dict.fromkeys(("£",), "GBP"),
    **dict.fromkeys(("cent", "ct", "¢"), "0.01 USD"),
    "kusd": "1000 USD",
    "musd": "1000000 USD",
    "mo": "month",
    "mth": "month",
    "hr": "h",
    "sec": "s",
    "minute": "min",
    "annum": "year",
    "people": "FTE",
    "person": "FTE",
}
"""Words that people bring along, and the unit they mean."""


def _unknown(name: str, text: str, own: Iterable[str]) -> tuple[str, str]:
    where = f"unknown unit `{name}` in `{text}`" if name != text else f"unknown unit `{text}`"
    if meant := MEANT.get(name.strip().casefold().removesuffix("s")):
        return where, f"write `{meant}`"
    near = _near(name, [*PHYSICAL, *COUNTS, *own])
    named = f"did you mean {' or '.join(f'`{one}`' for one in near)}? " if near else ""
    if named:
        return where, f"{named}name things of your own under `units:`"
    if not _NAME.fullmatch(name):
        return where, "write it as `USD/accelerator/h`, with `/` and `*` between the names"
    if re.fullmatch(r"[A-Z]{3}", name):
        return where, "currencies are ISO 4217 codes such as USD and EUR"
    return where, "name things of your own under `units:`"


def _near(name: str, known: list[str]) -> list[str]:
    """Names that differ in case or spaces, else those that are spelled alike."""
    folded = name.replace(" ", "").casefold().removesuffix("s")
    alike = [one for one in (*known, *CURRENCIES) if one.casefold() == folded] if folded else []
    return alike or get_close_matches(name, known, n=2, cutoff=0.6)


def _dims(powers: Iterable[tuple[str, int]]) -> Dims:
    return tuple(sorted((name, power) for name, power in powers if power))


def multiply(one: Dims, other: Dims, sign: int = 1) -> Dims:
    """Dimensions of a product; `sign` -1 of a quotient."""
    powers = dict(one)
    for name, power in other:
        powers[name] = powers.get(name, 0) + sign * power
    return _dims(powers.items())


def power(dims: Dims, exponent: int) -> Dims:
    """Dimensions of a whole power."""
    return _dims((name, each * exponent) for name, each in dims)


def shown(dims: Dims) -> str:
    """Dimensions for people: `USD/s`, `1/month`; a plain number is `a plain number`."""
    above = [name if size == 1 else f"{name}^{size}" for name, size in dims if size > 0]
    below = [name if size == -1 else f"{name}^{-size}" for name, size in dims if size < 0]
    if not above and not below:
        return "a plain number"
    return "/".join(["*".join(above) or "1", *below])


def currencies(dims: Dims, known: Collection[str] = CURRENCIES) -> tuple[str, ...]:
    """The currencies among dimensions."""
    return tuple(name for name, _ in dims if name in known)


_LENGTHS: dict[Dims, str] = {(("s", 1),): "month", (("month", 1),): "month", (("day", 1),): "day"}


def mismatch(what: str, got: Dims, wanted: Dims) -> UnitError:
    """The error of a quantity that has another unit than it must: names both, and the likely reason."""
    message = f"{what} is in {shown(got)}, and {shown(wanted)} is needed"
    if () in {got, wanted} and (other := _LENGTHS.get(got or wanted)):
        return UnitError(message, f"a plain number has no length: write `18 * {other}`")
    apart = {name for name, _ in multiply(got, wanted, -1)}
    if "s" in apart and all(("J", 1) in dims for dims in (got, wanted)):
        return UnitError(message, "power is in W and kW, energy in Wh and kWh: one stands for the other")
    return UnitError(message, _reason(apart))


def require(what: str, got: Dims, wanted: Dims) -> None:
    """Nothing where the dimensions agree.

    Raises:
        UnitError: they do not.
    """
    if got != wanted:
        raise mismatch(what, got, wanted)


def _reason(apart: set[str]) -> str:
    if apart & {"month", "day"} and "s" in apart:
        return "hours and months (or days) meet: state `conventions: hours_per_month: 730` (or 720, 176)"
    if len(found := sorted(apart & CURRENCIES)) > 1:
        return f"state a dated rate under `fx:` from {found[0]} to {found[1]}"
    if {"accelerator", "server", "organisation"} & apart:
        return "say per what: `/accelerator`, `/server` or `/organisation`"
    if apart == {"s"}:
        return "one of them is per time (power, a rate) and the other is not (energy, an amount)"
    return "correct the unit, or multiply by what is missing"
