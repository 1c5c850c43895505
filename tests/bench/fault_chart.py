"""The chart of what a dropping line costs: one bar for each way up, readable in light and dark."""

from html import escape
from typing import Any

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 820, 290, 110, 74, 34
_BAR = 18
_STYLE = """
svg { color-scheme: light dark; font: 13px system-ui, sans-serif }
.page { fill: #ffffff } text { fill: #1f2328 } .small { font-size: 12px; fill: #59636e }
.head { font-size: 15px; font-weight: 600 } .line { stroke: #d1d9e0 }
.needed { stroke: #1f2328; stroke-dasharray: 3 3 } .span { stroke: #1f2328; stroke-width: 1.5 }
.ours { fill: #1a7f5a } .theirs { fill: #8c959f } .open { opacity: 0.45 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 } .line { stroke: #30363d }
.needed { stroke: #e6edf3 } .span { stroke: #e6edf3 }
.ours { fill: #3fb68b } .theirs { fill: #6e7681 }
}
"""


def svg(found: dict[str, Any]) -> str:
    """Draw what bench_faults has found."""
    rows, most = found["uploads"], found["most"]
    bottom = _TOP + _ROW * len(rows)
    height = bottom + 66

    def x(share: float) -> float:
        return round(_LEFT + share / most * (_WIDTH - _LEFT - _RIGHT), 1)

    size, rate = found["size_bytes"] / 1e6, found["rate_bytes_per_s"] / 1e6
    title = (
        f"Bytes sent for each byte needed: {size:.0f} MB at {rate:.0f} MB/s, "
        f"a drop every {found['drop_every_s']:.0f} s on average"
    )
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}" rx="6"/>',
        f'<text class="head" x="20" y="30">{escape(title)}</text>',
        (
            f'<text class="small" x="20" y="50">Bars: median of {rows[0]["runs"]} seeded '
            "schedules, the same for everybody; lines: least and most.</text>"
        ),
    ]
    for share in range(int(most) + 1):
        kind = "needed" if share == 1 else "line"
        drawn += [
            f'<line class="{kind}" x1="{x(share)}" x2="{x(share)}" y1="{_TOP - 6}" y2="{bottom}"/>',
            _text(x(share), bottom + 18, f"{share}", "small", "middle"),
        ]
    for number, each in enumerate(rows):
        drawn += _bar(each, _TOP + number * _ROW, x)
    note = f"Who had sent {most:.0f} times the medium, or was not done after 45 s, gave up (pale)."
    drawn += [
        f'<rect class="ours" x="20" y="{bottom + 36}" width="12" height="12" rx="2"/>',
        f'<text class="small" x="38" y="{bottom + 46}">Fieldpost</text>',
        f'<rect class="theirs" x="110" y="{bottom + 36}" width="12" height="12" rx="2"/>',
        f'<text class="small" x="128" y="{bottom + 46}">others</text>',
        f'<text class="small" x="{_LEFT}" y="{bottom + 46}">{note}</text>',
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _bar(each: dict[str, Any], top: float, x: Any) -> list[str]:
    middle = top + _BAR / 2
    kind = "ours" if each["ours"] else "theirs"
    told = f"{each['share']:.2f}"
    if each["done"] < each["runs"]:
        kind += " open"
        told = f"{each['done']} of {each['runs']} done"
    label = f'{escape(each["name"])} <tspan class="small">→ {escape(each["to"])}</tspan>'
    width = x(each["share"]) - x(0)
    return [
        _text(_LEFT - 10, middle + 4, label, anchor="end"),
        f'<rect class="{kind}" x="{x(0)}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2"/>',
        f'<path class="span" d="M{x(each["least"])} {middle}H{x(each["most"])}"/>',
        _text(x(each["most"]) + 8, middle + 4, told),
    ]


def _text(left: float, base: float, told: str, kind: str = "", anchor: str = "start") -> str:
    place = f'x="{left}" y="{base}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{told}</text>'
