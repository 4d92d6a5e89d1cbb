"""The field's rules of thumb, each a condition on a lever or on the cost engine.

The claims are those of practitioners' articles of 2026 on inference economics; inputs are the claims' own, or prices of
the catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from breakeven.catalog.find import Catalog
from breakeven.cost.crossing import break_even_months
from breakeven.perf.curve import step_curve
from breakeven.planner.levers.claims import Rule, claims
from breakeven.planner.levers.judge import Floats
from breakeven.planner.levers.routing import cascade_effect
from breakeven.planner.levers.sparing import cache_effect
from breakeven.planner.levers.steps import best_draft
from breakeven.planner.levers.thinking import best_samples
from breakeven.planner.levers.training import life_effect
from breakeven.planner.levers.weights import Replica, memory_share, replica, speedup, touched_share
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.lever import Claim
from breakeven.schema.noun import Noun

SERVER = "lenovo-sr680a-v3-8x-h100-sxm-sale"
OWN_USD_PER_HOUR = 6.37
"""Maintenance, power, cooling and housing of that server, by its vendor (Lenovo Press LP2368)."""
LIFE_MONTHS = 60
DENSE, DRAFTING_BOARD = "llama-3.3-70b", "h100-sxm"
MIXTURE = "deepseek-v3"

Booleans = NDArray[np.bool_]


class Server(Noun, frozen=True, kw_only=True):
    """A server that is bought: its price, and what it costs to run, USD."""

    capex_usd: float
    own_usd_per_month: float
    rent_usd_per_hour: float | None
    about: tuple[str, ...]


def rules_of_thumb(catalog: Catalog, *, on: str) -> tuple[Claim, ...]:
    """Every rule with its stretches, at the catalog's prices of a day.

    Raises:
        FactError: an entry that a rule is tested with is not in the catalog on that day.
    """
    server = server_of(catalog, on)
    return claims([*_buying(server), *_sparing(), *_paying(), *_serving(catalog)])


def server_of(catalog: Catalog, on: str) -> Server:
    """The server the rules of buying are tested with, and the dearest rent of as many of its accelerators on demand."""
    offer = catalog.offer(SERVER, on)
    rents = [
        one.usd_per_hour
        for one in catalog.offers(on=on, kind="accelerator_hour", accelerator=offer.accelerator)
        if one.count == offer.count and one.term == "on_demand" and one.usd_per_hour
    ]
    return Server(
        capex_usd=offer.purchase_usd or 0.0,
        own_usd_per_month=OWN_USD_PER_HOUR * HOURS_PER_MONTH,
        rent_usd_per_hour=max(rents, default=None),
        about=(
            f"{offer.id} at {offer.purchase_usd:,.0f} USD ({offer.source}, {offer.valid_from})",
            f"own costs {OWN_USD_PER_HOUR} USD/h (Lenovo Press LP2368)",
        ),
    )


def _payback(server: Server, rival: Floats, decay: Floats | float = 0.0) -> Floats:
    """Months until the server has paid for itself; nan is never."""
    pairs = np.broadcast_arrays(np.asarray(rival, dtype=np.float64), np.asarray(decay, dtype=np.float64))
    found = (
        break_even_months(
            server.capex_usd, server.own_usd_per_month, float(one), horizon=LIFE_MONTHS, rent_decay=float(fall)
        )
        for one, fall in zip(*(part.ravel() for part in pairs), strict=True)
    )
    return np.array([np.nan if month is None else month for month in found]).reshape(pairs[0].shape)


def _buying(server: Server) -> Iterator[Rule]:
    def within(low: float, high: float) -> Callable[[Floats], Booleans]:
        return lambda months: np.asarray((months >= low) & (months <= high))

    year_and_half = within(12, 18)
    crossing = (server.capex_usd / 12) + server.own_usd_per_month
    yield Rule(
        name="spend",
        claim="from 20,000 to 50,000 USD a month on APIs own hardware pays back in 12 to 18 months",
        varied="API spend", unit="USD/month", stated=20_000.0, low=5_000.0, high=100_000.0,
        holds=lambda spend: year_and_half(_payback(server, spend)), given=server.about, by="cost.crossing",
    )  # fmt: skip
    yield Rule(
        name="ten_million_queries",
        claim="above 10 million queries a month own hardware pays back within 18 months",
        varied="price of a query", unit="USD", stated=0.002, low=0.0002, high=0.01,
        holds=lambda price: within(0, 18)(_payback(server, price * 1e7)),
        given=("10 million queries a month", *server.about), by="cost.crossing",
    )  # fmt: skip
    yield Rule(
        name="falling_prices",
        claim="what pays back in 12 months at flat prices still pays back within five years when API prices fall",
        varied="fall of API prices a year", unit="share", stated=0.5, low=0.0, high=0.9,
        holds=lambda decay: within(0, LIFE_MONTHS)(_payback(server, np.asarray(crossing), decay)),
        given=(f"a bill of {crossing:,.0f} USD a month at first", *server.about), by="cost.crossing",
    )  # fmt: skip
    yield Rule(
        name="students",
        claim="2 million students at 0.002 USD an answer are a bill worth a server of one's own within 18 months",
        varied="answers a student and month", unit="answers", stated=10.0, low=0.1, high=100.0,
        holds=lambda answers: within(0, 18)(_payback(server, answers * 0.002 * 2e6)),
        given=("one server carries the load", *server.about), by="cost.crossing",
    )  # fmt: skip
    if server.rent_usd_per_hour is not None:
        yield _cheaper(server, server.rent_usd_per_hour)


def _cheaper(server: Server, rent: float) -> Rule:
    month = server.capex_usd / LIFE_MONTHS + server.own_usd_per_month

    def holds(hours: Floats) -> Booleans:
        ratio = rent * hours / month
        return np.asarray((ratio >= 3) & (ratio <= 10))  # noqa: PLR2004 - the claim's own

    return Rule(
        name="cheaper_past_a_threshold",
        claim="own hardware is 3 to 10 times cheaper than renting on demand, past a threshold of use",
        varied="hours used a month", unit="h", stated=HOURS_PER_MONTH, low=1.0, high=HOURS_PER_MONTH, holds=holds,
        given=(f"rent of {rent:,.2f} USD/h for as many accelerators", f"written off over {LIFE_MONTHS} months",
               *server.about),
        by="cost, straight-line",
    )  # fmt: skip


def _values(**numbers: float | Floats) -> dict[str, Floats]:
    return {name: np.asarray(value, dtype=np.float64) for name, value in numbers.items()}


def _saved(cost: tuple[Floats, Floats]) -> Floats:
    return np.asarray(1 - cost[1] / cost[0])


def _between(values: Floats, low: float, high: float) -> Booleans:
    return np.asarray((values >= low - 1e-12) & (values <= high + 1e-12))


def _sparing() -> Iterator[Rule]:
    for times in (5.0, 10.0):
        yield Rule(
            name=f"routing_{times:g}_times_cheaper",
            claim="routing to a smaller model cuts cost by 60 to 80 %",
            varied="share routed down", unit="share", stated=0.65, low=0.0, high=1.0,
            holds=_routed(times),
            given=(f"a model {times:g} times cheaper", "quality and router not counted"), by="lever share",
        )  # fmt: skip
    yield Rule(
        name="cascade",
        claim="a cascade, dear ranking only for the top, cuts a page's cost by 90 %",
        varied="share ranked by the dear model", unit="share", stated=0.05, low=0.001, high=0.5,
        holds=lambda share: _saved(cascade_effect(_passing(1 - share)).cost) >= 0.9,  # noqa: PLR2004 - the claim's
        given=("retrieval 50 times cheaper for every candidate",), by="lever cascade",
    )  # fmt: skip
    for batched in (0.0, 1.0):
        yield Rule(
            name="caching_and_batching" if batched else "caching_alone",
            claim="caching and batching lower the cost of a query by 40 to 70 %",
            varied="hit rate", unit="share", stated=0.3, low=0.0, high=0.95,
            holds=_batched(batched),
            given=(f"{batched:.0%} of the rest sent as batch, at half price".replace("%", " %"), "every hit right"),
            by="lever cache",
        )  # fmt: skip
    yield Rule(
        name="semantic_caching",
        claim="a semantic cache that answers 25 to 45 % of calls saves about as much of their cost (20 % or more)",
        varied="error rate of a hit", unit="share", stated=0.02, low=0.0, high=0.5,
        holds=lambda wrong: _saved(cache_effect(_hits(wrong)).cost) >= 0.2,  # noqa: PLR2004 - the claim's
        given=("35 % of calls hit", "a wrong answer loses ten times the cost of an answer", "look-up 2 % of an answer"),
        by="lever cache",
    )  # fmt: skip


def _routed(times: float) -> Callable[[Floats], Booleans]:
    return lambda share: _between(share * (1 - 1 / times), 0.6, 0.8)


def _batched(share: float) -> Callable[[Floats], Booleans]:
    return lambda hits: _between(_cached(hits, share), 0.4, 0.7)


def _passing(share: Floats) -> dict[str, Floats]:
    return _values(
        weak_usd=1.0, strong_usd=50.0, verifier_usd=0.0, weak_quality=1.0, strong_quality=1.0, accepts_right=share,
        accepts_wrong=0.0,
    )  # fmt: skip


def _hits(wrong: Floats) -> dict[str, Floats]:
    return _values(answer_usd=1.0, lookup_usd=0.02, hit_rate=0.35, error_rate=wrong, wrong_usd=10.0)


def _cached(hits: Floats, batched: float) -> Floats:
    v = _values(answer_usd=1.0, lookup_usd=0.0, hit_rate=hits, error_rate=0.0, wrong_usd=0.0)
    return np.asarray(1 - cache_effect(v).cost[1] * (1 - batched / 2))


def _paying() -> Iterator[Rule]:
    yield Rule(
        name="inference_share",
        claim="serving is 80 to 90 % of what a model costs over its life",
        varied="training, in months of serving", unit="months", stated=6.0, low=0.5, high=60.0,
        holds=lambda months: _between(life_effect(_life(months), 36).extra()["serving_share"].values, 0.8, 0.9),
        given=("a life of 36 months at level use and prices", "no retraining"), by="lever life",
    )  # fmt: skip
    yield Rule(
        name="build_and_serving",
        claim="serving has cost as much as the build within four months",
        varied="meals a day", unit="meals", stated=50_000.0, low=5_000.0, high=500_000.0,
        holds=lambda meals: _months_to_match(meals) <= 4,  # noqa: PLR2004 - the claim's
        given=("a build of 200,000 USD", "0.04 USD a meal", "months of 30 days"), by="lever life",
    )  # fmt: skip
    yield Rule(
        name="point_of_accuracy",
        claim="one more point of accuracy costs millions a year",
        varied="predictions a month", unit="predictions", stated=1e8, low=1e5, high=1e10,
        holds=lambda count: count * 12 * 0.002 >= 1e6,  # noqa: PLR2004 - the claim's
        given=("a model 0.002 USD a prediction dearer for one point",), by="lever accuracy",
    )  # fmt: skip
    yield Rule(
        name="several_samples",
        claim="five samples and a verifier are worth their cost",
        varied="worth of a solved prediction / cost of a sample", unit="ratio", stated=100.0, low=1.0, high=10_000.0,
        holds=lambda worth: best_samples(np.asarray(0.122), np.asarray(0.645), np.ones(()), worth) >= 5,  # noqa: PLR2004
        given=("difficulty Beta(0.122, 0.645), from published coverage at 1 and 250 samples",), by="lever samples",
    )  # fmt: skip
    yield Rule(
        name="price_of_a_level",
        claim="the price of the same level of quality falls more than tenfold a year",
        varied="months for a fall of 280 times", unit="months", stated=23.0, low=6.0, high=60.0,
        holds=lambda months: 280.0 ** (12 / months) >= 10,  # noqa: PLR2004 - the claim's
        given=("280 times, November 2022 to October 2024",), by="280^(12 / months)",
    )  # fmt: skip


def _life(months: Floats) -> dict[str, Floats]:
    return _values(
        training_usd=months, serving_usd_per_month=np.ones_like(months), growth_per_month=0.0, price_fall_per_year=0.0,
        discount_per_year=0.0, retraining_usd_per_year=0.0, predictions_per_month=1.0, serving_cut_share=0.1,
    )  # fmt: skip


def _months_to_match(meals: Floats) -> Floats:
    month = meals * 0.04 * 30
    v = _life(np.full_like(month, 200_000.0)) | _values(serving_usd_per_month=month)
    found = life_effect(v, 120).extra()["crossover_month"].values
    return np.where(np.isnan(found), np.inf, found)


def _serving(catalog: Catalog) -> Iterator[Rule]:
    model, board = catalog.model(DENSE), catalog.accelerator(DRAFTING_BOARD)
    curve = step_curve(model, board, 2, "fp8", context_mean=1024.0, max_batch=512, engine="vllm")
    draft_s = 0.03 * (curve.step_base_s + (curve.token_s[0][1] if curve.token_s else 0.0))
    drafting = _values(acceptance=0.8, draft_s=draft_s, draft_per_sequence_s=0.0, context_tokens=1024.0)
    on = (f"{DENSE}, 2 x {DRAFTING_BOARD}, fp8, vllm",)
    yield Rule(
        name="speculation",
        claim="speculative decoding answers 2 to 3 times faster",
        varied="sequences at a time", unit="sequences", stated=1.0, low=1.0, high=512.0, whole=True,
        holds=lambda batch: best_draft(curve, drafting | {"batch": batch}, 10).speedup >= 2,  # noqa: PLR2004
        given=(*on, "acceptance 0.8, a draft of 3 % of a step"), by="lever speculation",
    )  # fmt: skip
    yield Rule(
        name="speculation_pays",
        claim="speculative decoding is worth having",
        varied="sequences at a time", unit="sequences", stated=8.0, low=1.0, high=512.0, whole=True,
        holds=lambda batch: best_draft(curve, drafting | {"batch": batch}, 10).length > 0,
        given=(*on, "acceptance 0.8, a draft of 3 % of a step"), by="lever speculation",
    )  # fmt: skip
    half = replica(model, board, 2, "fp16", "vllm")
    yield Rule(
        name="eight_bits",
        claim="eight bits instead of sixteen nearly halve a decode step (1.6 times or more)",
        varied="sequences at a time", unit="sequences", stated=1.0, low=1.0, high=512.0, whole=True,
        holds=lambda batch: _each(batch, lambda b: float(speedup(*_bits(half, b)))) >= 1.6,  # noqa: PLR2004
        given=(f"{DENSE}, 2 x {DRAFTING_BOARD}, vllm, 1,024 tokens of context each",), by="lever quantization",
    )  # fmt: skip
    mixture = catalog.model(MIXTURE)
    yield Rule(
        name="active_parameters",
        claim="a mixture of experts reads what its active parameters say (at most half as much again)",
        varied="sequences at a time", unit="sequences", stated=1.0, low=1.0, high=512.0, whole=True,
        holds=lambda batch: _read(mixture.experts, mixture.experts_per_token, batch) <= 1.5,  # noqa: PLR2004
        given=(f"{MIXTURE}: {mixture.experts_per_token} of {mixture.experts} experts a token",), by="lever experts",
    )  # fmt: skip


def _bits(of: Replica, batch: float) -> tuple[Floats, Floats]:
    return np.asarray(memory_share(of, batch, 1024.0, 0.5)), np.asarray(0.5)


def _each(values: Floats, function: Callable[[float], float]) -> Floats:
    return np.array([function(float(value)) for value in values])


def _read(experts: int, per_token: int, batch: Floats) -> Floats:
    return np.asarray(touched_share(experts, per_token, batch) / (per_token / experts))
