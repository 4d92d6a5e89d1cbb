"""A deployment is added to the file without disturbing what people wrote."""

from __future__ import annotations

import pytest

from breakeven.config import settings
from breakeven.config.extend import add_deployment
from breakeven.config.settings import BackendSettings, DeploymentSettings
from breakeven.errors import ConfigError

BACKEND = BackendSettings(name="new", kind="openai", base_url="http://127.0.0.1:9/v1")
DEPLOYMENT = DeploymentSettings(name="new", backend="new", model="m", placement="cloud")
BEFORE = """\
version: 1
# who answers
backends:
  - {name: old, kind: openai, base_url: "http://127.0.0.1:8/v1"}    # the first one
deployments:
  - name: old
    backend: old    # as above
"""


def test_what_is_added_is_there_and_what_was_there_stays() -> None:
    """The new file reads as the old one plus one backend and one deployment."""
    before, after = settings.load(BEFORE), settings.load(add_deployment(BEFORE, BACKEND, DEPLOYMENT))
    assert after.backends == (*before.backends, BACKEND)
    assert after.deployments == (*before.deployments, DEPLOYMENT)


def test_comments_stay() -> None:
    """What people explained to each other is still explained."""
    after = add_deployment(BEFORE, BACKEND, DEPLOYMENT)
    for comment in ("# who answers", "# the first one", "# as above"):
        assert comment in after


@pytest.mark.parametrize("start", ["", "backends: []\ndeployments: []\n", BEFORE])
def test_adding_twice_is_adding_once(start: str) -> None:
    """An applied plan may be applied again."""
    once = add_deployment(start, BACKEND, DEPLOYMENT)
    assert settings.load(add_deployment(once, BACKEND, DEPLOYMENT)) == settings.load(once)


def test_a_file_that_is_wrong_already_is_not_touched() -> None:
    """An invalid file is refused with its own problems."""
    with pytest.raises(ConfigError, match="fallbck"):
        add_deployment("fallbck: 1\n", BACKEND, DEPLOYMENT)
