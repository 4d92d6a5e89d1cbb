"""Patient examples; and real processes for the tests that meet the product as its users do."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from breakeven.demo.process import free_port, wait_until_ready

# Examples are drawn alike in every run, so that what passed passes again; `make explore` draws others.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))

# Pages and examples call `breakeven` by its name: the one of this interpreter, wherever the tests were started from.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `breakeven ...` in the test's folder; ended with the test, by process id."""
    running: list[subprocess.Popen[bytes]] = []

    def go(*arguments: str) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"{arguments[0]}-{len(running)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "breakeven", *arguments], cwd=tmp_path, stdout=log, stderr=log
        )
        log.close()
        running.append(process)
        return process

    yield go
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def same() -> Callable[[Path, str, str], None]:
    """Hold what stands between `<!-- mark -->` and `<!-- end -->` in a document; BREAKEVEN_SNAPSHOT=1 writes it."""

    def hold(document: Path, mark: str, wanted: str) -> None:
        found = document.read_text()
        block = re.compile(rf"(<!-- {mark} -->\n)(.*?)(<!-- end -->)", re.DOTALL)
        if os.environ.get("BREAKEVEN_SNAPSHOT"):
            found = block.sub(lambda match: f"{match[1]}{wanted}\n{match[3]}", found)
            document.write_text(found)
        [[_, inside, _]] = block.findall(found)
        assert inside == f"{wanted}\n"

    return hold


@pytest.fixture
def model_url(start: Start) -> str:
    """An emulated model server."""
    port = free_port()
    start("emulate", "--model", "llama-3.1-8b", "--accelerator", "h100-sxm", "--port", str(port))
    wait_until_ready(f"http://127.0.0.1:{port}/v1/models")
    return f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def breakeven(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command to its end in the test's folder."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "breakeven", *arguments],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
Names = dict[str, object]


def retold(code: str, names: Names, where: str) -> tuple[str, str]:
    """What a document's block of code promises behind `#>`, and what it prints, line by line."""
    promised = [line[2:].removeprefix(" ").rstrip() for line in code.splitlines() if line.startswith("#>")]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, where, "exec"), names)  # noqa: S102 - the documents' own examples
    return "\n".join(promised), "\n".join(line.rstrip() for line in printed.getvalue().splitlines())


def at_the_end(code: str) -> bool:
    """Whether all that a block promises stands behind its code."""
    lines = code.splitlines()
    marks = [place for place, line in enumerate(lines) if line.startswith("#>")]
    return bool(marks) and marks == list(range(marks[0], len(lines)))


@pytest.fixture(scope="session")
def tell() -> Callable[[str, Names], str]:
    """A block of code with what it prints now written behind it."""

    def now(code: str, names: Names) -> str:
        lines = "".join(line for line in code.splitlines(keepends=True) if not line.startswith("#>"))
        _, printed = retold(code, names, "page")
        return lines + "".join(f"#> {line}".rstrip() + "\n" for line in printed.splitlines())

    return now


@pytest.fixture
def run_page(tell: Callable[[str, Names], str]) -> Callable[..., Names]:
    """Run a page's blocks in order, in one namespace: each prints what stands behind `#>` in it.

    BREAKEVEN_SNAPSHOT=1 writes what they print now, into pages whose addresses are not swapped for the test's.
    """

    def run(page: Path, names: Names | None = None, **swapped: str) -> Names:
        text, known = page.read_text(), {} if names is None else names
        for block in BLOCK.findall(text):
            code = block
            for place, here in swapped.items():
                code = code.replace(place, here)
            if os.environ.get("BREAKEVEN_SNAPSHOT") and not swapped and at_the_end(block):
                text = text.replace(block, tell(block, known))
                page.write_text(text)
                continue
            promised, printed = retold(code, known, str(page))
            assert printed == promised
        return known

    return run
