"""Both files and their prices become one policy; same inputs, same bytes."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.config import policy_file, settings
from breakeven.config.compile import compile_policy, identified, objective
from breakeven.config.own_offer import own_offer
from breakeven.config.settings import DeploymentSettings, PriceSettings
from breakeven.errors import PolicyError
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.policy import CapacityPrice, Policy, RouteTarget, Tenant, TokenPrice, WorkCurve

SETTINGS = """\
gateway: {max_body_mb: 2, cors_origins: ["https://shop.example"]}
tenants: [{name: acme, key_env: ACME}]
backends:
  - {name: api, kind: openai, base_url: "https://api.example/v1/", timeout_s: 30}
  - {name: ranker, kind: onnx, model_path: models/r.onnx, max_delay_ms: 5}
deployments:
  - {name: big, backend: api, model: gpt, placement: api}
  - {name: small, backend: ranker, placement: cpu, work: {request_ms: 0.1, row_ms: 0.002}}
planning: {placements: [api], regions: [eu], horizon_months: 12}
"""

POLICY = """\
plan_id: plan-1
default_use_case: chat
use_cases:
  - name: chat
    tier: critical
    models: [gpt]
    latency: {budget_ms: 30000, ttft_ms: 1000, tpot_ms: 50, attainment: 0.9, stages: {queue_ms: 50, network_ms: 20}}
    used_when: delivered
    attribution_window_s: 60
    route: {sticky: false, targets: [{deployment: big, weight: 3, arm: control}, {deployment: small}]}
    failure: [cached, default, error]
    default_answer: "sorry"
    cache_ttl_s: 5
    ack: durable
    store_prompts: true
"""

PRICES = {"big": TokenPrice(price_id="o", input_pico_usd=150_000)}
CAPACITIES = {"small": CapacityPrice(price_id="c", replicas=1, pico_usd_per_replica_s=11)}
WORKS = {"small": WorkCurve(prefill_s_per_token=0.5, row_s=9.0)}
KEYS = {"acme": ["ab" * 32]}


def compiled(settings_text: str = SETTINGS, policy_text: str = POLICY, **changed: object) -> Policy:
    given_ = {"prices": PRICES, "capacities": CAPACITIES, "works": WORKS, "key_digests": KEYS} | changed
    return compile_policy(settings.load(settings_text), policy_file.load(policy_text), **given_)


def test_every_field_arrives_in_base_units() -> None:
    """Milliseconds become seconds, megabytes bytes, words flags; prices and work are joined by deployment."""
    policy = compiled(base_dir="/srv/app", grids={"small": 300.0})
    use_case = policy.use_cases[0]
    assert (use_case.budget_s, use_case.ttft_s, use_case.tpot_s) == (30.0, 1.0, 0.05)
    assert use_case.stages == {"network": 0.02, "queue": 0.05}
    assert (use_case.window_s, use_case.cache_ttl_s, use_case.ack_durable) == (60.0, 5.0, True)
    assert (use_case.failure, use_case.default_body) == (("cached", "default", "error"), "sorry")
    assert use_case.route.targets == (
        RouteTarget(deployment="big", weight=3.0, arm="control"),
        RouteTarget(deployment="small", weight=1.0),
    )
    assert (use_case.route.strategy, use_case.route.sticky) == ("weighted", False)
    big, small = policy.deployments
    assert (big.tokens, big.capacity, big.work) == (PRICES["big"], None, None)
    assert (small.tokens, small.capacity, small.grid_gco2_per_kwh) == (None, CAPACITIES["small"], 300.0)
    assert small.work == WorkCurve(prefill_s_per_token=0.5, request_s=0.0001, row_s=0.000002)
    api, ranker = policy.backends
    assert (api.base_url, api.timeout_s) == ("https://api.example/v1", 30.0)
    assert (ranker.model_path, ranker.max_delay_s) == ("/srv/app/models/r.onnx", 0.005)
    assert policy.tenants == (Tenant(name="acme", key_sha256=("ab" * 32,)),)
    assert (policy.max_body_bytes, policy.cors_origins) == (2 * 1024 * 1024, ("https://shop.example",))
    assert (policy.plan_id, policy.default_use_case) == ("plan-1", "chat")


def test_absolute_model_paths_stay() -> None:
    """Only a relative path starts from the folder of the file."""
    text = SETTINGS.replace("models/r.onnx", "/models/r.onnx")
    assert compiled(text, base_dir="/srv").backends[1].model_path == "/models/r.onnx"
    assert compiled(base_dir=".").backends[1].model_path == "models/r.onnx"


def test_an_absent_price_is_unpriced_not_zero() -> None:
    """A deployment without a price entry has none in the policy."""
    policy = compiled(prices={}, capacities={}, works={})
    assert [(entry.tokens, entry.capacity) for entry in policy.deployments] == [(None, None), (None, None)]
    assert policy.deployments[1].work == WorkCurve(request_s=0.0001, row_s=0.000002)


def test_the_id_is_the_hash_of_the_rest() -> None:
    """`id` = "pol-" + 16 hex digits of the SHA-256 of the JSON with an empty id; it survives the lock file."""
    policy = compiled()
    blank = msgspec.json.encode(msgspec.structs.replace(policy, id=""), order="deterministic")
    assert policy.id == f"pol-{hashlib.sha256(blank).hexdigest()[:16]}"
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy
    assert identified(policy) == policy


def test_same_inputs_same_bytes_whatever_the_order_of_the_mappings() -> None:
    """The order in which prices were collected, or stages written, is no input."""
    prices = {"small": TokenPrice(price_id="x"), **PRICES}
    swapped = POLICY.replace("{queue_ms: 50, network_ms: 20}", "{network_ms: 20, queue_ms: 50}")
    first = compiled(prices=prices)
    second = compiled(policy_text=swapped, prices=dict(reversed(prices.items())))
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


@pytest.mark.parametrize(
    ("old", "new"), [("weight: 3", "weight: 4"), ("plan-1", "plan-2"), ("30000", "30001"), ("sorry", "Sorry")]
)
def test_another_policy_has_another_id(old: str, new: str) -> None:
    """Anything that changes what the gateway does changes the id."""
    assert compiled().id != compiled(policy_text=POLICY.replace(old, new)).id


@given(st.permutations(["# a note", "", "   # another"]))
def test_comments_are_no_input(notes: list[str]) -> None:
    """Words for people do not change the id."""
    assert compiled(policy_text="\n".join([*notes, POLICY])).id == compiled().id


@pytest.mark.parametrize(
    ("settings_text", "policy_text", "message", "way_out"),
    [
        (SETTINGS, POLICY.replace("deployment: big", "deployment: bgi"), "unknown deployment `bgi`", "`big`"),
        ("", POLICY, "unknown deployment `big`", "there are: nothing yet"),
    ],
)
def test_references_between_the_files_are_checked(
    settings_text: str, policy_text: str, message: str, way_out: str
) -> None:
    """A route to nowhere is refused here too, where positions are no longer known."""
    with pytest.raises(PolicyError, match=message) as caught:
        compiled(settings_text, policy_text)
    assert way_out in caught.value.way_out


def test_values_built_in_code_are_checked_too() -> None:
    """A deployment without backend, or a default use case that is none, is refused by name."""
    lone = settings.Settings(deployments=(DeploymentSettings(name="d", backend="b"),))
    file = policy_file.load(POLICY)
    none = {"prices": {}, "capacities": {}, "works": {}, "key_digests": {}}
    with pytest.raises(PolicyError, match="deployment `d` names the unknown backend `b`"):
        compile_policy(lone, file, **none)
    other = file.model_copy(update={"default_use_case": "chta"})
    with pytest.raises(PolicyError, match="unknown use case `chta`") as caught:
        compile_policy(settings.load(SETTINGS), other, **(none | {"key_digests": KEYS}))
    assert caught.value.way_out == "did you mean `chat`?"


def test_a_tenant_without_a_key_is_refused() -> None:
    """A tenant nobody can be is a mistake in the environment, named by its variable."""
    with pytest.raises(PolicyError, match="tenant `acme` has no key: the environment variable ACME is not set"):
        compiled(key_digests={})


def test_the_objective_is_what_the_plan_must_meet() -> None:
    """Targets and the stages around inference come from the policy, hard constraints from the planning section."""
    found = settings.load(SETTINGS)
    assert objective(policy_file.load(POLICY).use_cases[0], found.planning) == Objective(
        use_case="chat",
        tier="critical",
        budget_s=30.0,
        ttft_s=1.0,
        tpot_s=0.05,
        attainment=0.9,
        placements=("api",),
        regions=("eu",),
        horizon_months=12,
        network_s=0.02,
    )


@pytest.mark.parametrize(
    ("amount", "accelerator", "kind"),
    [("usd_per_hour", "h100", "accelerator_hour"), ("usd_per_hour", "", "cpu_hour"), ("request_usd", "", "api")],
)
def test_an_own_price_is_an_offer_with_source_and_date(amount: str, accelerator: str, kind: str) -> None:
    """Own prices travel the same way as catalog prices, and keep their provenance."""
    price = PriceSettings(source="invoice 7", date="2026-11-01", **{amount: 2.5})
    deployment = DeploymentSettings(name="d", backend="b", accelerator=accelerator, accelerators=4, price=price)
    offer = own_offer(deployment)
    assert isinstance(offer, Offer)
    assert (offer.id, offer.kind, offer.source, offer.valid_from) == ("own:d", kind, "invoice 7", "2026-11-01")
    assert (getattr(offer, amount), offer.count if accelerator else 4) == (2.5, 4)
    assert offer.output_usd_per_mtok is None


def test_no_price_is_no_offer() -> None:
    """Unpriced stays unpriced."""
    assert own_offer(DeploymentSettings(name="d", backend="b")) is None
