"""Reading a published `config.json`: sizes by any of the names that architectures give them, missing ones refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from breakeven.errors import FactError

WAY_OUT = "add {0} to the configuration, or state the sizes as facts in a models: entry"
PUBLISHED = "give the config.json that is published beside the model's weights"
NESTED = ("text_config", "llm_config", "language_config")
"""Where models that also see or hear keep the sizes of their language model."""


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration: the language model's own keys, and those around it where it is nested."""

    text: Mapping[str, object]
    around: Mapping[str, object]

    @property
    def kind(self) -> str:
        """`model_type` of the language model, else of the whole."""
        return str(self.text.get("model_type") or self.around.get("model_type") or "")

    def get(self, *names: str) -> object:
        """The first of the names that says something, in the language model first; None where nothing does."""
        stated = (part.get(name) for part in (self.text, self.around) for name in names)
        return next((value for value in stated if value is not None), None)

    def flag(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.get(name))

    def size(self, *names: str) -> int:
        """A whole number.

        Raises:
            FactError: none of the names is there, or it is no whole number.
        """
        return self._whole(names, self.get(*names))

    def size_or(self, default: int, *names: str) -> int:
        """A whole number, or the default where none of the names says anything.

        Raises:
            FactError: what stands there is no whole number.
        """
        value = self.get(*names)
        return default if value is None else self._whole(names, value)

    def items(self, name: str) -> tuple[object, ...]:
        """A list with one entry a layer; empty where there is none."""
        value = self.get(name)
        return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()

    def part(self, name: str) -> Config:
        """A mapping inside; an empty one where there is none."""
        value = self.get(name)
        return Config(value if isinstance(value, Mapping) else {}, {})

    @staticmethod
    def _whole(names: Sequence[str], value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            wrong = f"has no {names[0]}" if value is None else f"{names[0]} should be a whole number, got {value!r}"
            message = f"config.json: {wrong}"
            raise FactError(message, WAY_OUT.format(names[0]))
        return value


def config_of(stated: Mapping[str, object]) -> Config:
    """The configuration with its language model found."""
    inner = next((stated[name] for name in NESTED if isinstance(stated.get(name), Mapping)), stated)
    return Config(inner if isinstance(inner, Mapping) else stated, stated)


def read_config(text: str, shown: str = "config.json") -> Mapping[str, object]:
    """The mapping a JSON text holds; `shown` names it in errors.

    Raises:
        FactError: it is not JSON, or no mapping.
    """
    try:
        stated = json.loads(text)
    except ValueError as error:
        message = f"{shown}: not JSON: {error}"
        raise FactError(message, PUBLISHED) from error
    if not isinstance(stated, dict):
        message = f"{shown}: should be a mapping, got {type(stated).__name__}"
        raise FactError(message, PUBLISHED)
    return stated
