"""What each deployment of the settings costs and how fast it is, joined from its offer, the catalog and `perf`."""

from __future__ import annotations

from breakeven.assembly import pools
from breakeven.catalog.find import Catalog
from breakeven.config.own_offer import own_offer
from breakeven.config.settings import DeploymentSettings, Settings
from breakeven.cost.assumptions import assumptions
from breakeven.cost.capacity import capacity_price, usd_per_replica_hour
from breakeven.cost.case import Case, Fleet, Site
from breakeven.cost.price import token_price
from breakeven.cost.tco import monthly_bill
from breakeven.errors import FactError
from breakeven.perf.curve import step_curve
from breakeven.perf.work import grouped, work_curve
from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer
from breakeven.schema.performance import StepCurve
from breakeven.schema.policy import CapacityPrice, TokenPrice, WorkCurve


class Resolved(Noun, frozen=True, kw_only=True):
    """What the compiler of policies needs, each by deployment name; a name that is missing is unpriced or unknown."""

    prices: dict[str, TokenPrice]
    capacities: dict[str, CapacityPrice]
    works: dict[str, WorkCurve]
    grids: dict[str, float]


def resolve(found: Settings, catalog: Catalog, on: str) -> Resolved:
    """Prices and curves of every deployment as of an ISO date; a classic model has no steps that could be predicted.

    Raises:
        FactError: an offer, accelerator or model named in the settings is unknown, or lacks a value it needs.
    """
    prices: dict[str, TokenPrice] = {}
    capacities: dict[str, CapacityPrice] = {}
    works: dict[str, WorkCurve] = {}
    site, scorers = site_of(found, catalog, on), {one.name for one in found.backends if one.kind != "openai"}
    for entry in found.deployments:
        offer = offer_of(entry, catalog, on)
        classic = entry.backend in scorers and not entry.catalog_model
        stands = deployment_of(entry)
        curve = None if classic else curve_of(stands, catalog)
        if curve is not None:
            works[entry.name] = grouped(work_curve(curve), stands)
        if offer is not None and offer.kind == "api":
            prices[entry.name] = token_price(offer)
        elif offer is not None:
            capacities[entry.name] = _capacity(entry, offer, curve, catalog, site)
    return Resolved(prices=prices, capacities=capacities, works=works, grids=_grids(found, catalog, on))


def offer_of(entry: DeploymentSettings, catalog: Catalog, on: str) -> Offer | None:
    """The deployment's own price or catalog offer; None when it is unpriced."""
    return own_offer(entry) or (catalog.offer(entry.offer, on) if entry.offer else None)


def deployment_of(entry: DeploymentSettings) -> Deployment:
    """The settings' deployment as the noun that planner and performance model speak of."""
    return Deployment(
        id=entry.name,
        model=entry.catalog_model or entry.model,
        placement=entry.placement,
        offer=entry.offer,
        accelerator=entry.accelerator,
        accelerators=entry.accelerators or (1 if entry.accelerator else 0),
        replicas=entry.replicas,
        engine=entry.engine,
        precision=entry.precision,
        pools=pools.pools_of(entry),
    )


def curve_of(deployment: Deployment, catalog: Catalog) -> StepCurve | None:
    """The predicted coefficients of an instance of a deployment on accelerators; None when it has none.

    Raises:
        FactError: the catalog does not know the model or accelerator, or lacks a value.
    """
    if not deployment.accelerator:
        return None
    return step_curve(
        catalog.model(deployment.model),
        catalog.accelerator(deployment.accelerator),
        deployment.tensor_parallel,
        deployment.precision,
        max_batch=deployment.max_batch,
        engine=deployment.engine.lower(),
    )


def site_of(found: Settings, catalog: Catalog, on: str) -> Site:
    """Where owned machines stand: the tariff of the stated country in force on an ISO date, else the assumed one."""
    country = found.planning.electricity_country
    if not country:
        return Site()
    tariff = catalog.electricity(country, on)
    return Site(usd_per_kwh=tariff.value, tariff_fact=tariff.key)


def _capacity(
    entry: DeploymentSettings, offer: Offer, curve: StepCurve | None, catalog: Catalog, site: Site
) -> CapacityPrice:
    each, idle_w, busy_w = deployment_of(entry).instances, None, entry.power_w
    if curve is not None:
        idle_w = None if curve.power_idle_w is None else each * curve.power_idle_w
        known = None if curve.power_busy_w is None else each * curve.power_busy_w
        busy_w = known if busy_w is None else busy_w
    return capacity_price(
        usd_per_hour_per_replica=_usd_per_replica_hour(entry, offer, catalog, site),
        replicas=entry.replicas,
        price_id=f"{offer.id}@{offer.valid_from}",
        power_idle_w=idle_w,
        power_busy_w=busy_w,
    )


def _usd_per_replica_hour(entry: DeploymentSettings, offer: Offer, catalog: Catalog, site: Site) -> float:
    """Rent per accelerator as listed, without the assumptions a plan adds; a purchase by its whole monthly bill."""
    per_replica = max(1, entry.accelerators)
    if offer.kind == "server_purchase":
        hourly = _owned_hourly(entry, offer, catalog, site)
    else:
        hourly = None if offer.usd_per_hour is None else offer.usd_per_hour * per_replica / offer.count
    if hourly is None:
        message = f"offer {offer.id} of deployment {entry.name} has no price per hour"
        raise FactError(message, "name another offer, or give the deployment a `price:` with source and date")
    return hourly


def _owned_hourly(entry: DeploymentSettings, offer: Offer, catalog: Catalog, site: Site) -> float | None:
    board = catalog.accelerator(offer.accelerator) if offer.accelerator else None
    fleet = Fleet(
        replicas=entry.replicas,
        accelerators=max(1, entry.accelerators),
        tdp_w=board.tdp_w if board is not None else None,
    )
    case = Case(
        option=entry.name,
        placement=entry.placement,
        offer=offer,
        assumptions=assumptions(catalog.assumptions(), "base"),
        fleet=fleet,
        site=site,
    )
    return usd_per_replica_hour(monthly_bill(case), entry.replicas)


def _grids(found: Settings, catalog: Catalog, on: str) -> dict[str, float]:
    zone = found.planning.grid_zone
    intensity = catalog.carbon(zone, on).value if zone else None
    return {} if intensity is None else {entry.name: intensity for entry in found.deployments}
