"""What both files and their prices must agree on, where positions in the files are no longer known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from breakeven.config.policy_file import PolicyFile, UseCaseSection
from breakeven.config.policy_parts import BudgetSection
from breakeven.config.problem import suggest
from breakeven.config.settings import Settings
from breakeven.errors import PolicyError
from breakeven.schema.policy import TO, CapacityPrice, TokenPrice


def check_names(settings: Settings, policy_file: PolicyFile) -> None:
    """Every name that refers to something refers to something there is.

    Raises:
        PolicyError: one does not.
    """
    deployments = [entry.name for entry in settings.deployments]
    backends = [entry.name for entry in settings.backends]
    use_cases = [entry.name for entry in policy_file.use_cases]
    for entry in settings.deployments:
        _known(entry.backend, backends, f"deployment `{entry.name}` names the unknown backend")
    for use_case in policy_file.use_cases:
        for name in answering(use_case):
            _known(name, deployments, f"use case `{use_case.name}` routes to the unknown deployment")
    for tenant in settings.tenants:
        for name in tenant.use_cases:
            _known(name, use_cases, f"tenant `{tenant.name}` may ask for the unknown use case")
    if policy_file.default_use_case:
        _known(policy_file.default_use_case, use_cases, "`default_use_case` names the unknown use case")


def answering(use_case: UseCaseSection) -> Iterator[str]:
    """The deployments that may answer a use case: of its route, then of its failure chain."""
    for target in use_case.route.targets:
        yield target.deployment
    for step in use_case.failure:
        if step.startswith(TO):
            yield step.removeprefix(TO)


def _known(name: str, choices: Collection[str], what: str) -> None:
    if name not in choices:
        message = f"{what} `{name}`"
        raise PolicyError(message, suggest(name, sorted(choices), kind="there are"))


def check_priced(
    settings: Settings,
    policy_file: PolicyFile,
    prices: Mapping[str, TokenPrice],
    capacities: Mapping[str, CapacityPrice],
) -> None:
    """Whatever a hard budget is over has a price: what is unpriced cannot be kept within it.

    Raises:
        PolicyError: a deployment has none, or an API of language models states no price of input tokens.
    """
    kinds = {entry.name: entry.kind for entry in settings.backends}
    of_tokens = {entry.name for entry in settings.deployments if kinds.get(entry.backend) == "openai"}
    for budget in policy_file.budgets:
        for use_case in _covered(budget, settings, policy_file) if budget.hard else ():
            for name in answering(use_case):
                price = prices.get(name)
                partly = name in of_tokens and price is not None and price.input_pico_usd is None
                if partly or (price is None and name not in capacities):
                    raise _unpriced(budget, use_case, name, "no price of input tokens" if partly else "no price")


def _covered(budget: BudgetSection, settings: Settings, policy_file: PolicyFile) -> list[UseCaseSection]:
    """The use cases whose spending counts: all, less those that its tenant may not ask for."""
    granted = next((entry.use_cases for entry in settings.tenants if entry.name == budget.tenant), ())
    return [
        entry
        for entry in policy_file.use_cases
        if budget.use_case in {"", entry.name} and (not granted or entry.name in granted)
    ]


def _unpriced(budget: BudgetSection, use_case: UseCaseSection, name: str, has: str) -> PolicyError:
    answers = f"deployment `{name}`, which may answer use case `{use_case.name}`"
    message = f"budget `{budget.name}` is hard, and {answers}, has {has}"
    return PolicyError(message, "give it `offer:` or `price:` in breakeven.yaml, or write `hard: false`")
