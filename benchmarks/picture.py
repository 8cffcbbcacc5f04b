"""The figures as one picture: bars in panels, an SVG to be read on light and on dark pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

PANEL, GAP, MARGIN = 440, 30, 16
NAMES, VALUES = 130, 120
ROW, HEAD = 20, 44
BARS = PANEL - NAMES - VALUES
OURS = "ovsdhcp"

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 } .small { font-size: 11px; fill: #57606a }
.bar { fill: #8c959f } .second { fill: #d0d7de } .ours { fill: #0969da }
.ours.second { fill: #80b3ee } .spread { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 }
  .bar { fill: #7d8590 } .second { fill: #484f58 } .ours { fill: #4493f8 }
  .ours.second { fill: #1f4f8f } .spread { stroke: #e6edf3 }
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a panel: a length, one that follows it, the ends of its spread, what is said."""

    name: str
    value: float
    text: str
    more: float = 0.0
    low: float | None = None
    high: float | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A title, a line under it, bars."""

    title: str
    note: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """Pixels."""
        return HEAD + ROW * len(self.bars)


def draw(found: dict[str, Any]) -> str:
    """The picture of a run's figures; what was not measured has no panel."""
    panels = [panel for panel in _panels(found) if panel.bars]
    heights = [max(p.height for p in panels[at : at + 2]) for at in range(0, len(panels), 2)]
    width = 2 * PANEL + GAP + 2 * MARGIN
    height = sum(heights) + GAP * len(heights) + MARGIN * 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>ovsdhcp beside its peers</title><style>{_STYLE}</style>",
    ]
    top = MARGIN
    for at, tall in zip(range(0, len(panels), 2), heights, strict=True):
        for column, panel in enumerate(panels[at : at + 2]):
            parts += _drawn(panel, MARGIN + column * (PANEL + GAP), top)
        top += tall + GAP
    for at, line in enumerate(found["machine"]["words"].split("; ")):
        parts.append(_text(MARGIN, top + at * 15, line, "small"))
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    look = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{look}>{escape(words)}</text>'


def _drawn(panel: Panel, x: int, y: int) -> Iterable[str]:
    yield _text(x, y + 12, panel.title, "title")
    yield _text(x, y + 28, panel.note, "small")
    longest = max(max(it.value + it.more, it.high or 0) for it in panel.bars) or 1
    for number, bar in enumerate(panel.bars):
        yield from _drawn_bar(bar, x, y + HEAD + number * ROW, BARS / longest)


def _drawn_bar(bar: Bar, x: int, y: int, scale: float) -> Iterable[str]:
    start, style = x + NAMES, "bar ours" if bar.name.startswith(OURS) or bar.ours else "bar"
    yield _text(start - 6, y + 11, bar.name, anchor="end")
    yield _rectangle(start, y, bar.value * scale, style)
    if bar.more:
        yield _rectangle(start + bar.value * scale, y, bar.more * scale, f"{style} second")
    end = start + (bar.value + bar.more) * scale
    if bar.low is not None and bar.high is not None:
        yield (f'<line x1="{start + bar.low * scale:.1f}" x2="{start + bar.high * scale:.1f}" '
               f'y1="{y + 7}" y2="{y + 7}" class="spread"/>')  # fmt: skip
        end = max(end, start + bar.high * scale)
    yield _text(round(end + 6, 1), y + 11, bar.text)


def _rectangle(x: float, y: float, width: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="14" class="{style}"/>'


# --- what is in it


def _panels(found: dict[str, Any]) -> Iterable[Panel]:
    peers = _section(found, "peers")
    for load, title in _RATES.items():
        note = "right replies a second; the line: least and most of all rounds"
        yield Panel(title, note, _rates(peers.get(load, {})))
    yield Panel("One question at a time", "µs until the reply: median, then 99th percentile",
                _waits(peers.get("renew 1", {})))  # fmt: skip
    yield Panel("CPU time a reply, renewing clients, 128 outstanding",
                "µs: of the responder, then of ovs-vswitchd",
                _costs(peers.get("renew 128", {})))  # fmt: skip
    yield Panel("How many bindings there are", "right replies a second, renewing, 128 outstanding",
                _sizes(_section(found, "sizes")))  # fmt: skip
    yield Panel("How many bridges there are", "right replies a second, 100 outstanding in all",
                _bridges(_section(found, "bridges")))  # fmt: skip


def _section(found: dict[str, Any], name: str) -> dict[str, Any]:
    section: dict[str, Any] = found.get(name, {})
    return {} if "error" in section else section


_RATES = {
    "renew 128": "Renewing clients, 128 questions outstanding",
    "renew 32": "Renewing clients, 32 outstanding",
    "new 128": "Every client identifier new, 128 outstanding",
    "unlike 128": "Every question unlike all before, 128 outstanding",
}


def _of(by_responder: dict[str, Any]) -> Iterable[tuple[str, dict[str, float]]]:
    """Who answered, the quickest first; the bouncing bridge is no responder."""
    shown = [(name, it) for name, it in by_responder.items() if name not in ("ratios", "bounce")]
    return sorted((it for it in shown if it[1]["rate"]), key=lambda it: -it[1]["rate"])


def _rates(by_responder: dict[str, Any]) -> list[Bar]:
    return [_rate(name, it) for name, it in _of(by_responder)]


def _rate(name: str, it: dict[str, float]) -> Bar:
    return Bar(name, it["rate"], f"{it['rate']:,.0f}", low=it["rate_low"], high=it["rate_high"])


def _waits(by_responder: dict[str, Any]) -> list[Bar]:
    rows = sorted(_of(by_responder), key=lambda it: it[1]["p50"])
    return [
        Bar(name, it["p50"], f"{it['p50']:.0f}, {it['p99']:.0f}", more=it["p99"] - it["p50"])
        for name, it in rows
        if it["p50"] < _TOO_LONG
    ]


_TOO_LONG = 2000.0
"""µs; a bar of that length would leave none of the others to be seen."""


def _costs(by_responder: dict[str, Any]) -> list[Bar]:
    return [
        Bar(name, it["controller_us"], f"{it['controller_us']:.1f} + {it['vswitchd_us']:.1f}",
            more=it["vswitchd_us"])
        for name, it in sorted(_of(by_responder), key=lambda it: it[1]["controller_us"])
        if it["controller_us"] < _TOO_LONG / 10
    ]  # fmt: skip


def _sizes(sizes: dict[str, Any]) -> list[Bar]:
    return [
        replace(_rate(f"{int(size):,}", it["loads"]["renew 128"]), ours=True)
        for size, it in sizes.items()
    ]


def _bridges(bridges: dict[str, Any]) -> list[Bar]:
    return [replace(_rate(count, it), ours=True) for count, it in bridges.items()]
