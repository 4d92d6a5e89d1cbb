"""SVG as text: elements, escaping, fixed decimals and an accessible root."""

from __future__ import annotations

import math
import re

from breakeven.report.chart import theme

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}

Attribute = str | float | None


def escape(text: str) -> str:
    """Text for XML content or a quoted attribute; characters XML forbids become U+FFFD."""
    clean = _FORBIDDEN.sub("\ufffd", text)
    return "".join(_ENTITIES.get(character, character) for character in clean)


def number(value: float) -> str:
    """A coordinate with at most two decimals, so that the same inputs give the same bytes.

    Raises:
        ValueError: the value is not finite.
    """
    if not math.isfinite(value):
        message = f"a coordinate must be finite, got {value}"
        raise ValueError(message)
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(name: str, *children: str, **attributes: Attribute) -> str:
    """One element. `children` are finished SVG; attribute values are escaped; None leaves an attribute out.

    Underscores in attribute names become hyphens, a trailing one is dropped (`class_`).
    """
    head = name + "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    return f"<{head}>{''.join(children)}</{name}>" if children else f"<{head}/>"


def _attribute(key: str, value: str | float) -> str:
    text = value if isinstance(value, str) else number(value)
    return f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"'


def text(  # noqa: PLR0913 - a label is a place, a size, a colour and an anchor
    x: float,
    y: float,
    content: str,
    *,
    size: float = theme.LABEL_PX,
    colour: str = theme.INK,
    anchor: str = "start",
    weight: str | None = None,
    halo: bool = False,
) -> str:
    """A label; `x` is its start, middle or end by `anchor`, `y` its baseline; a `halo` keeps it legible over lines."""
    return element(
        "text",
        escape(content),
        x=x,
        y=y,
        font_size=size,
        fill=colour,
        text_anchor=None if anchor == "start" else anchor,
        font_weight=weight,
        stroke=theme.SURFACE if halo else None,
        stroke_width=4.0 if halo else None,
        paint_order="stroke" if halo else None,
    )


def line(
    x1: float, y1: float, x2: float, y2: float, *, colour: str = theme.LINE, width: float = 1.0, dash: str | None = None
) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width, stroke_dasharray=dash)


def rect(
    x: float, y: float, width: float, height: float, *, colour: str, class_: str | None = None, title: str = ""
) -> str:
    """A filled box with slightly rounded corners; `title` is its tooltip."""
    tip = (element("title", escape(title)),) if title else ()
    corner = min(3.0, width / 2, height / 2)
    return element("rect", *tip, x=x, y=y, width=width, height=height, rx=corner, fill=colour, class_=class_)


def outline(
    x: float, y: float, width: float, height: float, *, colour: str, class_: str | None = None, title: str = ""
) -> str:
    """A dashed box: what is not known, or not counted."""
    tip = (element("title", escape(title)),) if title else ()
    return element(
        "rect",
        *tip,
        x=x,
        y=y,
        width=width,
        height=height,
        rx=min(3.0, width / 2, height / 2),
        fill="none",
        stroke=colour,
        stroke_dasharray="4 3",
        class_=class_,
    )


def polyline(points: list[tuple[float, float]], *, colour: str, width: float = 2.0, dash: str | None = None) -> str:
    """An open line through points."""
    return element(
        "polyline",
        points=_points(points),
        fill="none",
        stroke=colour,
        stroke_width=width,
        stroke_dasharray=dash,
        stroke_linejoin="round",
        stroke_linecap="round",
    )


def polygon(points: list[tuple[float, float]], *, colour: str, opacity: float, class_: str | None = None) -> str:
    """A filled, translucent shape."""
    return element("polygon", points=_points(points), fill=colour, fill_opacity=opacity, class_=class_)


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def circle(x: float, y: float, radius: float, *, fill: str, stroke: str, title: str = "") -> str:
    """A mark with an outline."""
    tip = (element("title", escape(title)),) if title else ()
    return element("circle", *tip, cx=x, cy=y, r=radius, fill=fill, stroke=stroke, stroke_width=2.0)


def document(*body: str, width: float, height: float, title: str, description: str) -> str:
    """The root: an image with a name and a description for those who do not see it."""
    return element(
        "svg",
        element("title", escape(title)),
        element("desc", escape(description)),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        class_="chart",
        font_family=theme.FONT,
        font_size=theme.LABEL_PX,
        font_variant="tabular-nums",
    )
