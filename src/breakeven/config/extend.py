"""Adding a backend and a deployment to `breakeven.yaml`, comments kept."""

from __future__ import annotations

import io

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from breakeven.config import settings
from breakeven.config.field import Section
from breakeven.config.settings import BackendSettings, DeploymentSettings


def add_deployment(settings_yaml_text: str, backend: BackendSettings, deployment: DeploymentSettings) -> str:
    """The file with one backend and one deployment more; those of the same names are replaced.

    Raises:
        ConfigError: the file, before or after, is not valid.
    """
    settings.load(settings_yaml_text)
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    root = yaml.load(settings_yaml_text) or CommentedMap()
    _put(root, "backends", backend)
    _put(root, "deployments", deployment)
    stream = io.StringIO()
    yaml.dump(root, stream)
    settings.load(stream.getvalue())
    return stream.getvalue()


def _put(root: CommentedMap, key: str, section: Section) -> None:
    """Sequences are replaced as a whole: one written as `[]` cannot grow in place."""
    entry = CommentedMap(section.written())
    kept = [known for known in root.get(key) or () if known.get("name") != entry["name"]]
    if isinstance(root.get(key), CommentedSeq) and not root[key].fa.flow_style():
        root[key][:] = [*kept, entry]
    else:
        root[key] = [*kept, entry]
