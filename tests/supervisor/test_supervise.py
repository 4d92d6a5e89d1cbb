"""The supervisor with real processes: they come back, stop in order, and never outlive it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PATIENCE_S = 30.0

PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from breakeven.supervisor.pipe import exit_when_closed
"""

STEADY = f"""{PRELUDE}
name, log, fd = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
def note(word):
    with log.open("a") as file:
        file.write(f"{{name}} {{word}} {{os.getpid()}}\\n")
def stop(*_):
    note("stopped")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
exit_when_closed(fd)
note("up")
while True:
    signal.pause()
"""

SUPERVISOR = """
import sys
from pathlib import Path
from breakeven.supervisor.child import Child, Limits
from breakeven.supervisor.run import supervise
log = Path(sys.argv[1])
LIMITS = Limits(grace_s=GRACE, quick_s=QUICK, crashes=CRASHES, backoff_s=0.01, backoff_max_s=0.02)
def child(name, code, rank=0, required=True):
    return Child(name=name, argv=(sys.executable, "-c", code, name, str(log), "{pipe_fd}"), stop_rank=rank,
                 required=required)
ended = supervise([CHILDREN], limits=LIMITS, on_ready=lambda pids: log.open("a").write(f"ready {sorted(pids)}\\n"))
print(ended.exit_code, ended.child, ended.reason, list(ended.last_lines), sep="|")
sys.exit(ended.exit_code)
"""


def program(children: str, *, grace_s: float = 20.0, quick_s: float = 60.0, crashes: int = 3) -> str:
    code = SUPERVISOR.replace("GRACE", str(grace_s)).replace("QUICK", str(quick_s)).replace("CRASHES", str(crashes))
    return code.replace("CHILDREN", children.replace("STEADY", repr(STEADY)))


@contextmanager
def supervisor(code: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(log)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(log: Path, wanted: str, count: int = 1) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = log.read_text().splitlines()
        if sum(wanted in line for line in lines) >= count:
            return lines
        time.sleep(0.02)
    message = f"{wanted!r} x {count} never came; the log holds {log.read_text()!r}"
    raise AssertionError(message)


def pid_of(lines: list[str], start: str) -> int:
    return int(next(line for line in reversed(lines) if line.startswith(start)).split()[-1])


def gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


TRIO = 'child("sealer", STEADY, 2), child("worker-0", STEADY), child("worker-1", STEADY), child("console", STEADY, 1)'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_in_order_and_the_exit_code_is_zero(tmp_path: Path, number: signal.Signals) -> None:
    """Workers stop before the sealer, whatever the order of the list, and nothing is left running."""
    log = tmp_path / "log"
    with supervisor(program(TRIO), log) as process:
        lines = wait_for(log, " up ", 4)
        assert "ready ['console', 'sealer', 'worker-0', 'worker-1']" in lines
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    stopped = [line.split()[0] for line in log.read_text().splitlines() if " stopped " in line]
    assert sorted(stopped[:2]) == ["worker-0", "worker-1"]
    assert stopped[2:] == ["console", "sealer"]
    assert (process.returncode, out.strip()) == (0, "0||stopped by a signal|[]")
    assert f"[supervisor] {number.name}: stopping" in err


def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    """SIGKILL leaves the supervisor no time for anything; the closing pipe stops the children, cleanly."""
    log = tmp_path / "log"
    with supervisor(program(TRIO), log) as process:
        lines = wait_for(log, " up ", 4)
        pids = [int(line.split()[-1]) for line in lines if " up " in line]
        process.kill()
        process.wait()
        assert all(gone(pid) for pid in pids)
    assert sum(" stopped " in line for line in log.read_text().splitlines()) == 4


def test_a_child_that_dies_comes_back(tmp_path: Path) -> None:
    """A killed worker is replaced by another process; the others do not notice."""
    log = tmp_path / "log"
    with supervisor(program('child("worker", STEADY), child("sealer", STEADY, 1)'), log) as process:
        first = pid_of(wait_for(log, " up ", 2), "worker up")
        os.kill(first, signal.SIGKILL)
        lines = wait_for(log, "worker up", 2)
        assert pid_of(lines, "worker up") != first
        assert sum("sealer up" in line for line in lines) == 1
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "[supervisor] worker ended unasked with signal SIGKILL" in err


def test_a_child_that_cannot_live_ends_all_and_says_why(tmp_path: Path) -> None:
    """After the allowed quick crashes in a row all is stopped; name, its exit code and last words are told."""
    log = tmp_path / "log"
    broken = "import sys; print('port 80 is taken', file=sys.stderr); sys.exit(3)"
    with supervisor(program(f'child("worker", {broken!r}), child("sealer", STEADY, 1)', crashes=4), log) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert out.strip() == "3|worker|worker ended 4 times in a row, last with code 3|['port 80 is taken']"
    assert err.count("[worker] port 80 is taken") == 4, "each time as it happens"
    assert err.count("[worker] last words: port 80 is taken") == 1
    assert "worker ended 4 times in a row, last with code 3; stopping all" in err


def test_a_program_that_is_not_there_is_a_crash(tmp_path: Path) -> None:
    """A missing executable is told by name and ends supervision, it does not raise."""
    log = tmp_path / "log"
    missing = 'Child(name="worker", argv=("/nonexistent/worker",))'
    with supervisor(program(missing, crashes=1), log) as process:
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "No such file or directory: '/nonexistent/worker'" in out


def test_an_optional_child_may_end_or_fail(tmp_path: Path) -> None:
    """A console that cannot start costs the console, not the gateway."""
    log = tmp_path / "log"
    children = 'child("console", "import sys; sys.exit(2)", 0, False), child("page", "", 0, False), child("w", STEADY)'
    with supervisor(program(children, crashes=2), log) as process:
        wait_for(log, "w up")
        for line in process.stderr or ():
            if "going on without it" in line:
                break
        assert process.poll() is None
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


DEAF = f"""{PRELUDE}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[2], "a") as file:
    file.write(f"deaf up {{os.getpid()}}\\n")
time.sleep(600)
"""


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """After the grace time a deaf child is killed, then the next rank stops as usual."""
    log = tmp_path / "log"
    children = f'child("deaf", {DEAF!r}), child("sealer", STEADY, 1)'
    with supervisor(program(children, grace_s=0.3), log) as process:
        lines = wait_for(log, " up ", 2)
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert gone(pid_of(lines, "deaf up"))
    assert "deaf did not stop within 0.3 s: killed" in err
    assert "sealer stopped" in log.read_text()
    assert process.returncode == 0


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    """Who asks twice means it: what still runs is killed before its grace time is over."""
    log = tmp_path / "log"
    with supervisor(program(f'child("deaf", {DEAF!r})', grace_s=600.0), log) as process:
        wait_for(log, "deaf up")
        process.terminate()
        for line in process.stderr or ():
            if "SIGTERM: stopping" in line:
                break
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def test_ticks_survive_their_own_errors(tmp_path: Path) -> None:
    """A tick that raises is logged and comes again; the children live on."""
    code = f"""
import os, signal, sys
from breakeven.supervisor.child import Child
from breakeven.supervisor.run import supervise
seen = []
def tick():
    seen.append(1)
    if len(seen) == 3:
        os.kill(os.getpid(), signal.SIGTERM)
    raise ValueError("a bad file")
ended = supervise([Child(name="w", argv=(sys.executable, "-c", {STEADY!r}, "w", sys.argv[1], "{{pipe_fd}}"))],
                  on_tick=tick, tick_s=0.01)
print(len(seen) >= 3, ended.exit_code)
"""
    with supervisor(code, tmp_path / "log") as process:
        out, err = process.communicate(timeout=PATIENCE_S)
    assert out.strip() == "True 0"
    assert "ValueError: a bad file" in err


def test_an_error_in_on_ready_leaves_nothing_behind(tmp_path: Path) -> None:
    """An exception of the caller's hook stops the children before it is passed on."""
    log = tmp_path / "log"
    code = program('child("w", STEADY)').replace("on_ready=lambda pids:", "on_ready=lambda pids: 1 / 0 or")
    with supervisor(code, log) as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "ZeroDivisionError" in err
    assert "w started (pid " in err
    pid = int(err.split("w started (pid ")[1].split(")")[0])
    assert gone(pid)
