"""One realistic sample of every chart, at any width, and the reader that looks into the drawn SVG."""

# ruff: noqa: S314 - parses only what it has drawn itself

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from breakeven.report.chart import (
    axis,
    band,
    bars,
    break_even,
    course,
    duration,
    funnel,
    latency,
    sparkline,
    stack,
    strip,
    tornado,
    waterfall,
)
from breakeven.schema.experiment import Look
from breakeven.schema.outlook import Band, Swing

SVG = "{http://www.w3.org/2000/svg}"
Chart = Callable[[float], str]


class Drawn:
    """A parsed chart: its size, and the boxes that its labels fill by the careful estimate of the label's width."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.width, self.height = (float(self.root.attrib[key]) for key in ("width", "height"))

    def marked(self, name: str) -> list[dict[str, float]]:
        """The numeric attributes of the shapes of a class."""
        shapes = [shape for shape in self.root.iter() if shape.attrib.get("class") == name]
        return [{key: float(shape.attrib[key]) for key in ("x", "width")} for shape in shapes]

    @property
    def labels(self) -> list[tuple[str, float, float, float, float]]:
        """Text, left, top, right, bottom of every label."""
        return [self._box(label) for label in self.root.iter(f"{SVG}text")]

    @property
    def words(self) -> str:
        """Everything that is written."""
        return "\n".join(label[0] for label in self.labels)

    @staticmethod
    def _box(label: ET.Element) -> tuple[str, float, float, float, float]:
        text, size = label.text or "", float(label.attrib["font-size"])
        width = axis.text_width(text, size)
        shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[label.attrib.get("text-anchor", "start")]
        left, base = float(label.attrib["x"]) - shift * width, float(label.attrib["y"])
        return text, left, base - 0.75 * size, left + width, base + 0.2 * size


@pytest.fixture(scope="session")
def read() -> Callable[[str], Drawn]:
    """Parses a chart."""
    return Drawn


def _waterfall(width: float) -> str:
    steps = [
        waterfall.Bar(name="Total cost", value=0.412, kind="total", tone="muted"),
        waterfall.Bar(name="Idle capacity", value=-0.171, tone="idle", note="41 %"),
        waterfall.Bar(name="Late", value=-0.043, tone="warn", note="10 %"),
        waterfall.Bar(name="Not used", value=-0.139, tone="idle", note="34 %"),
        waterfall.Bar(name="Useful", value=0.059, kind="total", tone="good", note="14 %"),
    ]
    return waterfall.waterfall(
        steps, unit="USD", title="Where the money went", description="From total to useful", width=width
    )


def _bars(width: float) -> str:
    rows = [
        bars.Row(name="2 x L4, owned", value=812, low=700, high=990, strong=True, note="chosen"),
        bars.Row(name="H100, rented by the hour", value=2190),
        bars.Row(name="CPU", value=None, note="misses TTFT"),
    ]
    return bars.bars(
        rows,
        unit="USD/month",
        title="Options",
        description="Monthly cost",
        width=width,
        target=1000,
        target_label="ceiling",
    )


def _break_even(width: float) -> str:
    owned = break_even.straight(
        "2 x L4, owned",
        upfront_usd=9000,
        monthly_usd=350,
        months=36,
        monthly_low_usd=300,
        monthly_high_usd=420,
    )
    rented = break_even.straight("API", upfront_usd=0, monthly_usd=936, months=36, tone="warn", dashed=True)
    crossing = break_even.Crossing(month=15.36, cost_usd=14376, low_month=12, high_month=20)
    return break_even.curve(
        [owned, rented], crossing=crossing, title="Break-even", description="Cumulative cost", width=width
    )


def _latency(width: float) -> str:
    rows = [
        latency.Percentiles(name="homepage", p50_s=0.004, p95_s=0.012, p99_s=0.031, budget_s=0.1),
        latency.Percentiles(name="assistant TPOT", p50_s=0.031, p95_s=0.062, p99_s=0.3, budget_s=0.05),
        latency.Percentiles(name="batch", p50_s=1, p95_s=2, p99_s=3),
        latency.Percentiles(name="quiet", p50_s=None, p95_s=None, p99_s=None, budget_s=0.1),
    ]
    return latency.percentiles(rows, title="Latency", description="Against budget", width=width)


def _funnel(width: float) -> str:
    stages = [
        funnel.Stage(name="Predictions", count=12850),
        funnel.Stage(name="In budget", count=11900),
        funnel.Stage(name="Used", count=640, asides=(funnel.Aside(name="unobserved", count=11000),)),
        funnel.Stage(name="Converted", count=None),
    ]
    return funnel.funnel(stages, title="Funnel", description="How far predictions came", width=width)


def _sparkline(width: float) -> str:
    return sparkline.sparkline([1, 3, None, 4, 5, 3, 6], title="Course", description="By day", width=width / 4)


def _swing(name: str, unit: str, ends: tuple[float, float], results: tuple[float, float]) -> Swing:
    low, high = ends
    at_low, at_high = results
    return Swing(name=name, unit=unit, low=low, base=(low + high) / 2, high=high, at_low=at_low, at_high=at_high)


SWINGS = (
    _swing("api price decay", "%/year", (0, 60), (612_000, -88_000)),
    _swing("purchase price of the server", "USD/server", (250_000, 834_000), (430_000, 120_000)),
    _swing("utilisation", "share", (0.3, 0.8), (150_000, 420_000)),
    _swing("power price", "USD/kWh", (0.08, 0.31), (352_000, 301_000)),
    _swing("PUE", "ratio", (1.1, 1.6), (341_000, 318_000)),
    *(_swing(f"small input {i}", "h/month", (i, 2 * i), (330_000 - i * 900, 330_000 + i * 900)) for i in range(1, 9)),
)


def _tornado(width: float) -> str:
    words = {"title": "What moves the saving", "description": "Saving at each end of each input"}
    return tornado.tornado(SWINGS, unit="USD", base=330_000, width=width, **words)


def saving(months: int, extra: float, low: float, high: float) -> list[Band]:
    """A saving that grows by `low`..`high` a month after `extra` was paid."""
    middle = (low + high) / 2
    return [Band(p5=low * m - extra, p50=middle * m - extra, p95=high * m - extra) for m in range(months + 1)]


def _course(width: float) -> str:
    days = range(1, 31)
    looks = [
        Look(
            time_s=day * 86_400.0,
            subjects=100 * day,
            estimate=-0.001 - 0.002 / day,
            low=-0.001 - 0.022 / day,
            high=-0.001 + 0.018 / day,
        )
        for day in days
    ]
    return course.course(looks, unit="USD", title="Difference", description="thirty days", width=width)


def _band(width: float) -> str:
    words = {"title": "Saving of owning against the API", "description": "Cumulated over 36 months"}
    crossing = Band(p5=12.4, p50=20.7, p95=None)
    return band.band(saving(36, 250_000, 4_000, 20_200), unit="USD", crossing=crossing, width=width, **words)


def _duration(width: float) -> str:
    curve = [42 - 0.7 * at for at in range(48)]
    owned = tuple(min(load, 24.0) for load in curve)
    spot = tuple(min(load - base, 0.2 * load) for load, base in zip(curve, owned, strict=True))
    rest = tuple(load - base - more for load, base, more in zip(curve, owned, spot, strict=True))
    layers = [
        duration.Layer(name="owned, 8 x H100", carried=owned),
        duration.Layer(name="spot", carried=spot),
        duration.Layer(name="API", carried=rest),
    ]
    words = {"title": "What carries the load", "description": "owned 24 requests/s, spot and an API the rest"}
    return duration.duration([730 / 48] * 48, layers, unit="requests/s", width=width, **words)


def _stack(width: float) -> str:
    rows = (
        stack.Stack(
            name="8 x H100, owned",
            total=612_000,
            strong=True,
            parts=(
                ("hardware", 420_000),
                ("power and cooling", 96_000),
                ("staff", 120_000),
                ("network", 8_000),
                ("licences", 18_000),
                ("setup", 4_000),
                ("spares", 6_000),
                ("resale", -60_000),
            ),
        ),
        stack.Stack(name="rented by the hour", total=960_000, parts=(("rent", 900_000), ("staff", 60_000))),
        stack.Stack(name="API", total=None, parts=(("tokens", 400_000),)),
    )
    words = {"title": "What each option costs", "description": "Present cost by part"}
    return stack.stack(rows, unit="USD", width=width, **words)


def _strip(width: float) -> str:
    rows = [
        strip.Strip(name="2 x L4, owned", low=0.21, middle=0.3, high=0.62, mark=0.26, tone="good", strong=True),
        strip.Strip(name="H100, rented by the hour", low=0.28, middle=0.55, high=1.9, mark=0.61),
        strip.Strip(name="API", low=0.4, middle=0.7, high=1.1),
    ]
    return strip.strips(rows, unit="USD", title="Cost per 1,000", description="5th to 95th percentile", width=width)


SAMPLES: dict[str, Chart] = {
    "waterfall": _waterfall,
    "bars": _bars,
    "break_even": _break_even,
    "latency": _latency,
    "funnel": _funnel,
    "sparkline": _sparkline,
    "tornado": _tornado,
    "band": _band,
    "course": _course,
    "stack": _stack,
    "strip": _strip,
    "duration": _duration,
}


@pytest.fixture(params=sorted(SAMPLES))
def sample(request: pytest.FixtureRequest) -> tuple[str, Chart]:
    """Each chart in turn."""
    return request.param, SAMPLES[request.param]
