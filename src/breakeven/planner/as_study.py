"""A plan's options as a study, so that the one engine that draws, flips and pays back does it for plans as well."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from breakeven.config.study.file import StudyFile
from breakeven.cost.owned import ACCELERATORS_PER_NODE
from breakeven.cost.tco import HYPERSCALERS
from breakeven.planner.as_placed import placed_parts
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.planner.weigh import demand
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.offer import Offer
from breakeven.schema.plan import Option

LONGEST = 60
RESIDUAL_AGES = (12, 24, 36, 60)
TITLE = "the plan's options"


def identifier(name: str) -> str:
    """A name that a formula can hold: `aws-p5/h100` becomes `aws_p5_h100`; long ones end in a digest."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    plain = plain if plain[:1].isalpha() else f"o_{plain}"
    if len(plain) <= LONGEST:
        return plain
    return f"{plain[: LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def as_study(
    options: Sequence[Option],
    candidates: Sequence[Candidate],
    question: Question,
    *,
    as_of: str,
    seed: int,
    horizon_months: int,
    compare: str = "",
) -> StudyFile:
    """The options as a study with the catalog's assumptions and their ranges.

    Prices stay flat at base, as the plan's do; their falls (`assumption/api_price_decay`, `cloud_gpu_price_decay`) are
    ranges that only the draws reach. Names are made fit for formulas; `identifier` maps them.
    """
    by_name = {one.name: one for one in candidates}
    month = demand(question)
    return StudyFile.model_validate(
        {
            "study": 1,
            "id": "plan",
            "title": f"Options for {question.objective.use_case}",
            "source": {"title": f"workload of {question.objective.use_case}", "published": as_of},
            "as_of": as_of,
            "conventions": {
                "hours_per_month": HOURS_PER_MONTH,
                "horizon_months": horizon_months,
                "discount_rate": {"fact": "assumption/cost_of_capital"},
            },
            "inputs": _inputs([by_name[one.name].offer for one in options]),
            "demand": {
                "requests": f"{month.requests!r} request/month",
                "input_tokens": f"{month.input_tokens!r} token/month",
                "cached_input_tokens": f"{month.cached_input_tokens!r} token/month",
                "output_tokens": f"{month.output_tokens!r} token/month",
            },
            "options": {identifier(one.name): _option(one, by_name[one.name]) for one in options},
            "uncertainty": {"seed": seed, "compare": compare},
        }
    )


def _inputs(offers: Sequence[Offer | None]) -> dict[str, Any]:
    sizes = sorted({offer.count for offer in offers if offer is not None and offer.kind == "server_purchase"})
    names = ("pue", "server_power_ratio", "useful_life", "staff_fte_per_8gpu_node", "electricity_us_commercial")
    return {
        **{name: {"fact": f"assumption/{name}"} for name in names},
        "api_price_change": _change("API list prices"),
        "cloud_price_change": _change("rents of accelerators"),
        **{f"nodes_of_{size}": _nodes(size) for size in sizes},
    }


def _nodes(size: int) -> dict[str, Any]:
    """The staff assumption counts nodes of eight accelerators."""
    return {"value": size / ACCELERATORS_PER_NODE, "unit": "1/server", "source": "definition of a node in the catalog"}


def _change(what: str) -> dict[str, Any]:
    """No change at base; half as far down as the widest published fall, or a little up."""
    return {
        "value": "0 %/year",
        "low": "-40 %/year",
        "high": "10 %/year",
        "source": f"assumption of this project: {what} fell by up to 40 % a year and some rose",
    }


def _option(option: Option, candidate: Candidate) -> dict[str, Any]:
    offer = candidate.offer
    if offer is None:
        return {"placement": option.placement}
    spare = option.spare_replicas
    about: dict[str, Any] = {"title": option.name, "placement": option.placement}
    if candidate.placed:
        return about | placed_parts(option, candidate, offer, _priced)
    parts: dict[str, Any] = BUILDERS[offer.kind](option, offer, spare)
    return about | parts


def _api(option: Option, offer: Offer, spare: int) -> dict[str, Any]:
    del option, spare
    prices = {
        "input": (offer.input_usd_per_mtok, "USD/Mtok"),
        "cached_input": (offer.cached_input_usd_per_mtok, "USD/Mtok"),
        "output": (offer.output_usd_per_mtok, "USD/Mtok"),
        "request": (offer.request_usd, "USD/request"),
    }
    return {
        "api": {
            name: _priced(value, unit, offer) | {"trend": "= api_price_change"}
            for name, (value, unit) in prices.items()
            if value is not None
        }
    }


def _priced(value: float, unit: str, offer: Offer) -> dict[str, Any]:
    return {
        "value": float(value),
        "unit": unit,
        "source": offer.source,
        "as_of": _day(offer.valid_from),
        "url": offer.url,
    }


def _day(text: str) -> str:
    return f"{text}-01-01"[:10] if len(text) == 4 else f"{text}-01"[:10]  # noqa: PLR2004 - a year alone


def _servers(option: Option, offer: Offer, spare: int) -> dict[str, Any]:
    """Serving and spare machines, as the bill counts them."""
    each, per = max(1, option.deployment.accelerators), max(1, offer.count)
    serving = -(-(option.deployment.replicas - spare) * each // per)
    standing = -(-spare * each // per)
    return {
        "servers": _count(serving),
        "spare_servers": _count(standing),
        "accelerators_per_server": f"{per} accelerator/server",
    }


def _count(servers: int) -> dict[str, Any]:
    """How many there are follows from the sizing: nothing that could turn out otherwise."""
    return {"value": f"{servers} server", "distribution": "fixed"}


def _rented(option: Option, offer: Offer, spare: int) -> dict[str, Any]:
    each, per = max(1, option.deployment.accelerators), max(1, offer.count)
    machines = -(-option.deployment.replicas * each // per)
    rent = {
        "price": _priced(offer.usd_per_hour or 0.0, "USD/server/h", offer) | {"trend": "= cloud_price_change"},
        "overhead": {"fact": "assumption/autoscaling_overhead"},
        "goodput_loss": {"fact": "assumption/goodput_loss"},
    }
    if offer.provider in HYPERSCALERS:
        rent["support"] = {"fact": "assumption/support_uplift_hyperscaler"}
    del spare
    return {"fleet": {"servers": _count(machines)}, "rent": rent}


def _cpu(option: Option, offer: Offer, spare: int) -> dict[str, Any]:
    del spare
    price = _priced(offer.usd_per_hour or 0.0, "USD/server/h", offer)
    return {"fleet": {"servers": _count(option.deployment.replicas)}, "rent": {"price": price}}


def _owned(option: Option, offer: Offer, spare: int) -> dict[str, Any]:
    return {
        "fleet": _servers(option, offer, spare),
        "purchase": {
            "price": _priced(offer.purchase_usd or 0.0, "USD/server", offer),
            "life": "= useful_life",
            "refresh": True,
            "residual_curve": tuple((float(age), {"fact": f"assumption/residual_{age}m"}) for age in RESIDUAL_AGES),
        },
        "power": {
            "per_accelerator": {"fact": f"accelerator/{offer.accelerator}/tdp_w"},
            "server_ratio": "= server_power_ratio",
            "pue": "= pue",
            "tariff": "= electricity_us_commercial",
        },
        "housing": {"price": {"fact": "assumption/colocation_per_kw"}},
        "lines": {
            "maintenance": {"rate": {"fact": "assumption/maintenance"}, "of": "purchase"},
            "staff": {
                "rate": {"fact": "assumption/staff_loaded"},
                "count": f"= staff_fte_per_8gpu_node * nodes_of_{offer.count}",
            },
        },
    }


BUILDERS: Mapping[str, Any] = {"api": _api, "accelerator_hour": _rented, "cpu_hour": _cpu, "server_purchase": _owned}
