"""How much of each thing an option has: the counts that its prices are per, stated or sized from demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from breakeven.algebra.amount import Amount, Array, amount
from breakeven.algebra.unit import CURRENCIES, UnitError
from breakeven.config.study.given import Given
from breakeven.config.study.option import Option
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, POSITIVE, SHARE, USED
from breakeven.study.demand import Demand
from breakeven.study.held import held
from breakeven.study.known import Known, plain
from breakeven.study.scope import Scope

BOUNDS = {
    "utilisation": SHARE,
    "accelerators_per_server": POSITIVE,
    "accelerators_per_instance": POSITIVE,
}
"""What the section's quantities can be, other than counts of 0 and more."""
SECTION = {"server": "servers", "accelerator": "accelerators", "instance": "instances"}
"""Counts that have a key of their own."""
MOST_FACTORS = 16
"""Things that one price may be per; more is a circle of `counts:`."""
TIMES = frozenset({"s", "month", "day"})
FLOWS = {
    "request": "requests",
    "prediction": "requests",
    "token": "tokens",
    "useful_prediction": "useful",
    "B": "egress",
}
"""What a price may be per, and the flow of demand that it then multiplies."""


class Fleet:
    """The counts and flows of one option, each found when a price asks for it."""

    def __init__(self, scope: Scope, demand: Demand, name: str, option: Option) -> None:
        self.scope, self.demand, self.name = scope, demand, name
        self.option, self.stated = option, option.fleet
        share = scope.wanted(option.share, "", "options", name, "share")
        self.share = scope.within(share, SHARE, "options", name, "share")
        self.energy: Known | None = None
        """Energy of a month, once the power part has been built."""

    def read(self, field: str, unit: str) -> Known | None:
        """A quantity of the fleet section."""
        path = ("options", self.name, "fleet", field)
        found = self.scope.wanted(getattr(self.stated, field), unit, *path)
        return self.scope.within(found, BOUNDS.get(field, COUNT), *path)

    @property
    def _carries(self) -> Known | None:
        """What one thing carries, in requests or tokens per time."""
        path = ("options", self.name, "fleet", "capacity")
        return self.scope.within(self.scope.read(self.stated.capacity, *path), POSITIVE, *path)

    def served(self, flow: str) -> Known | None:
        """A flow of demand, the part of it that this option serves."""
        found = self.demand.flow(flow)
        return found if found is None or self.share is None else found * self.share

    @property
    def instances(self) -> Known | None:
        """Instances of the model: stated, or enough for the busiest rate."""
        return self._kept(self.read("instances", "instance") or self._sized("instance"))

    @property
    def accelerators(self) -> Known | None:
        """Accelerators in serving servers, those that no instance takes included: they are bought and licensed too."""
        stated = self.read("accelerators", "accelerator") or self._sized("accelerator")
        if stated is not None:
            self._agree(stated)
            return self._kept(stated)
        each, servers = self.per_server, self.servers
        return self.needed if each is None or servers is None else servers * each

    def _agree(self, stated: Known) -> None:
        """Raise where accelerators are stated that the stated servers do not hold."""
        each, servers = self.per_server, self.read("servers", "server")
        if each is None or servers is None or self.scope.drawn:
            return
        held = servers * each
        if held.amount.dims == stated.amount.dims and held.amount.scalar < stated.amount.scalar:
            message = f"option `{self.name}` has {stated.text}, and its servers hold {held.text}"
            way_out = "leave out `accelerators:`, which follow from the servers, or correct one of them"
            raise StudyError(message, way_out, path=("options", self.name, "fleet", "accelerators"))

    @property
    def needed(self) -> Known | None:
        """Accelerators that the instances take."""
        each, instances = self.read("accelerators_per_instance", "accelerator/instance"), self.instances
        return None if each is None or instances is None else instances * each

    @property
    def per_server(self) -> Known | None:
        """Accelerators in a server: stated, or those of the offer it is bought or rented as."""
        stated = self.read("accelerators_per_server", "accelerator/server")
        return stated if stated is not None else self._offered()

    def _offered(self) -> Known | None:
        for part in (self.option.purchase, self.option.rent):
            if part is not None and part.offer:
                offer = self.scope.catalog.offer(part.offer, self.scope.on)
                if offer.accelerator:
                    return Known(amount(offer.count, self.scope.unit("accelerator/server")), (), f"{offer.count} each")
        return None

    @property
    def servers(self) -> Known | None:
        """Serving servers: stated, sized, or enough for the accelerators."""
        stated = self.read("servers", "server") or self._sized("server")
        if stated is not None:
            return self._kept(stated)
        each, needed = self.per_server, self.needed or self.read("accelerators", "accelerator")
        if each is None or needed is None:
            return None
        ratio = needed / each
        return self._kept(_sized(ratio, "server"))

    @property
    def all_servers(self) -> Known | None:
        """Serving and spare servers."""
        serving, spare = self.servers, self.read("spare_servers", "server")
        return serving if serving is None or spare is None else serving + spare

    @property
    def all_accelerators(self) -> Known | None:
        """Accelerators in serving and spare servers."""
        serving, spare, each = self.accelerators, self.read("spare_servers", "server"), self.per_server
        return serving if serving is None or spare is None or each is None else serving + spare * each

    def _kept(self, found: Known | None) -> Known | None:
        """The count where machines are owned, leased or committed to for a term: fewer are not paid for less."""
        if found is None or found.amount.values.shape[1] == 1:
            return found
        rent = self.option.rent
        term = None
        if self.option.purchase is None and self.option.lease is None:
            if rent is None or rent.term is None:
                return found
            term = self._months(rent.term)
        there = held(found.amount.values, self.scope.horizon, term).there
        return found.based(Amount(there, found.amount.dims), found.text)

    def _months(self, term: Given) -> int:
        """The term of the rent in months."""
        path = ("options", self.name, "rent", "term")
        with self.scope.at(*path):
            return round(float(self.scope.need(term, *path).amount.to(self.scope.unit("month"), "the term").flat[0]))

    def _sized(self, thing: str) -> Known | None:
        """Enough of a thing for the busiest rate, from what one of it carries."""
        carries = self._carries
        if carries is None or not any(name == thing for name, _ in carries.amount.dims):
            return None
        flow = self._carried(carries)
        if flow is None:
            return None
        ratio = (flow * self.demand.peak_factor) / carries
        with self.scope.at("options", self.name, "fleet", "capacity"):
            ratio.amount.to(self.scope.unit(thing), f"{thing}s from demand / capacity")
        return _sized(ratio, thing)

    def _carried(self, carries: Known) -> Known | None:
        """The flow of demand that a capacity is of."""
        of = next((name for name, power in carries.amount.dims if power > 0), "")
        return self.served(FLOWS[of]) if of in FLOWS else self._own_flow(of)

    def capacity(self, thing: str) -> Known | None:
        """What the fleet carries of `request` or `token`, per time, spare servers idle; None where nobody says."""
        carries = self._carries
        if carries is None or (thing, 1) not in carries.amount.dims:
            return None
        per = next((name for name, power in carries.amount.dims if power < 0 and name not in TIMES), "")
        count = self._serving(per) if per else plain(1.0)
        return None if count is None else carries * count

    def _serving(self, thing: str) -> Known | None:
        """How much there is of a thing without what stands by."""
        serving = {"server": self.servers, "accelerator": self.accelerators}.get(thing)
        return self.count(thing) if serving is None else serving

    def count(self, thing: str) -> Known | None:
        """How much there is of a thing that a price is per; None where the study does not say."""
        stated = self._stated(thing)
        if stated is not None:
            return stated
        if thing in FLOWS:
            return self._flow(thing)
        ways: Mapping[str, Callable[[], Known | None]] = {
            "organisation": lambda: Known(amount(1.0, self.scope.unit("organisation")), (), ""),
            "J": lambda: self.energy,
            "instance": lambda: self.instances,
            "accelerator": lambda: self.all_accelerators,
            **dict.fromkeys(("server", "machine", "node"), lambda: _called(self.all_servers, thing)),
        }
        return ways[thing]() if thing in ways else self._own_flow(thing)

    def _stated(self, thing: str) -> Known | None:
        """A count of the study's own.

        Raises:
            StudyError: it is stated as `servers`, `accelerators` or `instances` as well.
        """
        for name, given in self.stated.counts.items():
            path = ("options", self.name, "fleet", "counts", name)
            found = self.scope.need(given, *path)
            if (thing, 1) in found.amount.dims:
                if thing in SECTION and getattr(self.stated, SECTION[thing]) is not None:
                    message = f"`fleet.{SECTION[thing]}` and `fleet.counts.{name}` both say how many {thing}s there are"
                    raise StudyError(message, "keep one of them", path=path)
                return self.scope.within(found, COUNT, *path)
        return None

    def _flow(self, thing: str) -> Known | None:
        found = self.served(FLOWS[thing])
        if found is None or thing != "prediction":
            return found
        dims = tuple(
            sorted(("prediction", 1) if name == "request" else (name, power) for name, power in found.amount.dims)
        )
        return found.based(Amount(found.amount.values, dims), found.text)

    def _own_flow(self, thing: str) -> Known | None:
        for name in self.demand.stated.flows:
            found = self.served(name)
            if found is not None and (thing, 1) in found.amount.dims:
                return found
        return None

    def extended(self, known: Known, *where: str) -> Known:
        """A price times whatever its unit says it is per, until only money (and time) is left.

        Raises:
            StudyError: the option does not say how much there is of it.
        """
        text = known.text
        for _ in range(MOST_FACTORS):
            name = _per(known)
            if not name:
                return known
            count = self.count(name)
            if count is None:
                message = f"`{'.'.join(where)}` is {known.text}, and option `{self.name}` does not say how many {name}s"
                raise StudyError(message, _way_out(name), path=("options", self.name, *where))
            known = known * count
        message = f"`{'.'.join(where)}` is {text}, and what that is per comes back through `counts:`"
        raise StudyError(message, "let no count be per something that is counted by it", path=("options", self.name))

    def units(self, price: Known, *where: str) -> Array:
        """(draws or 1, months or 1) how many there are of what a price is per, whatever it is."""
        one = price.based(Amount(np.ones((1, 1)), price.amount.dims), "")
        return self.extended(one, *where).amount.values

    @property
    def used_share(self) -> Known:
        """Hours in use / hours of a month; 1 where the study does not say."""
        path = ("options", self.name, "fleet", "used_hours")
        used = self.scope.read(self.stated.used_hours, *path)
        if used is None:
            return plain(1.0)
        month_s = self.scope.units.calendar.month_s
        if month_s is None or used.amount.dims not in {(), (("s", 1),), (("month", -1), ("s", 1))}:
            message = f"`used_hours` is {used.text}, which needs a month to be a share of"
            raise UnitError(message, "write `176 h/month` and state `conventions: hours_per_month:`")
        hours = used.amount.values if used.amount.dims == () else used.amount.values / month_s
        share = used.based(Amount(hours, ()), f"{used.text} in use")
        return self.scope.within(share, USED, *path) or share


def _per(known: Known) -> str:
    """What a price is still per; empty when only money and time are left."""
    left = (name for name, power in known.amount.dims if power < 0 and name not in TIMES and name not in CURRENCIES)
    return next(left, "")


def _called(found: Known | None, thing: str) -> Known | None:
    """Servers under another name."""
    return None if found is None else found.based(Amount(found.amount.values, ((thing, 1),)), found.text)


def _whole(found: Amount) -> Amount:
    """Rounded up to whole things, but not for the last digits of a float."""
    return found.mapped(lambda values: np.maximum(1.0, np.ceil(np.round(values, 9))))


def _sized(ratio: Known, thing: str) -> Known:
    whole = _whole(ratio.amount)
    return ratio.based(whole, f"{whole.scalar:,.10g} {thing} (sized from demand)")


def _way_out(thing: str) -> str:
    ways = {
        "server": "state `fleet: servers: 1 server`, or `capacity:` so that they are sized from demand",
        "accelerator": "state `fleet: accelerators_per_server: 8 accelerator/server` and `servers:`",
        "instance": "state `fleet: instances:`, or `capacity: 2.5 request/s/instance`",
        "J": "give the option a `power:` part, so that its energy is known",
        "token": "state `demand: input_tokens:` and `output_tokens:`",
        "request": "state `demand: requests:`",
        "useful_prediction": "state `demand: requests:` and `useful:`",
        "B": "state `demand: egress:`, or give the line a `count:` in bytes",
    }
    return ways.get(thing, f"add it under `fleet: counts:` (`1 {thing}`), or give the line a `count:`")
