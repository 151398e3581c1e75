"""Figures as the pages hold them: matplotlib without any state that is shared, pictures inside the page."""

from __future__ import annotations

import base64
import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

INK, FAINT = "#1c1f24", "#d7dade"
COLOURS = ("#0b5fa5", "#b4530a", "#1a7f37", "#7a3e9d", "#b3261e", "#5d6470", "#0e7c86", "#8a6d00", "#c2387e")
"""Of lines and bars; each is 4.5 : 1 against white."""
DPI = 150


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Any, title: str = "", x: str = "", y: str = "") -> None:
    """Title, labels and a frame that keeps to the background."""
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    for side in axes.spines.values():
        side.set_color("#8a9099")


def gridded(axes: Any) -> None:
    """A grid behind what is drawn."""
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def dated(axis: Any) -> None:
    """Ticks and labels of an axis of times."""
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def png(figure: Figure, dpi: int = DPI) -> str:
    """The figure as a PNG in a data URL: for lines and text."""
    return data_url(_saved(figure, "png", dpi), "png")


def webp(figure: Figure, dpi: int = DPI, quality: int = 85) -> str:
    """The figure as a WebP in a data URL: for images of the sky, of which the noise is most."""
    return data_url(_saved(figure, "webp", dpi, {"quality": quality, "method": 4}), "webp")


def data_url(content: bytes, kind: str) -> str:
    """A picture as a page holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _saved(figure: Figure, kind: str, dpi: int, options: dict[str, Any] | None = None) -> bytes:
    buffer = io.BytesIO()
    _lay_out(figure)
    figure.savefig(buffer, format=kind, dpi=dpi, pil_kwargs=options or {})
    return buffer.getvalue()


def _lay_out(figure: Figure) -> None:
    """Find the layout, which has no need of the images: left to itself matplotlib draws these twice."""
    images = [image for axes in figure.axes for image in axes.images]
    for image in images:
        image.set_visible(False)
    figure.draw_without_rendering()
    # Not "none", for which matplotlib draws once more.
    figure.set_layout_engine(None)
    for image in images:
        image.set_visible(True)
