"""Adding a backend and a deployment to `breakeven.yaml`, comments kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

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
    yaml = _yaml()
    root = yaml.load(settings_yaml_text) or CommentedMap()
    _put(root, "backends", backend)
    _put(root, "deployments", deployment)
    stream = io.StringIO()
    yaml.dump(root, stream)
    settings.load(stream.getvalue())
    return stream.getvalue()


def set_counts(settings_yaml_text: str, deployments: Mapping[str, Mapping[str, int]]) -> str:
    """The file with these whole numbers of the named deployments, by key, else as it was; 0 takes the key out.

    Raises:
        ConfigError: the file, before or after, is not valid.
    """
    settings.load(settings_yaml_text)
    yaml = _yaml()
    root = yaml.load(settings_yaml_text)
    for entry in root["deployments"]:
        for key, value in deployments.get(entry["name"], {}).items():
            if value:
                entry[key] = value
            else:
                entry.pop(key, None)
    stream = io.StringIO()
    yaml.dump(root, stream)
    settings.load(stream.getvalue())
    return stream.getvalue()


def moved(settings_yaml_text: str, path: Callable[[str], str]) -> str:
    """The file with every path to facts, models and curves as `path` makes it of the written one, else as it was."""
    found = settings.load(settings_yaml_text)
    if not (found.facts or any(backend.model_path or backend.batch_curve for backend in found.backends)):
        return settings_yaml_text
    yaml = _yaml()
    root = yaml.load(settings_yaml_text)
    for place, name in enumerate(found.facts):
        root["facts"][place] = path(name)
    for backend in root.get("backends") or ():
        backend.update({key: path(backend[key]) for key in ("model_path", "batch_curve") if backend.get(key)})
    stream = io.StringIO()
    yaml.dump(root, stream)
    return stream.getvalue()


def _yaml() -> YAML:
    """A round trip that leaves lines and quotes as they are."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _put(root: CommentedMap, key: str, section: Section) -> None:
    """Grows a list in place, so that its comments stay; one written as `[]` is written anew."""
    entry = CommentedMap({name: _short(value) for name, value in section.written().items()})
    standing = root.get(key)
    names = [known.get("name") for known in standing or ()]
    if not isinstance(standing, CommentedSeq) or standing.fa.flow_style():
        root[key] = [known for known in standing or () if known.get("name") != entry["name"]] + [entry]
    elif entry["name"] in names:
        standing[names.index(entry["name"])] = entry
    else:
        standing.append(entry)


def _short(value: object) -> object:
    """Lists of mappings with one mapping a line, at any depth."""
    if isinstance(value, dict):
        return CommentedMap({name: _short(inner) for name, inner in value.items()})
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return CommentedSeq([_flowing(one) for one in value])
    return value


def _flowing(value: dict[str, object]) -> CommentedMap:
    made = CommentedMap(value)
    made.fa.set_flow_style()
    return made
