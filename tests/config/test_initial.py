"""The first files load as they are, say what was answered, and explain themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.config import policy_file, settings
from breakeven.config.compile import compile_policy
from breakeven.config.initial import Answers, builtin, write
from breakeven.errors import ConfigError, UsageError

texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20).filter(str.strip)


@given(
    st.builds(
        Answers,
        backend=st.sampled_from(["http://127.0.0.1:9000/v1", "https://api.example/v1", "models/ranker.onnx"]),
        model=st.just("") | texts,
        use_case=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True),
        latency_ms=st.floats(1, 1e6),
        api_key_env=st.sampled_from(["", "OPENAI_API_KEY"]),
        usd_per_hour=st.none() | st.floats(0, 1e4),
        price_source=texts,
        price_date=st.just("2026-11-01"),
    )
)
def test_any_answers_make_files_that_load(answers: Answers) -> None:
    """Five answers become two files that load together, compile, and hold the answers."""
    first, second = write(answers)
    found = settings.load(first)
    policy = policy_file.load(second, beside=found)
    assert found.deployments[0].model == answers.model
    assert policy.default_use_case == policy.use_cases[0].name == answers.use_case
    assert policy.use_cases[0].latency.budget_ms == answers.latency_ms
    price = found.deployments[0].price
    assert (price.usd_per_hour if price else None) == answers.usd_per_hour
    compiled = compile_policy(found, policy, prices={}, capacities={}, works={}, key_digests={})
    assert compiled.use_cases[0].route.targets[0].deployment == compiled.deployments[0].name


def test_each_way_to_state_a_cost() -> None:
    """Offer, hourly price, API price or nothing: what is not known stays unpriced."""
    url = "https://api.example/v1"
    offer = settings.load(write(Answers(backend=url, offer="h100-hour"))[0]).deployments[0]
    assert (offer.offer, offer.price) == ("h100-hour", None)
    api = Answers(
        backend=url, input_usd_per_mtok=3e-7, output_usd_per_mtok=2, price_source="page", price_date="2026-11-01"
    )
    tokens = settings.load(write(api)[0]).deployments[0]
    assert tokens.price is not None
    assert (tokens.price.input_usd_per_mtok, tokens.price.output_usd_per_mtok) == (3e-7, 2.0)
    assert tokens.placement == "api"
    unknown = settings.load(write(Answers(backend=url))[0]).deployments[0]
    assert (unknown.offer, unknown.price) == ("", None)


def test_the_files_are_commented() -> None:
    """Every choice that is not obvious is explained where it stands."""
    first, second = write(Answers(backend="https://api.example/v1"))
    assert first.count("#") >= 10
    assert second.count("#") >= 8
    assert "{" not in first.replace("{name: acme, key_env: ACME_KEY}", "").replace("{usd_per_hour", "")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (Answers(backend="api.example"), "`base_url` must be an http"),
        (Answers(backend="https://a/v1", usd_per_hour=-1, price_source="s", price_date="2026-11-01"), "at least 0"),
        (Answers(backend="https://a/v1", usd_per_hour=1), "`source` must be text that is not blank"),
        (Answers(backend="https://a/v1", usd_per_hour=float("nan"), price_source="s"), "must be finite"),
        (Answers(backend="https://a/v1", use_case="a b"), "`name` must be a name, got the text 'a b'"),
        (Answers(backend="https://a/v1", latency_ms=0), "`budget_ms` must be more than 0"),
    ],
)
def test_a_wrong_answer_is_told_like_a_wrong_file(answers: Answers, message: str) -> None:
    """An answer that cannot stand in the file is refused before anything is written."""
    with pytest.raises(ConfigError, match=message):
        write(answers)


def test_no_file_at_all_is_a_working_gateway() -> None:
    """The built-in configuration compiles to one unpriced deployment that every request goes to."""
    found, policy = builtin("https://api.example/v1", "OPENAI_API_KEY")
    compiled = compile_policy(found, policy, prices={}, capacities={}, works={}, key_digests={})
    assert compiled.backends[0].api_key_env == "OPENAI_API_KEY"
    assert compiled.default_use_case == compiled.use_cases[0].name
    assert compiled.use_cases[0].models == ()
    assert compiled.deployments[0].model == ""
    assert compiled.deployments[0].tokens is None
    assert compiled.tenants == ()


@pytest.mark.parametrize("url", ["", "api.example", "ftp://a", "http://u:secret@a/v1", "http://a/v1?x=1", "http://a\n"])
def test_no_file_needs_a_url(url: str) -> None:
    """A URL that is none is a usage error, without repeating a password."""
    with pytest.raises(UsageError, match="--openai-base-url must be an http") as caught:
        builtin(url)
    assert "secret" not in caught.value.message
