"""The strategies there are, and which fields of an option each reads."""

from __future__ import annotations

from breakeven.gateway.decision.strategy.cheapest import cheapest
from breakeven.gateway.decision.strategy.fixed import fixed
from breakeven.gateway.decision.strategy.latency_aware import latency_aware
from breakeven.gateway.decision.strategy.learned import learned
from breakeven.gateway.decision.strategy.least_loaded import least_loaded
from breakeven.gateway.decision.strategy.option import Strategy
from breakeven.gateway.decision.strategy.prefix_affinity import prefix_affinity
from breakeven.gateway.decision.strategy.weighted import weighted
from breakeven.schema.noun import Noun


class Entry(Noun, frozen=True, kw_only=True):
    """A strategy. `needs` are the fields of Option it reads, so that only those are computed."""

    function: Strategy
    help: str
    needs: frozenset[str] = frozenset()


STRATEGIES: dict[str, Entry] = {
    "fixed": Entry(function=fixed, help="the first target"),
    "weighted": Entry(function=weighted, help="at random by weight", needs=frozenset({"weight"})),
    "cheapest-feasible": Entry(
        function=cheapest,
        help="the cheapest that is predicted to keep the latency targets",
        needs=frozenset({"cost_pico_usd", "feasible"}),
    ),
    "least-loaded": Entry(
        function=least_loaded, help="the one with most room", needs=frozenset({"in_flight", "slots"})
    ),
    "latency-aware": Entry(
        function=latency_aware, help="at random, the likelier the faster it lately was", needs=frozenset({"latency_s"})
    ),
    "prefix-affinity": Entry(
        function=prefix_affinity,
        help="the one that has the prompt's prefix in its cache, unless it is full",
        needs=frozenset({"affinity", "in_flight", "slots"}),
    ),
    "learned": Entry(
        function=learned,
        help="strong or weak, by a router learned from outcomes",
        needs=frozenset({"feasible", "preferred", "weight"}),
    ),
}
