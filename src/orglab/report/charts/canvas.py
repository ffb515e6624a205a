"""The drawing of charts: colours that everyone can distinguish, shapes for grey print, and text that fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from orglab.report.characters import is_wide, printable


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours and the font of a chart.

    Attributes:
        colors: The colours of series, in order.
        ink: The colour of text and marks.
        muted: The colour of secondary text.
        grid: The colour of grid lines.
        paper: The background colour.
        font: The font families, in CSS syntax.
        dark: The theme on a dark background, for a file that is shown on either.
    """

    colors: tuple[str, ...]
    ink: str
    muted: str
    grid: str
    paper: str
    font: str
    dark: "Theme | None" = None

    @property
    def all_colors(self) -> tuple[str, ...]:
        """All colours."""
        return (*self.colors, self.ink, self.muted, self.grid, self.paper)


WIDTH = 420
"""The width of every chart in its own pixels; titles are above, so that it is readable from phones to print."""
SERIES = 6
"""The number of colours; beyond that, dashes and marks distinguish series."""
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
# The palette of Okabe and Ito, which colour-blind readers can distinguish. Those too pale for lines on white (contrast
# below 3:1) are darkened at the same hue.
_DARK = Theme(("#56b4e9", "#f0893b", "#3fc79a", "#dd9abf", "#e6b23c", "#8fcdf0"), "#e9e6df", "#aba89f", "#353431",
              "#191918", _FONT)  # fmt: skip
LIGHT = Theme(("#0072b2", "#c24e00", "#008563", "#a8507f", "#8a6100", "#1c6f9e"), "#1c1b19", "#5c5a55", "#e4e1da",
              "#ffffff", _FONT, _DARK)  # fmt: skip
"""For a file, which is shown on a light or a dark background."""
PAGE = Theme(LIGHT.colors, LIGHT.ink, LIGHT.muted, "#dcd9d2", LIGHT.paper,
             "'DejaVu Sans', 'Liberation Sans', Arial, Helvetica, 'Libertinus Serif'")  # fmt: skip
CSS = Theme(
    tuple(f"var(--series-{number + 1})" for number in range(SERIES)),
    "var(--ink)", "var(--muted)", "var(--grid)", "var(--paper)", "inherit",
)  # fmt: skip
"""For a page whose style sheet defines the colours, light and dark."""

_OPEN_SHAPES = (5, 6)
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 5", "1 4")
_NARROW = frozenset("iljtfrI.,:;'|!()[]{} -")
_BROAD = frozenset("mwMW@%—…ABCDGHKNOQRUVXY")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the approximate width of a text in a sans-serif font, rather too wide than too narrow."""
    units = 0.09 * len(text) if bold else 0.0
    for char in text:
        units += 1.05 if is_wide(char) else 0.36 if char in _NARROW else 0.82 if char in _BROAD else 0.62
    return units * size


def fit_text(text: str, width: float, size: float) -> str:
    """Return a text truncated to a width, with an ellipsis if something is cut off."""
    text = " ".join(printable(text).split())
    if text_width(text[:400], size) <= width:
        return text[:400]
    room = width - text_width("…", size)
    kept = []
    for char in text:
        room -= text_width(char, size)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


class Canvas:
    """The elements of one chart, in the order they are drawn.

    Attributes:
        theme: The colours and font.
        height: The height; it may change until the canvas is closed.
    """

    def __init__(self, theme: Theme, height: float) -> None:
        """Start with an empty canvas."""
        self.theme = theme
        self.height = height
        self.elements: list[str] = []

    def line(
        self, x1: float, y1: float, x2: float, y2: float, color: str, *, weight: float = 1, dash: str = ""
    ) -> None:
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.elements.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"'
            f' stroke-width="{weight:g}"{dashed}/>'
        )

    def path(
        self,
        points: Sequence[tuple[float, float]],
        color: str,
        *,
        weight: float = 1.8,
        dash: str = "",
        opacity: float = 1,
    ) -> None:
        """Draw a line through points."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        dashed += f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
        steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.elements.append(
            f'<path d="M{steps}" fill="none" stroke="{color}" stroke-width="{weight:g}" stroke-linejoin="round"'
            f' stroke-linecap="round"{dashed}/>'
        )

    def band(self, points: Sequence[tuple[float, float]], color: str) -> None:
        """Fill the area within some points."""
        steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.elements.append(f'<path d="M{steps}z" fill="{color}" fill-opacity="0.18"/>')

    def bar(
        self, x: float, y: float, width: float, height: float, fill: str, *, stroke: str = "", dash: str = ""
    ) -> None:
        """Draw a bar with rounded corners."""
        outline = f' stroke="{stroke}" stroke-width="1.4"' if stroke else ""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{min(3, height / 2):g}"'
            f' fill="{fill}"{outline}{dashed}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 12,
        anchor: str = "start",
        color: str = "",
        *,
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Write a text, if it is not empty, with its baseline at `y`; a halo keeps it readable over lines."""
        if not text:
            return
        weight = ' font-weight="600"' if bold else ""
        if halo:
            weight += f' stroke="{self.theme.paper}" stroke-width="3" paint-order="stroke"'
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{color or self.theme.ink}"{place}{weight}>'
            f"{escape(printable(text))}</text>"
        )

    def mark(
        self, x: float, y: float, shape: int, color: str, size: float = 4, *, hollow: bool = False, opacity: float = 1
    ) -> None:
        """Draw a mark: a circle, square, triangle, diamond, upside-down triangle, cross or plus, by number."""
        shape %= 7
        fill = self.theme.paper if hollow else color
        pale = f' stroke-opacity="{opacity:g}"' if opacity < 1 else ""
        if shape == 0:
            self.elements.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}" fill="{fill}" stroke="{color}" stroke-width="1.5"'
                f"{pale}/>"
            )
            return
        s, t = size, size * 1.3
        lines = {
            1: f"M{x - s:.1f} {y - s:.1f}h{2 * s:g}v{2 * s:g}h{-2 * s:g}z",
            2: f"M{x:.1f} {y - s * 1.2:.1f}L{x + s * 1.2:.1f} {y + s:.1f}H{x - s * 1.2:.1f}z",
            3: f"M{x:.1f} {y - t:.1f}l{t:g} {t:g}l{-t:g} {t:g}l{-t:g} {-t:g}z",
            4: f"M{x:.1f} {y + s * 1.2:.1f}L{x + s * 1.2:.1f} {y - s:.1f}H{x - s * 1.2:.1f}z",
            5: f"M{x - s:.1f} {y - s:.1f}l{2 * s:g} {2 * s:g}m0 {-2 * s:g}l{-2 * s:g} {2 * s:g}",
            6: f"M{x - s * 1.2:.1f} {y:.1f}h{2.4 * s:g}M{x:.1f} {y - s * 1.2:.1f}v{2.4 * s:g}",
        }
        weight, inside = (2.4, "none") if shape in _OPEN_SHAPES else (1.5, fill)
        self.elements.append(
            f'<path d="{lines[shape]}" fill="{inside}" stroke="{color}" stroke-width="{weight}"{pale}/>'
        )

    def legend(self, entries: Sequence[tuple[str, str, int, str]], x: float, y: float) -> float:
        """Draw a legend on as many lines as needed, and return the y position below it.

        Args:
            entries: Each a text, a colour, the number of a mark, and a dash; `-`: no line, `o`: a hollow mark.
            x: The left end of each line.
            y: The middle of the first line.
        """
        at = x
        for text, color, shape, dash in entries:
            sample = 10 if dash in ("-", "o") else 26
            label = fit_text(text, WIDTH - x - sample - 10, 12)
            needed = sample + 6 + text_width(label, 12) + 16
            if at > x and at + needed - 16 > WIDTH:
                at, y = x, y + 20
            if dash not in ("-", "o"):
                self.line(at, y, at + sample, y, color, weight=2, dash=dash)
            self.mark(at + sample / 2, y, shape, color, hollow=dash == "o")
            self.text(at + sample + 6, y + 4, label)
            at += needed
        return y + 18

    def empty(self, text: str) -> None:
        """Draw a message instead of a chart without data."""
        self.bar(0.5, 0.5, WIDTH - 1, self.height - 1, "none", stroke=self.theme.grid)
        self.text(WIDTH / 2, self.height / 2 + 4, text, 13, "middle", self.theme.muted)

    def close(self, title: str, description: str, name: str) -> str:
        """Return the chart as an `svg` element, with a title and description for screen readers."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {self.height:g}"'
            f' width="{WIDTH:g}" height="{self.height:g}" role="img" aria-labelledby="{name}-t {name}-d"'
            f' direction="ltr" font-family="{escape(self.theme.font)}">'
            f'<title id="{name}-t">{escape(printable(title))}</title>'
            f'<desc id="{name}-d">{escape(printable(description))}</desc>'
            f"{self._background()}{''.join(self.elements)}</svg>"
        )

    def _background(self) -> str:
        """Return the background of a file, and the rules that replace its colours where the reader prefers dark."""
        theme = self.theme
        if theme.dark is None:
            return ""
        rules = (
            f'[{place}="{light}"]{{{place}:{dark}}}'
            for light, dark in zip(theme.all_colors, theme.dark.all_colors, strict=True)
            for place in ("fill", "stroke")
        )
        return (
            f"<style>@media (prefers-color-scheme:dark){{{''.join(rules)}}}</style>"
            f'<rect width="{WIDTH:g}" height="{self.height:g}" fill="{theme.paper}"/>'
        )
