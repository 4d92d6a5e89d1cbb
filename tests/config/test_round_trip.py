"""A value written as YAML is read back as the same value."""

from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.config import policy_file, reading, settings
from breakeven.config.policy_file import LatencySection, PolicyFile, RouteSection, TargetSection, UseCaseSection
from breakeven.config.policy_parts import (
    BreakerSection,
    BudgetSection,
    DecisionSection,
    HedgeSection,
    RetrySection,
    RuleSection,
    SegmentsSection,
    TierSection,
    TiersSection,
)
from breakeven.config.render import to_yaml
from breakeven.config.settings import (
    BackendSettings,
    DeploymentSettings,
    GatewaySettings,
    PlanningSettings,
    PriceSettings,
    QuotaSettings,
    Settings,
    TelemetrySettings,
    TenantSettings,
    WorkSettings,
)
from breakeven.errors import ConfigError, PolicyError

EXAMPLE = """\
version: 1
data_dir: .breakeven
policy: policy.yaml
gateway: {host: 127.0.0.1, port: 8080, workers: 1, console_port: 8081, cors_origins: [], max_body_mb: 8}
tenants:
  - {name: acme, key_env: ACME_KEY}
backends:
  - {name: vllm, kind: openai, base_url: http://127.0.0.1:9000/v1, api_key_env: OPENAI_API_KEY, timeout_s: 60}
  - {name: ranker, kind: onnx, model_path: models/ranker.onnx, max_batch: 64, max_delay_ms: 2}
  - {name: triton, kind: oip, base_url: "http://[::1]:8000"}
deployments:
  - name: assistant-h100
    backend: vllm
    model: llama-3.1-8b
    catalog_model: llama-3.1-8b-instruct
    placement: cloud
    offer: lambda-h100-sxm-on-demand
    accelerator: h100-sxm
    power_w: 700
    emulated: false
  - name: ranker-cpu
    backend: ranker
    placement: cpu
    price: {usd_per_hour: 0.04, source: "invoice 2026-10", date: 2026-11-01}
    work: {request_ms: 0.1, row_ms: 0.002}
facts: [own-facts.yaml]
planning:
  horizon_months: 36
  placements: [cloud, api]
  electricity_country: DEU
  grid_zone: DEU
  hours_per_month: 730
"""

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20).filter(str.strip)
amounts = st.none() | st.floats(0, 1e9, allow_nan=False) | st.sampled_from([3e-7, 0.0, 1.0])
placements = st.sampled_from(["on_prem", "colocated", "cloud", "api", "cpu", "edge", "unknown"])
prices = st.one_of(
    st.builds(PriceSettings, source=texts, date=st.just("2026-11-01"), usd_per_hour=st.floats(0, 1e6)),
    st.builds(
        PriceSettings,
        source=texts,
        date=st.just("2026-11-01"),
        request_usd=st.floats(0, 10),
        input_usd_per_mtok=amounts,
        output_usd_per_mtok=amounts,
    ),
)
gateways = st.builds(
    GatewaySettings,
    host=st.sampled_from(["10.0.0.1", "::1", "localhost"]),
    port=st.integers(1, 65534),
    workers=st.integers(1, 256),
    console_port=st.none() | st.just(0),
    cors_origins=st.lists(st.sampled_from(["*", "https://shop.example"]), max_size=2).map(tuple),
    max_body_mb=st.floats(0.01, 1024),
    access_log=st.sampled_from(["off", "stderr", "logs/access.jsonl"]),
)
quotas = st.builds(
    QuotaSettings,
    requests_per_s=st.floats(0, 1e6),
    tokens_per_min=st.floats(0, 1e9),
    requests_per_day=st.integers(0, 10**12),
    max_in_flight=st.integers(0, 1000),
)


@st.composite
def all_settings(draw: st.DrawFn) -> Settings:
    backends = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    deployments = draw(st.lists(names, max_size=3, unique=True))
    return Settings(
        data_dir=draw(texts),
        gateway=draw(gateways),
        telemetry=draw(st.builds(TelemetrySettings, otlp_endpoint=st.just("http://h:4318"))),
        tenants=tuple(
            TenantSettings(name=name, key_env=f"K{at}", quota=draw(quotas), use_cases=(name,))
            for at, name in enumerate(draw(st.sets(names)))
        ),
        backends=tuple(_backend(name, onnx=draw(st.booleans()), path=draw(texts)) for name in backends),
        deployments=tuple(
            DeploymentSettings(
                name=name,
                backend=draw(st.sampled_from(backends)),
                model=draw(texts),
                placement=draw(placements),
                price=draw(st.none() | prices),
                replicas=draw(st.integers(1, 100)),
                power_w=draw(amounts),
                work=draw(st.none() | st.builds(WorkSettings, row_ms=st.floats(0, 10))),
                emulated=draw(st.booleans()),
                region=draw(st.sampled_from(["", "eu", "no"])),
                quality=draw(st.none() | st.floats(0, 1)),
            )
            for name in deployments
        ),
        facts=tuple(draw(st.lists(texts, max_size=2))),
        planning=PlanningSettings(placements=tuple(draw(st.lists(placements, max_size=2))), grid_zone=draw(texts)),
    )


def _backend(name: str, *, onnx: bool, path: str) -> BackendSettings:
    if onnx:
        return BackendSettings(name=name, kind="onnx", model_path=path, max_delay_ms=0.5, max_batch="auto", threads=3)
    return BackendSettings(name=name, kind="openai", base_url="https://api.example/v1", api_key_env="KEY")


use_cases = st.builds(
    UseCaseSection,
    name=names,
    route=st.builds(
        RouteSection,
        targets=st.lists(
            st.builds(TargetSection, deployment=names, weight=st.floats(0.001, 100), arm=st.just("") | names),
            min_size=1,
            max_size=3,
            unique_by=lambda target: target.deployment,
        ).map(tuple),
        sticky=st.booleans(),
    ),
    tier=st.sampled_from(["critical", "important", "opportunistic"]),
    models=st.lists(texts, max_size=2).map(tuple),
    latency=st.builds(
        LatencySection,
        budget_ms=st.none() | st.floats(1000, 1e6),
        ttft_ms=st.none() | st.floats(0.1, 1000),
        attainment=st.floats(0.01, 1),
        stages=st.dictionaries(st.sampled_from(["network_ms", "queue_ms"]), st.floats(0, 100)),
    ),
    used_when=st.sampled_from(["exposure", "delivered", "outcome", "unmeasured"]),
    failure=st.sampled_from([("error",), ("cached", "default", "error"), ("default",)]),
    default_answer=texts,
    cache_ttl_s=st.floats(0, 1e5),
    ack=st.sampled_from(["fast", "durable"]),
    store_prompts=st.booleans(),
    segments=st.none() | st.builds(SegmentsSection, by=texts, answers=st.dictionaries(texts, texts, min_size=1)),
    rules=st.lists(st.builds(RuleSection, answer=texts, when=st.dictionaries(texts, texts, min_size=1))).map(tuple),
    retry=st.just("off") | st.builds(RetrySection, ratio=st.floats(0, 1), attempts=st.integers(1, 10)),
    hedge=st.none() | st.builds(HedgeSection, quantile=st.floats(0.1, 0.99), after_ms=st.none() | st.floats(1, 1e4)),
    decision=st.none() | st.builds(DecisionSection, features=st.lists(texts, min_size=1).map(tuple)),
    value_per_outcome_usd=amounts,
    quality_floor=st.none() | st.floats(0, 1),
    data_locality=st.lists(texts, max_size=2).map(tuple),
    on_tracking_incomplete=st.sampled_from(["serve", "approximate", "suppress"]),
    max_output_tokens=st.integers(0, 10_000),
)
budgets = st.lists(
    st.builds(
        BudgetSection,
        name=names,
        limit_usd=st.floats(1e-6, 9e6),
        period=st.sampled_from(["hour", "day", "month", "total"]),
        hard=st.booleans(),
        on_exhausted=st.sampled_from(["refuse", "cap", "fallback"]),
    ),
    max_size=3,
    unique_by=lambda budget: budget.name,
).map(tuple)
tier = st.builds(
    TierSection,
    explore=st.none() | st.booleans(),
    hedge=st.just(True),
    fail=st.sampled_from([None, "open", "closed"]),
)
tiers = st.builds(TiersSection, critical=tier, important=tier, opportunistic=tier)


@given(all_settings())
def test_settings_survive_the_file(value: Settings) -> None:
    """Whatever settings a program builds, the file it writes for people holds the same."""
    assert settings.load(to_yaml(value)) == value


@hypothesis.settings(max_examples=30)
@given(
    st.lists(use_cases, min_size=1, max_size=2, unique_by=lambda use_case: use_case.name),
    st.builds(
        PolicyFile,
        plan_id=texts,
        use_cases=use_cases.map(lambda one: (one,)),
        budgets=budgets,
        tiers=tiers,
        breaker=st.builds(BreakerSection, least=st.integers(1, 9)),
    ),
)
def test_policies_survive_the_file(found: list[UseCaseSection], rest: PolicyFile) -> None:
    """The same for the policy file."""
    value = rest.model_copy(update={"default_use_case": found[0].name, "use_cases": tuple(found)})
    assert policy_file.load(to_yaml(value)) == value


def test_the_example_says_what_it_means() -> None:
    """The documented file loads, with numbers as numbers and the rest at its defaults."""
    found = settings.load(EXAMPLE)
    assert found.gateway.console == 8081
    assert found.backends[2].base_url == "http://[::1]:8000"
    price = found.deployments[1].price
    assert price is not None
    assert (price.usd_per_hour, price.source, price.date) == (0.04, "invoice 2026-10", "2026-11-01")
    assert found.deployments[0].price is None
    assert found.deployment("ranker-cpu") is found.deployments[1]
    assert found.deployment("nowhere") is None
    assert settings.problems(EXAMPLE) == []


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n", "---\n", "\ufeffversion: 1\n"])
def test_an_empty_file_is_all_defaults(text: str) -> None:
    """Nothing in `breakeven.yaml` is compulsory."""
    assert settings.load(text) == Settings()
    assert Settings().gateway.console == 8081


def test_a_policy_needs_a_use_case() -> None:
    """A policy without use cases would refuse everything; that is said at once."""
    with pytest.raises(PolicyError, match=r"policy.yaml:1:1: the file lacks the key `use_cases`"):
        policy_file.load("version: 1\n")
    with pytest.raises(PolicyError, match=r"policy.yaml:1:12: `use_cases` is empty"):
        policy_file.load("use_cases: []\n")


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    """`read` is `load` with the path as the name in messages."""
    path = tmp_path / "breakeven.yaml"
    path.write_text(EXAMPLE)
    assert settings.read(path) == settings.load(EXAMPLE)
    path.write_text("prot: 1\n")
    with pytest.raises(ConfigError, match=rf"{path}:1:1: unknown key `prot`"):
        settings.read(path)
    policy = tmp_path / "policy.yaml"
    policy.write_text("use_cases: [{name: a, route: {targets: [{deployment: d}]}}]")
    assert policy_file.read(policy).use_cases[0].name == "a"
    assert policy_file.problems(policy.read_text()) == []
    with pytest.raises(PolicyError, match=r"policy.yaml:1:54: unknown deployment `d`"):
        policy_file.read(policy, beside=Settings(), strategies=["weighted"])


def test_unreadable_files_name_the_way_out(tmp_path: Path) -> None:
    """A missing file, a folder, other bytes and a huge file are configuration errors, never tracebacks."""
    with pytest.raises(ConfigError, match="No such file or directory") as caught:
        settings.read(tmp_path / "none.yaml")
    assert "breakeven init" in caught.value.way_out
    with pytest.raises(PolicyError, match="Is a directory"):
        policy_file.read(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin.yaml:2:7: the byte 0xe9 is not UTF-8"):
        reading.read_text(tmp_path / "latin.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigError, match="more than 262144 bytes"):
        reading.read_text(tmp_path / "huge.yaml")
