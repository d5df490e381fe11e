"""The pictures of the series, all in one visual language.

The three layers that a row passes through keep their name, colour, pattern and order in every
picture, so that you know them again at once. The colours are light, hatched and dark, and every bar
carries its name and number: nothing is told by colour alone, and a grey print-out reads the same.

matplotlib draws; every number in a picture was measured by the cell that shows it. The result is SVG
text in which the words stay words, so that a picture is sharp at any size and comes out the same,
byte for byte, on every machine. That is why CI can compare pictures like any other output.
"""
import base64
import html
import io
import logging
import warnings
from dataclasses import dataclass

TEXT_LAYER = "text layer"
BYTE_BUFFER = "byte buffer"
OPERATING_SYSTEM = "operating system"
LAYERS = [TEXT_LAYER, BYTE_BUFFER, OPERATING_SYSTEM]

COLOURS = {TEXT_LAYER: "#f2c14e", BYTE_BUFFER: "#4d9078", OPERATING_SYSTEM: "#1d3557"}
PATTERNS = {TEXT_LAYER: "", BYTE_BUFFER: "//", OPERATING_SYSTEM: ""}
INK, PAPER, FAINT, LOST = "#1a1a1a", "#ffffff", "#767676", "#b3261e"
PLAIN_FONTS = "'DejaVu Sans', Verdana, Arial, sans-serif"


@dataclass(frozen=True)
class Picture:
    """A drawing that Jupyter shows as an image with alt text, and that anything else shows as text.

    Parameters: ``svg`` is the drawing, ``alt`` says what it shows to somebody who cannot see it,
    ``caption`` stands below it, and ``text`` is what a terminal prints (the alt text if left out).
    """

    svg: str
    alt: str
    caption: str = ""
    text: str = ""

    def __repr__(self):
        return self.text or self.alt

    def _repr_html_(self):
        # An <img> with the drawing inside it is what an untrusted notebook still shows, alt text included;
        # Jupyter drops the alt text of an image/png output and refuses to show an image/svg+xml one.
        data = base64.b64encode(self.svg.encode("utf-8")).decode("ascii")
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return (f'<figure><img style="width:100%;max-width:900px" alt="{html.escape(self.alt)}" '
                f'src="data:image/svg+xml;base64,{data}">{caption}</figure>')


class Board:
    """A white board to draw on, measured in pixels from the top left corner.

    Parameters: ``width`` and ``height`` in pixels. 900 wide is what fits a projector beside
    JupyterLab's side bar; text of size 15 or more can be read from the last row.
    """

    def __init__(self, width, height):
        # matplotlib reads its font list without encoding= and may announce that it builds a cache.
        # Neither is about the reader's code, so neither may appear in the reader's notebook.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from matplotlib.figure import Figure
            from matplotlib.font_manager import fontManager  # noqa: F401  (the import is what warns)
        self._figure = Figure(figsize=(width / 72, height / 72), facecolor=PAPER)
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)

    def box(self, x, y, width, height, fill="none", pattern="", edge=INK, line=1.2):
        """Draw a rectangle; ``pattern`` is one of matplotlib's hatches."""
        from matplotlib.patches import Rectangle
        self._axes.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge,
                                       hatch=pattern or None, linewidth=line))

    def line(self, points, colour=INK, width=1.5, dashes="-"):
        """Draw a line through ``points``, a list of (x, y) pairs; ``dashes`` is a matplotlib line style."""
        self._axes.plot([x for x, _ in points], [y for _, y in points], color=colour, linewidth=width,
                        linestyle=dashes, solid_capstyle="butt")

    def arrow(self, start, end, colour=INK, width=1.5):
        """Draw an arrow from ``start`` to ``end``, both (x, y) pairs."""
        self._axes.annotate("", xy=end, xytext=start, annotation_clip=False,
                            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": width,
                                        "shrinkA": 0, "shrinkB": 0, "mutation_scale": 14})

    def text(self, x, y, words, size=16, align="left", colour=INK, bold=False):
        """Write ``words`` with their base line at ``y``; ``align`` is left, center or right."""
        # Base line and anchor come from x and y alone, never from a font's measurements: those differ
        # between matplotlib versions, and the picture would differ with them.
        self._axes.text(x, y, words, fontsize=size, ha=align, va="baseline", color=colour,
                        weight="bold" if bold else "normal")

    def layer(self, name, x, y, width, height):
        """Draw a rectangle in the colour and pattern that the layer called ``name`` has everywhere."""
        self.box(x, y, width, height, fill=COLOURS[name], pattern=PATTERNS[name])

    def svg(self):
        """Return the drawing as SVG text, the same on every machine."""
        import matplotlib
        settings = {"svg.fonttype": "none", "svg.hashsalt": "rows", "font.family": "DejaVu Sans",
                    "hatch.linewidth": 1.0, "path.simplify": False}
        with matplotlib.rc_context(settings):
            drawing = io.BytesIO()
            self._figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
        return drawing.getvalue().decode("utf-8").replace("'DejaVu Sans'", PLAIN_FONTS)


def amount(number, thing):
    """Return a number with its noun, as in ``1 row`` or ``1,142 rows``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def layer_bars(bytes_in, headline, footline):
    """Draw the gauge: one bar a layer, as long as the share of the bytes that are in it.

    Parameters: ``bytes_in`` maps each name in LAYERS to a number of bytes; ``headline`` and
    ``footline`` are the sentences above and below the bars. Returns the SVG text.
    """
    total = sum(bytes_in.values())
    board = Board(900, 250)
    board.text(20, 34, headline, size=19, bold=True)
    left, track = 230, 480
    for row, name in enumerate(LAYERS):
        top = 58 + row * 48
        board.text(left - 16, top + 25, name, size=18, align="right")
        board.box(left, top, track, 36, edge=FAINT)
        if bytes_in[name]:
            board.layer(name, left, top, max(3, round(track * bytes_in[name] / total)), 36)
        board.text(left + track + 16, top + 25, amount(bytes_in[name], "byte"), size=18)
    board.text(20, 234, footline, size=19, bold=True)
    return board.svg()
