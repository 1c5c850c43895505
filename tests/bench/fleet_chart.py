"""The chart of a growing fleet: throughput and p99 against devices, readable in light and dark."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 820, 380
_TOP, _BOTTOM = 84, 300
_PANELS = ((60, 390), (470, 800))
_STYLE = """
svg { color-scheme: light dark; font: 13px system-ui, sans-serif }
.page { fill: #ffffff } text { fill: #1f2328 } .small { font-size: 12px; fill: #59636e }
.head { font-size: 15px; font-weight: 600 } .line { stroke: #d1d9e0 }
.way { fill: none; stroke-width: 2 } .one { stroke: #1a7f5a } .two { stroke: #7a5af8 }
.one.dot { fill: #1a7f5a } .two.dot { fill: #ffffff; stroke-width: 2 }
.two.way { stroke-dasharray: 7 4 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 } .line { stroke: #30363d }
.one { stroke: #3fb68b } .two { stroke: #a48afb } .one.dot { fill: #3fb68b }
.two.dot { fill: #0d1117 }
}
"""


def svg(found: dict[str, Any]) -> str:
    """Draw what bench_fleet has found."""
    title = "A growing fleet: one audio and ten images per recording, two cores for everything"
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
        f'<text class="head" x="20" y="30">{escape(title)}</text>',
    ]
    drawn += _panel(_PANELS[0], "recordings per second", found["sites"], _rate, log=False)
    late = "p99 of the slowest call, milliseconds"
    drawn += _panel(_PANELS[1], late, found["sites"], _p99, log=True)
    for number, (kind, site) in enumerate(zip(("one", "two"), found["sites"], strict=False)):
        left, y = 60 + number * 300, _HEIGHT - 22
        drawn += [
            f'<path class="way {kind}" d="M{left} {y - 4}h28"/>',
            f'<circle class="dot {kind}" cx="{left + 14}" cy="{y - 4}" r="4"/>',
            f'<text class="small" x="{left + 36}" y="{y}">{escape(site["name"])}</text>',
        ]
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _rate(stage: dict[str, Any]) -> float:
    rate: float = stage["recordings_per_s"]
    return rate


def _p99(stage: dict[str, Any]) -> float:
    return max(call["p99"] for call in stage["calls_ms"].values())


def _panel(
    span: tuple[int, int],
    title: str,
    sites: Sequence[dict[str, Any]],
    value: Callable[[dict[str, Any]], float],
    *,
    log: bool,
) -> list[str]:
    """Draw one quantity of all sites against devices, which stand evenly in their order."""
    counts = [stage["devices"] for stage in sites[0]["stages"]]
    step = (span[1] - span[0]) / max(1, len(counts) - 1)
    marks = _marks([value(stage) for site in sites for stage in site["stages"]], log=log)
    least, most = _scaled(marks[0], log=log), _scaled(marks[-1], log=log)

    def y(amount: float) -> float:
        share = (_scaled(amount, log=log) - least) / (most - least)
        return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)

    drawn = [f'<text x="{span[0] - 34}" y="{_TOP - 22}">{escape(title)}</text>']
    for mark in marks:
        drawn += [
            f'<path class="line" d="M{span[0]} {y(mark)}H{span[1]}"/>',
            (
                f'<text class="small" x="{span[0] - 8}" y="{y(mark) + 4}" text-anchor="end">'
                f"{mark:g}</text>"
            ),
        ]
    for place, count in enumerate(counts):
        drawn.append(
            f'<text class="small" x="{span[0] + place * step:.1f}" y="{_BOTTOM + 20}" '
            f'text-anchor="middle">{count:,}</text>'
        )
    middle = (span[0] + span[1]) / 2
    drawn.append(
        f'<text class="small" x="{middle}" y="{_BOTTOM + 38}" text-anchor="middle">devices</text>'
    )
    for kind, site in zip(("one", "two"), sites, strict=False):
        at = [(span[0] + i * step, y(value(stage))) for i, stage in enumerate(site["stages"])]
        path = "L".join(f"{left:.1f} {top}" for left, top in at)
        drawn.append(f'<path class="way {kind}" d="M{path}"/>')
        drawn += [f'<circle class="dot {kind}" cx="{x:.1f}" cy="{top}" r="4"/>' for x, top in at]
    return drawn


def _scaled(amount: float, *, log: bool) -> float:
    return math.log10(max(amount, 1e-3)) if log else amount


def _marks(values: Sequence[float], *, log: bool) -> list[float]:
    """Choose round numbers around all values."""
    if log:
        low = math.floor(math.log10(max(min(values), 1e-3)))
        high = max(low + 1, math.ceil(math.log10(max(values))))
        return [10.0**power for power in range(low, high + 1)]
    step = 10.0 ** math.floor(math.log10(max(values)))
    step = next(step * part for part in (0.2, 0.5, 1, 2) if max(values) / (step * part) <= 6)
    return [step * number for number in range(math.ceil(max(values) / step) + 1)]
