"""What a policy enforces arrives at the gateway as it was written, or is refused."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.config import policy_file, settings
from breakeven.config.compile import batching, compile_policy
from breakeven.config.policy_parts import MOST_USD
from breakeven.config.settings import BackendSettings
from breakeven.errors import ConfigError, PolicyError
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.policy import (
    TIER_RULES,
    Breaker,
    Budget,
    CapacityPrice,
    Decision,
    Hedge,
    Policy,
    Quota,
    Retry,
    Rule,
    Segments,
    TierRule,
    TokenPrice,
    UseCase,
)

SETTINGS = """\
tenants:
  - name: acme
    key_env: ACME
    quota: {requests_per_s: 50, tokens_per_min: 2000, requests_per_day: 9, burst_s: 4, max_in_flight: 8}
    use_cases: [chat]
  - {name: labs, key_env: LABS}
backends:
  - {name: api, kind: openai, base_url: "http://h/v1", deadline_header: "", stall_s: 3}
  - {name: scorer, kind: onnx, model_path: s.onnx, threads: 4, max_batch: auto, max_delay_ms: auto}
deployments:
  - {name: big, backend: api, region: eu, quality: 1, max_in_flight: 9}
  - {name: other, backend: api, region: eu, quality: 0.9}
  - {name: scorer, backend: scorer}
"""

POLICY = """\
use_cases:
  - name: chat
    tier: critical
    route: {targets: [{deployment: big}], explore: 0.25}
    latency: {stages: {capture_ms: 50, render_ms: 20}, client_stages: [capture]}
    failure: [deployment:other, segment, rules, error]
    segments: {by: plan, answers: {gold: now, free: soon}}
    rules: [{when: {region: eu, channel: app}, answer: x}, {answer: y}]
    retry: {ratio: 1, attempts: 3, backoff_ms: 10}
    hedge: {after_ms: 250}
    value_per_outcome_usd: 2
    quality_floor: 0.8
    data_locality: [eu, ch]
    on_tracking_incomplete: suppress
    personal_data: true
    max_output_tokens: 100
  - name: offer
    route: {targets: [{deployment: scorer}]}
    retry: off
    decision: {features: [a], candidate_features: [b, c], output: y, column: 2, datatype: FP64, explore: 0.5}
budgets:
  - {name: all, limit_usd: 0.1}
  - {name: some, limit_usd: 9e6, period: total, tenant: acme, use_case: chat, hard: false, on_exhausted: cap, alert_at: [1, 0.5, 1]}
tiers: {critical: {explore: true, fail: closed}, opportunistic: {share: 0.1, hedge: true}}
breaker: {failures: 0.2, least: 3, window_s: 5, probe_s: 2}
"""  # noqa: E501 - one budget a line

PRICES = {name: TokenPrice(price_id="p", input_pico_usd=1, output_pico_usd=2) for name in ("big", "other")}
CAPACITIES = {"scorer": CapacityPrice(price_id="c", replicas=1, pico_usd_per_replica_s=11)}
KEYS = {"acme": ["ab" * 32], "labs": ["cd" * 32]}


def compiled(settings_text: str = SETTINGS, policy_text: str = POLICY, **changed: object) -> Policy:
    found = settings.load(settings_text)
    given_ = {"prices": PRICES, "capacities": CAPACITIES, "works": {}, "key_digests": KEYS} | changed
    return compile_policy(found, policy_file.load(policy_text, beside=found), **given_)


def test_a_use_case_arrives_in_base_units() -> None:
    """Milliseconds become seconds, words flags; the order of mappings is no input."""
    chat, offer = compiled().use_cases
    assert chat.route.explore == 0.25
    assert (chat.stages, chat.client_stages) == ({"capture": 0.05, "render": 0.02}, ("capture",))
    assert chat.failure == ("deployment:other", "segment", "rules", "error")
    assert chat.segments == Segments(by="plan", answers={"gold": "now", "free": "soon"})
    assert chat.rules == (Rule(answer="x", when={"channel": "app", "region": "eu"}), Rule(answer="y"))
    assert chat.retry == Retry(ratio=1.0, attempts=3, backoff_s=0.01)
    assert chat.hedge == Hedge(quantile=0.95, ratio=0.02, after_s=0.25)
    assert (chat.value_per_outcome_usd, chat.quality_floor, chat.data_locality) == (2.0, 0.8, ("eu", "ch"))
    assert (chat.on_tracking_incomplete, chat.personal_data, chat.max_output_tokens) == ("suppress", True, 100)
    assert offer.retry is None
    assert offer.decision == Decision(
        features=("a",), candidate_features=("b", "c"), output="y", column=2, datatype="FP64", explore=0.5
    )


def test_what_all_use_cases_share_arrives() -> None:
    """Budgets in exact pico-dollars, alerts in order; tiers over their defaults; quotas; what backends can do."""
    policy = compiled()
    assert policy.budgets == (
        Budget(name="all", limit_pico_usd=PICO_PER_USD // 10),
        Budget(
            name="some",
            limit_pico_usd=MOST_USD * PICO_PER_USD,
            period="total",
            tenant="acme",
            use_case="chat",
            hard=False,
            on_exhausted="cap",
            alert_at=(0.5, 1.0),
        ),
    )
    assert policy.tiers == (
        TierRule(tier="critical", share=1.0, explore=True, hedge=True, fail_open=False),
        TIER_RULES[1],
        TierRule(tier="opportunistic", share=0.1, explore=True, hedge=True, fail_open=False),
    )
    assert policy.breaker == Breaker(failures=0.2, least=3, window_s=5.0, probe_s=2.0)
    assert policy.tenants[0].quota == Quota(
        requests_per_s=50.0, tokens_per_min=2000.0, requests_per_day=9, burst_s=4.0, max_in_flight=8
    )
    assert [tenant.use_cases for tenant in policy.tenants] == [("chat",), ()]
    assert [(one.region, one.quality, one.max_in_flight) for one in policy.deployments[:2]] == [
        ("eu", 1, 9),
        ("eu", 0.9, 0),
    ]
    api, scorer = policy.backends
    assert (api.deadline_header, api.stall_s, scorer.threads) == ("", 3.0, 4)


def test_a_policy_that_says_nothing_has_the_defaults_of_the_schema() -> None:
    """The defaults of the file are those of the compiled nouns; but for retries, which are on."""
    text = "use_cases: [{name: a, route: {targets: [{deployment: big}]}}]"
    policy = compiled(SETTINGS.replace("use_cases: [chat]", "use_cases: [a]"), text)
    bare = UseCase(name="a", route=policy.use_cases[0].route)
    assert policy.use_cases == (msgspec.structs.replace(bare, retry=Retry()),)
    assert (policy.budgets, policy.tiers, policy.breaker) == ((), TIER_RULES, Breaker())
    assert policy.tenants[1].quota == Quota()


@given(st.decimals("0.000001", str(MOST_USD), places=12))
@hypothesis.settings(max_examples=40)
def test_limits_are_exact_and_fit_63_bits(limit: object) -> None:
    """No limit that people can write with twelve digits behind the point is rounded away, and none overflows SQLite."""
    number = float(str(limit))
    policy = compiled(policy_text=POLICY.replace("limit_usd: 0.1}", f"limit_usd: {number!r}}}"))
    assert 0 < policy.budgets[0].limit_pico_usd < 2**63
    assert policy.budgets[0].limit_pico_usd / PICO_PER_USD == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.6, 0.85, 1])
def test_shares_must_descend(share: float) -> None:
    """A less important tier is never granted more, also against a default."""
    text = POLICY.replace("opportunistic: {share: 0.1", f"opportunistic: {{share: {share}")
    if share > 0.85:
        with pytest.raises(PolicyError, match=f"the share of opportunistic is {share:g}, more than 0.85 of important"):
            compiled(policy_text=text)
    else:
        shares = [rule.share for rule in compiled(policy_text=text).tiers]
        assert shares == sorted(shares, reverse=True)


def test_auto_is_the_default_until_a_curve_is_known() -> None:
    """Without a curve the numbers are those of a file that says nothing; what was chosen goes before; stated stays."""
    said_nothing = BackendSettings(name="b", kind="onnx", model_path="m")
    auto = said_nothing.model_copy(update={"max_batch": "auto", "max_delay_ms": "auto"})
    assert batching(auto) == batching(said_nothing) == (32, 0.002)
    stated = said_nothing.model_copy(update={"max_batch": 7, "max_delay_ms": 0.5})
    assert batching(stated) == batching(stated, (99, 1.0)) == (7, 0.0005)
    assert batching(auto, (99, 1.0)) == (99, 1.0)
    assert batching(auto.model_copy(update={"max_batch": 7}), (99, 1.0)) == (7, 1.0)
    assert (compiled().backends[1].max_batch, compiled().backends[1].max_delay_s) == (32, 0.002)


def cheaper(**prices: TokenPrice) -> dict[str, object]:
    return {"prices": prices, "capacities": {}}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            cheaper(big=PRICES["big"], other=PRICES["other"]),
            "`scorer`, which may answer use case `offer`, has no price",
        ),
        (cheaper(other=PRICES["other"]), "`big`, which may answer use case `chat`, has no price"),
        (cheaper(big=PRICES["big"]), "`other`, which may answer use case `chat`, has no price"),
        (cheaper(big=TokenPrice(price_id="p", output_pico_usd=1)), "`big`, .* has no price of input tokens"),
    ],
)
def test_a_hard_budget_needs_prices(changed: dict[str, object], told: str) -> None:
    """Whatever may answer under it has one, fallbacks too; a soft budget is content without."""
    with pytest.raises(PolicyError, match=f"budget `all` is hard, and deployment {told}") as caught:
        compiled(**changed)
    assert "hard: false" in caught.value.way_out
    soft = POLICY.replace("limit_usd: 0.1}", "limit_usd: 0.1, hard: false}")
    assert compiled(policy_text=soft, **changed).budgets[0].hard is False


@pytest.mark.parametrize(
    ("scope", "refused"), [("tenant: acme", False), ("tenant: labs", True), ("use_case: chat", False)]
)
def test_a_hard_budget_needs_the_prices_of_what_it_covers(scope: str, refused: bool) -> None:
    """What its tenant may not ask for, or another use case answers, need not be priced."""
    text = POLICY.replace("limit_usd: 0.1}", f"limit_usd: 0.1, {scope}}}")
    if refused:
        with pytest.raises(PolicyError, match="deployment `scorer`"):
            compiled(policy_text=text, capacities={})
    else:
        assert compiled(policy_text=text, capacities={}).budgets[0].hard


def test_a_tenant_is_granted_use_cases_there_are(tmp_path: Path) -> None:
    """An unknown one is told with its place in `breakeven.yaml`, once the policy beside it is known."""
    path = tmp_path / "breakeven.yaml"
    path.write_text(SETTINGS)
    settings.check_use_cases(settings.read(path), path, ["chat", "offer"])
    with pytest.raises(ConfigError, match=r"breakeven.yaml:5:17: unknown use case `chat`") as caught:
        settings.check_use_cases(settings.read(path), path, ["chats", "offer"])
    assert "did you mean `chats`?" in caught.value.message
    with pytest.raises(PolicyError, match="tenant `acme` may ask for the unknown use case `chat`"):
        compiled(policy_text=POLICY.replace("chat", "talk"))


def test_while_no_tenant_has_a_key_budgets_may_name_the_lone_one() -> None:
    """Who asks without keys is called default."""
    found = settings.load(
        "backends: [{name: b, kind: openai, base_url: http://h}]\ndeployments: [{name: d, backend: b}]"
    )
    text = "use_cases: [{name: a, route: {targets: [{deployment: d}]}}]\n"
    text += "budgets: [{name: x, limit_usd: 1, tenant: default}]"
    assert policy_file.load(text, beside=found).budgets[0].tenant == "default"
    with pytest.raises(PolicyError, match="unknown tenant `default`"):
        policy_file.load(text.replace("deployment: d", "deployment: big"), beside=settings.load(SETTINGS))
