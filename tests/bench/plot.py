# SPDX-License-Identifier: BSD-3-Clause
"""Plots as SVG, without a library: panels side by side, each with lines over a common axis or with bars."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 300, 64, 16, 56, 48
COLORS = ["#1f6fb4", "#d1495b", "#2e8b57", "#8a5fbf", "#b8860b", "#444444"]


class Panel:
    """series: {name: [(x, y), ...]}. log: x grows by factors. y begins at 0."""

    def __init__(self, title, x, y, series, log=False):
        self.title, self.x, self.y, self.series, self.log = title, x, y, series, log


class Bars:
    """rows: {name: y}, a bar each. y begins at 0."""

    def __init__(self, title, y, rows):
        self.title, self.y, self.rows = title, y, rows


def number(v):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(v) >= size:
            return f"{v / size:.3g}{letter}"
    return f"{v:.3g}"


def ticks(top):
    """About five round steps from 0 to at least top."""
    if top <= 0:
        return [0, 1]
    step = 10 ** math.floor(math.log10(top / 4))
    step *= next(m for m in (1, 2, 5, 10) if top / (step * m) <= 5)
    return [i * step for i in range(math.ceil(top / step) + 1)]


def text(x, y, content, anchor="middle", size=11, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{extra}>'
            f"{html.escape(content)}</text>")


def grid(panel, left, steps):
    """The title, and a line for each step of y."""
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    out = [text(left + LEFT + width / 2, 18, panel.title, size=13)]
    for y in steps:
        y0 = TOP + height * (1 - y / steps[-1])
        out.append(f'<path d="M{left + LEFT} {y0:.1f}h{width}" stroke="#ddd"/>')
        out.append(text(left + LEFT - 6, y0 + 4, number(y), "end"))
    turned = f' transform="translate({left + 14},{TOP + height / 2}) rotate(-90)"'
    return out + [text(0, 0, panel.y, extra=turned)]


def draw_bars(panel, left):
    steps = ticks(max(panel.rows.values()))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    each = width / len(panel.rows)
    out = grid(panel, left, steps)
    for n, (name, y) in enumerate(panel.rows.items()):
        x, tall = left + LEFT + n * each, height * y / steps[-1]
        out.append(f'<rect x="{x + each * 0.2:.1f}" y="{TOP + height - tall:.1f}" '
                   f'width="{each * 0.6:.1f}" height="{tall:.1f}" fill="{COLORS[n % len(COLORS)]}"/>')
        out.append(text(x + each / 2, TOP + height - tall - 4, number(y)))
        out.append(text(x + each / 2, TOP + height + 16, name))
    return out


def draw_lines(panel, left):
    points = [p for line in panel.series.values() for p in line]
    scale = math.log10 if panel.log else float
    xs = sorted({x for x, _ in points})
    low, high = scale(xs[0]), scale(xs[-1])
    steps = ticks(max(y for _, y in points))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x, y):
        part = (scale(x) - low) / (high - low) if high > low else 0.5
        return left + LEFT + part * width, TOP + height * (1 - y / steps[-1])

    out = grid(panel, left, steps)
    free = 0  # from where the next number does not touch the last
    for x in xs:
        if at(x, 0)[0] >= free:
            out.append(text(at(x, 0)[0], TOP + height + 16, number(x)))
            free = at(x, 0)[0] + 40
    out.append(text(left + LEFT + width / 2, HEIGHT - 12, panel.x))
    for n, (name, line) in enumerate(panel.series.items()):
        color = COLORS[n % len(COLORS)]
        spots = [at(x, y) for x, y in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        out.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in spots]
        out.append(f'<rect x="{left + LEFT + n * 90}" y="28" width="10" height="10" fill="{color}"/>')
        out.append(text(left + LEFT + n * 90 + 14, 37, name, "start"))
    return out


def has_points(panel):
    return bool(panel.rows) if isinstance(panel, Bars) else any(panel.series.values())


def write(path, caption, panels):
    """Writes the panels into an SVG file, the caption (machine, date, program) below them. What has
    nothing to show is left out."""
    panels = [p for p in panels if has_points(p)]
    width, height = WIDTH * len(panels), HEIGHT + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>']
    for n, panel in enumerate(panels):
        out += (draw_bars if isinstance(panel, Bars) else draw_lines)(panel, n * WIDTH)
    out.append(text(8, height - 8, caption, "start"))
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>", ""]))
