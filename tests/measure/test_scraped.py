"""What engines and accelerators say of themselves becomes loads, in the units of the ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from breakeven.assembly import scraping
from breakeven.config.settings import ScrapeSettings, TelemetrySettings
from breakeven.errors import ConfigError
from breakeven.ledger.engine.port import Query
from breakeven.ledger.store import open_ledger
from breakeven.measure.scraped import nvml
from breakeven.measure.scraped.load import Target, loads, sources
from breakeven.measure.scraped.reading import Scope
from breakeven.schema.record import EngineLoad
from breakeven.wire import prometheus_text as prometheus
from breakeven.wire.prometheus_text import Scrape

DATA = Path(__file__).parent / "data"

DCGM = """
DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="0",UUID="GPU-a",modelName="NVIDIA A100"}} {busy}
DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="GPU-a"}} 99
DCGM_FI_DEV_POWER_USAGE{{gpu="0",UUID="GPU-a"}} 300
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0",UUID="GPU-a"}} {first_mj}
DCGM_FI_DEV_GPU_UTIL{{gpu="1",UUID="GPU-b"}} 20
DCGM_FI_DEV_POWER_USAGE{{gpu="1",UUID="GPU-b"}} 100
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="1",UUID="GPU-b"}} {second_mj}
"""

KEPLER = """
kepler_node_cpu_joules_total{{zone="package",node_name="n"}} {package}
kepler_node_cpu_joules_total{{zone="dram",node_name="n"}} {dram}
kepler_node_cpu_joules_total{{zone="psys",node_name="n"}} {psys}
kepler_container_cpu_joules_total{{container_name="vllm",zone="package"}} {mine}
kepler_container_cpu_joules_total{{container_name="other",zone="package"}} 5
"""


def scrapes(*texts: str, every_s: float = 60.0) -> list[Scrape]:
    return [prometheus.scrape(text, at * every_s, "test") for at, text in enumerate(texts)]


def one(found: Sequence[Scrape], **scope: object) -> EngineLoad:
    [load] = loads(Target(name="t", deployment="gpu", scope=Scope(**scope)), found, lambda at_s: 1000.0 + at_s)
    return load


def test_accelerators_are_summed_in_power_and_averaged_in_activity() -> None:
    """Energy is the counters' rise in kWh: 36 kJ and 7.2 kJ in a minute are 12 Wh."""
    pair = scrapes(
        DCGM.format(busy=0.4, first_mj=0, second_mj=10), DCGM.format(busy=0.6, first_mj=36e6, second_mj=7.2e6 + 10)
    )
    load = one(pair)
    assert load.busy == pytest.approx((0.5 + 0.2) / 2)
    assert load.power_w == pytest.approx(400)
    assert load.energy_kwh == pytest.approx(0.012)
    assert load.accelerators == 2
    assert (load.start_s, load.end_s, load.source) == (1000.0, 1060.0, "dcgm")


def test_only_the_accelerators_named_count() -> None:
    """A machine shared by two deployments is told apart by GPU."""
    pair = scrapes(*[DCGM.format(busy=0.4, first_mj=0, second_mj=0)] * 2)
    assert one(pair, accelerators=("1",)).busy == pytest.approx(0.2)
    assert one(pair, accelerators=("1",)).accelerators == 1


def test_a_counter_that_was_set_back_gives_way_to_power() -> None:
    """A driver that was loaded anew counts from nothing: 300 W and 100 W over a minute are 6.67 Wh all the same."""
    load = one(
        scrapes(DCGM.format(busy=0.4, first_mj=9e9, second_mj=9e9), DCGM.format(busy=0.4, first_mj=1, second_mj=1))
    )
    assert load.energy_kwh == pytest.approx(400 * 60 / 3.6e6)


def test_a_zone_that_holds_the_others_is_not_added_to_them() -> None:
    """Kepler's psys is the whole platform; without it, package and dram are summed."""
    a = KEPLER.format(package=0, dram=0, psys=0, mine=0)
    b = KEPLER.format(package=3600, dram=360, psys=7200, mine=720)
    nodes = [text.replace("kepler_container_cpu", "other") for text in (a, b)]
    assert one(scrapes(*nodes)).energy_kwh == pytest.approx(0.002)
    apart = ["\n".join(row for row in text.splitlines() if "psys" not in row) for text in nodes]
    assert one(scrapes(*apart)).energy_kwh == pytest.approx(0.0011)
    mine = one(scrapes(a, b), where={"container_name": "vllm"})
    assert mine.energy_kwh == pytest.approx(0.0002)
    assert mine.power_w == pytest.approx(12)


def test_vllm_tells_its_tokens_and_whether_it_ran() -> None:
    """Counters of a real server: what rose between two texts of its metrics."""
    pair = scrapes(*((DATA / f"vllm_{when}.prom").read_text() for when in ("before", "after")))
    load = one(pair)
    assert load.source == "vllm"
    assert load.output_tokens is not None
    assert load.output_tokens > 0
    assert load.finished is not None
    assert load.busy is not None
    assert 0 <= load.busy <= 1


def test_what_is_nobodys_metrics_is_refused() -> None:
    """The error names whose metrics can be read."""
    with pytest.raises(ConfigError, match=r"vllm, llama.cpp, dcgm, kepler"):
        loads(Target(name="t", deployment="gpu"), scrapes("up 1", "up 1"), float)
    assert sources(scrapes("up 1")[0]) == ()


@pytest.mark.skipif(find_spec("pynvml") is None, reason="needs the extra nvml")
def test_a_machine_without_a_driver_says_so() -> None:
    """The real binding starts, or says what is missing; no other error leaves it."""
    if list(Path("/dev").glob("nvidia[0-9]*")):
        assert nvml.scrape(nvml.library(), 0.0).at_s == 0.0
        return
    with pytest.raises(ConfigError, match="NVML does not start"):
        nvml.library()


def test_nvml_is_read_like_dcgm() -> None:
    """Milliwatts and millijoules of the driver are the watts and millijoules of the exporter's names."""

    class NVMLError(Exception):
        """As the binding's."""

    def energy(_: object) -> int:
        raise NVMLError

    library = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=50),
        nvmlDeviceGetPowerUsage=lambda _: 250_000,
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )
    load = one([nvml.scrape(library, 0.0), nvml.scrape(library, 3600.0)])
    assert (load.busy, load.power_w, load.energy_kwh) == (0.5, 250.0, pytest.approx(0.25))


@pytest.fixture
def exporter() -> Iterator[SimpleNamespace]:
    """An HTTP server that exposes a text that tests change, and fails on demand."""
    state = SimpleNamespace(text=DCGM.format(busy=0.5, first_mj=0, second_mj=0), status=200, url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = state.text.encode()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/metrics"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def follow(folder: Path, url: str, **more: object) -> tuple[str, ...]:
    settings = TelemetrySettings(
        scrape=(ScrapeSettings(deployment="gpu", url=url),), sample_s=0.02, interval_s=0.2, **more
    )

    async def run() -> tuple[str, ...]:
        return await scraping.follow(folder, settings, stop=asyncio.Event(), once=True)

    return asyncio.run(run())


def test_what_is_scraped_is_in_the_ledger(tmp_path: Path, exporter: SimpleNamespace) -> None:
    """From an exporter over HTTP through the journal to the engine's answer; the whole time was seen."""
    assert follow(tmp_path, exporter.url) == ()
    rows = open_ledger(tmp_path).loads(Query())
    assert {(row.deployment, row.source) for row in rows} == {("gpu", "dcgm")}
    seen, busy = sum(row.seen_ns for row in rows), sum(row.busy_ns for row in rows)
    assert seen >= 0.15e9
    assert busy == pytest.approx(seen * 0.35, rel=0.01)


def test_a_target_that_fails_is_named_and_nothing_is_made_up(tmp_path: Path, exporter: SimpleNamespace) -> None:
    """No row for the time in which it did not answer; the trouble stands at the end."""
    exporter.status = 503
    [trouble] = follow(tmp_path, exporter.url)
    assert "answered 503" in trouble
    exporter.status, exporter.text = 200, "{{ not metrics"
    [trouble] = follow(tmp_path, exporter.url)
    assert "line 1" in trouble
    assert open_ledger(tmp_path).loads(Query()) == ()


def test_a_target_without_a_place_is_refused(tmp_path: Path) -> None:
    """Neither a url nor this machine, or both: the deployment is named."""
    settings = TelemetrySettings(scrape=(ScrapeSettings(deployment="gpu"),))
    with pytest.raises(ConfigError, match="scrape of gpu names neither url nor nvml"):
        asyncio.run(scraping.follow(tmp_path, settings, stop=asyncio.Event(), once=True))
    with pytest.raises(ConfigError, match="nothing to read"):
        asyncio.run(scraping.follow(tmp_path, TelemetrySettings(), stop=asyncio.Event()))
