"""Which entry a name means that somebody measured or sold a model or an accelerator under.

A name is first taken as it stands (id, name or alias); then without case, separators and who made it; then ever more of
what does not tell entries apart is left out of both sides: precisions and tunings of a model, memory, power and form of
a board. The first step that finds entries decides, and more than one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, NoReturn

from breakeven.catalog.find import Catalog
from breakeven.catalog.lookup import near
from breakeven.catalog.snapshot import Head
from breakeven.errors import FactError

PRECISIONS = {
    "fp8": "fp8", "mxfp8": "fp8", "nvfp4": "fp4", "mxfp4": "fp4", "fp4": "fp4", "bf16": "bf16", "fp16": "fp16",
    "int8": "int8", "int4": "int4", "awq": "int4", "gptq": "int4", "w8a8": "int8", "w4a16": "int4",
}  # fmt: skip
"""Words of a model's name -> the precision they state."""

MAKERS = re.compile(r"nvidia|amd|intel|meta|instinct|tesla|geforce|hgx|dgx|habana|grace|hopper|superchip|cts")
TUNINGS = re.compile(rf"{'|'.join(PRECISIONS)}|instruct|it|chat|base|hf|static|dynamic|pertensor|\d{{4}}|99|99\.9")
"""`99` and `99.9` are accuracy targets of MLPerf; four digits are the month of a release."""
MEMORY = re.compile(r"hbm\d?e?|gddr\d\w?")
SIZES = re.compile(rf"{MEMORY.pattern}|\d+(?:gb|gib|w)|nps\d|[scd]px|nvl72")
FORMS = re.compile(rf"{SIZES.pattern}|sxm\d?|pcie|oam")


class Meant(NamedTuple):
    """The entry a name means, and the precision it states (empty where it states none)."""

    id: str
    precision: str = ""


Key = Callable[[str], str]


def model_meant(catalog: Catalog, name: str) -> Meant:
    """The model of a name: `meta-llama/Llama-3.1-8B-Instruct`, `nvidia/Qwen3-32B-NVFP4`, `llama2-70b-99.9`.

    Raises:
        FactError: no model is called so, or several are; the nearest ids are named.
    """
    found = _meant(catalog.model_heads, name, (_without(MAKERS), _without(MAKERS, TUNINGS)), "model")
    return Meant(found, next((PRECISIONS[word] for word in reversed(_words(name)) if word in PRECISIONS), ""))


def accelerator_meant(catalog: Catalog, name: str) -> Meant:
    """The accelerator of a name: `H100-SXM-80GB`, `h100_sxm`, `NVIDIA B200 180GB HBM3e`, `L40S-48GB`.

    Raises:
        FactError: no accelerator is called so, or several are (`A100`: which of four?); the nearest ids are named.
    """
    steps = (_without(MAKERS, MEMORY), _without(MAKERS, SIZES), _without(MAKERS, FORMS))
    return Meant(_meant(catalog.accelerator_heads, name, steps, "accelerator"))


def _meant(heads: Mapping[str, Head], name: str, steps: tuple[Key, ...], kind: str) -> str:
    if name in heads:
        return name
    for key in (str.strip, *steps):
        wanted = key(name)
        found = sorted({head.id for head in heads.values() if wanted and wanted in map(key, _labels(head))})
        if len(found) == 1:
            return found[0]
        if found:
            _refuse(f"{kind} {name!r} could be {', '.join(found)}", f"name one of them: {', '.join(found)}")
    close = near(steps[-1](name), _keys(heads, steps[-1])) or near(name, heads)
    ids = list(dict.fromkeys(_keys(heads, steps[-1]).get(one, one) for one in close))
    hint = f"did you mean {', '.join(ids)}? " if ids else ""
    more = (
        f"wanted: config.json of {name}; give it with --model-config FILE"
        if kind == "model"
        else f"state it under accelerators: in a fact file; `breakeven catalog list {kind}s` shows what there is"
    )
    return _refuse(f"{kind} {name!r} is not in the catalog", f"{hint}{more}")


def _refuse(message: str, way_out: str) -> NoReturn:
    raise FactError(message, way_out)


def _labels(head: Head) -> Iterator[str]:
    yield from (head.id, head.name, *head.aliases)


def _keys(heads: Mapping[str, Head], key: Key) -> dict[str, str]:
    return {key(label): head.id for head in heads.values() for label in _labels(head)}


def _without(*patterns: re.Pattern[str]) -> Key:
    def key(name: str) -> str:
        kept = (word for word in _words(name) if not any(pattern.fullmatch(word) for pattern in patterns))
        return re.sub(r"[^a-z0-9]", "", "".join(_plain(word) for word in kept))

    return key


def _plain(word: str) -> str:
    """A form factor by any generation (SXM5) is the same form."""
    return "sxm" if re.fullmatch(r"sxm\d", word) else word


def _words(name: str) -> list[str]:
    """Its words in lower case, without the organisation before a slash."""
    return [word for word in re.split(r"[^a-z0-9.]+", name.casefold().rpartition("/")[2]) if word]
