"""Line charts as SVG, to stand in pages of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#2563eb", "#dc2626", "#059669", "#9333ea", "#d97706", "#0891b2", "#be185d", "#4d7c0f")
_LEFT, _RIGHT, _BOTTOM = 64, 8, 26

Points = Sequence[tuple[float, float]]


def line_chart(
    series: Mapping[str, Points],
    *,
    x_unit: str,
    y_unit: str,
    size: tuple[int, int] = (720, 200),
    top: float | None = None,
    x_ticks: Sequence[float] | None = None,
    digits: int = 0,
    dots: bool = False,
    label: str = "chart",
) -> str:
    """A line chart from (0, 0) on; "" if there are no points.

    Args:
        series: by name, points (x, y), not negative.
        x_unit, y_unit: behind the numbers of the axes.
        size: width and height.
        top: y of the upper edge; None: a tenth more than the highest point.
        x_ticks: where numbers stand below; None: five, evenly.
        digits: of the axes' numbers after the point.
        dots: whether points are marked.
        label: what it shows, for those who cannot see it.
    """
    points = [point for line in series.values() for point in line]
    if not points:
        return ""
    width, height = size
    end = max(1e-9, *(x for x, _ in points))
    upper = top if top is not None else max(1e-9, *(y * 1.1 for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + x / end * (width - _LEFT - _RIGHT), (height - _BOTTOM) * (1 - y / upper)

    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    for tick in range(5):
        x, y = place(0, upper * tick / 4)
        parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{width - _RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{_LEFT - 4}" y="{max(y + 4, 10):.0f}" text-anchor="end">'
            f"{upper * tick / 4:.{digits}f} {escape(y_unit)}</text>"
        )
    for value in [end * tick / 5 for tick in range(6)] if x_ticks is None else x_ticks:
        x, _ = place(value, 0)
        anchor = "end" if value == end else "middle"
        parts.append(
            f'<text x="{x:.1f}" y="{height - 8}" text-anchor="{anchor}">{value:.{digits}f} {escape(x_unit)}</text>'
        )
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        placed = [place(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if dots:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        parts.append(f'<text x="{_LEFT + 8}" y="{14 + 14 * index}" fill="{colour}">{escape(name)}</text>')
    parts.append("</svg>")
    return "".join(parts)


def reliability_chart(curves: Mapping[str, Points]) -> str:
    """Stated confidence (across) and the part of pixels that was good (up), by method, beside the ideal."""
    return line_chart(
        {"ideal": [(0.0, 0.0), (1.0, 1.0)], **curves},
        x_unit="stated",
        y_unit="good",
        size=(480, 320),
        top=1.0,
        digits=2,
        dots=True,
        label="reliability diagram",
    )
