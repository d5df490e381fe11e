"""The pictures of the series, all in one visual language.

The three layers that a row passes through keep their name, colour, pattern and order in every
picture, so that you know them again at once. The colours are light, hatched and dark, and every bar
carries its name and number: nothing is told by colour alone, and a grey print-out reads the same.

matplotlib draws; every number in a picture was measured by the cell that shows it. The result is SVG
text in which the words stay words, so that a picture is sharp at any size and comes out the same,
byte for byte, on every machine. That is why CI can compare pictures like any other output.
"""
import base64
import bisect
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
INK, PAPER, FAINT, SHADE, LOST = "#1a1a1a", "#ffffff", "#767676", "#444444", "#b3261e"
PLAIN_FONTS = "'DejaVu Sans', Verdana, Arial, sans-serif"


@dataclass(frozen=True)
class Picture:
    """A drawing that Jupyter shows as an image with alt text, and that anything else shows as text.

    Parameters: ``svg`` is the drawing, ``alt`` says what it shows to somebody who cannot see it,
    and ``text`` is what a terminal prints (the alt text if left out).
    """

    svg: str
    alt: str
    text: str = ""

    def __repr__(self):
        return self.text or self.alt

    def _repr_html_(self):
        # An <img> with the drawing inside it is what an untrusted notebook still shows, alt text included;
        # Jupyter drops the alt text of an image/png output and refuses to show an image/svg+xml one.
        data = base64.b64encode(self.svg.encode("utf-8")).decode("ascii")
        return (f'<figure style="margin:0"><img style="width:100%;max-width:900px" alt="{html.escape(self.alt)}" '
                f'src="data:image/svg+xml;base64,{data}"></figure>')


def _own_settings():
    """Return a context in which matplotlib forgets the reader's own settings and keeps ours."""
    import matplotlib
    plain = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
    return matplotlib.rc_context({**plain, "svg.fonttype": "none", "svg.hashsalt": "rows",
                                  "hatch.linewidth": 1.0, "path.simplify": False})


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
        with _own_settings():
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

    def area(self, corners, fill, pattern="", edge=INK, line=1.2):
        """Draw an area with these ``corners``, a list of (x, y) pairs; ``pattern`` is one of matplotlib's hatches."""
        from matplotlib.patches import Polygon
        self._axes.add_patch(Polygon(corners, facecolor=fill, edgecolor=edge, hatch=pattern or None, linewidth=line))

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
        self._axes.text(x, y, words, family="DejaVu Sans", fontsize=size, ha=align, va="baseline", color=colour,
                        weight="bold" if bold else "normal")

    def layer(self, name, x, y, width, height):
        """Draw a rectangle in the colour and pattern that the layer called ``name`` has everywhere."""
        self.box(x, y, width, height, fill=COLOURS[name], pattern=PATTERNS[name])

    def svg(self):
        """Return the drawing as SVG text, the same on every machine."""
        with _own_settings():
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
    board = Board(900, 250)
    _draw_layer_bars(board, 0, bytes_in, headline, footline)
    return board.svg()


def layer_bars_twice(before, after):
    """Draw two gauges below each other; each parameter is (bytes_in, headline, footline). Returns the SVG text."""
    board = Board(900, 520)
    _draw_layer_bars(board, 0, *before)
    board.line([(20, 258), (880, 258)], colour=FAINT)
    _draw_layer_bars(board, 266, *after)
    return board.svg()


def _draw_layer_bars(board, top, bytes_in, headline, footline):
    total = sum(bytes_in.values())
    board.text(20, top + 34, headline, size=19, bold=True)
    left, track = 230, 480
    for row, name in enumerate(LAYERS):
        bar = top + 58 + row * 48
        board.text(left - 16, bar + 25, name, size=18, align="right")
        board.box(left, bar, track, 36, edge=FAINT)
        if bytes_in[name]:
            board.layer(name, left, bar, max(3, round(track * bytes_in[name] / total)), 36)
        board.text(left + track + 16, bar + 25, amount(bytes_in[name], "byte"), size=18)
    board.text(20, top + 234, footline, size=19, bold=True)


def staircase(visible, headline):
    """Draw how many rows other readers see while rows are written one by one, as a staircase.

    Parameters: ``visible`` lists the rows visible after 1, 2, 3 and so on rows written; ``headline`` is the
    sentence above. Returns a Picture. The steps are in the colour of the operating system, the gap up to the
    rows written in that of the byte buffer: measure with ``write_through=True``, so that it is true.
    """
    written, left, top, across, up = len(visible), 110, 76, 760, 330
    starts = [row for row in range(1, written + 1) if row == 1 or visible[row - 1] != visible[row - 2]]
    ends = [*[start - 1 for start in starts[1:]], written]
    steps = [(start, end, visible[start - 1]) for start, end in zip(starts, ends, strict=True)]

    def place(rows_written, rows):
        return left + across * rows_written / written, top + up * (1 - rows / written)

    board = Board(900, 480)
    board.text(20, 34, headline, size=19, bold=True)
    edge = [place(0, 0)]
    for start, end, rows in steps:
        edge += [place(start if rows else 0, rows), place(min(end + 1, written), rows)]
    for name, corners in [(BYTE_BUFFER, [*edge, place(written, written)]), (OPERATING_SYSTEM, [*edge, place(written, 0)])]:
        board.area(corners, fill=COLOURS[name], pattern=PATTERNS[name], line=0.8)
    board.line([place(0, 0), place(written, written)], width=2.5)
    sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
    between = sizes[min(len(sizes) - 1, bisect.bisect_left(sizes, written / 7))]
    for tick in range(0, written + 1, between):
        (x, _), (_, y) = place(tick, 0), place(0, tick)
        board.line([(x, top + up), (x, top + up + 7)])
        board.text(x, top + up + 26, f"{tick:,}", size=16, align="center")
        board.line([(left - 7, y), (left, y)])
        board.text(left - 12, y + 6, f"{tick:,}", size=16, align="right")
    board.line([(left, top - 6), (left, top + up), (left + across, top + up)])
    board.text(left + across, top + up + 58, "rows written", size=18, align="right")
    board.text(left - 12, top - 18, "rows", size=18, align="right")
    board.text(*place(written * 0.62, written * 0.84), "rows written", size=18, align="right", bold=True)
    (start_x, start_y), (end_x, _) = place(written * 0.635, written * 0.855), place(written * 0.85, 0)
    board.arrow((start_x, start_y), (end_x, start_y))
    board.text(*place(written * 0.03, written * 0.65), "missing: still in the byte buffer", size=18, bold=True)
    middle = [step for step in steps if 0.45 * written <= step[1] <= 0.7 * written] or steps[-1:]
    _, gap_end, gap_seen = max(middle, key=lambda step: step[1] - step[2])
    gap = gap_end - gap_seen
    board.arrow(place(written * 0.47, written * 0.645), place(gap_end - gap * 0.2, gap_seen + gap * 0.55), width=2)
    inside = visible[-1] > written * 0.3
    if not inside:
        board.box(*place(written * 0.53, written * 0.2), across * 0.46, up * 0.12, fill=PAPER)
    below = "rows that other readers see" if visible[-1] else "other readers see no row"
    board.text(*place(written * 0.98, written * 0.12), below, size=18, align="right", colour=PAPER if inside else INK,
               bold=True)

    def told(start, end):
        return f"{start:,}" if start == end else f"{start:,} to {end:,}"

    lines = [f"{'rows written':>16}{'others see':>13}{'missing':>12}"]
    lines += [f"{told(start, end):>16}{rows:>13,}{told(start - rows, end - rows):>12}" for start, end, rows in steps]
    seen = "; ".join(f"{rows:,} seen with {told(start, end)} written" for start, end, rows in steps)
    alt = (f"Staircase. {headline} Across: rows written, up to {written:,}. A straight line rises with the rows written. "
           f"Below it the rows that other readers see rise in steps: {seen}. The hatched gap between the two is "
           f"labelled: missing, still in the byte buffer.")
    return Picture(svg=board.svg(), alt=alt, text="\n".join(lines))


def exits(outcomes, written):
    """Draw the ways out of a process: which rows are in the file afterwards, one line a way.

    Parameters: ``outcomes`` maps the name of each way to a pair, the number of rows that are in the file
    afterwards and whether the exit code was 0; ``written`` is the number of rows that were written. Rows that
    are there are dark boxes; lost ones are empty and crossed out. A way that loses rows and still reports
    success is marked. Returns a Picture.
    """
    board = Board(900, 62 + 40 * len(outcomes))
    headline = f"{amount(written, 'row')} written, then this. Which are in the file afterwards?"
    board.text(20, 34, headline, size=19, bold=True)
    told = []
    for line, (way, (rows, reports_success)) in enumerate(outcomes.items()):
        top = 54 + 40 * line
        board.text(330, top + 22, way, size=17, align="right")
        for place in range(written):
            left = 350 + 64 * place
            if place < rows:
                board.layer(OPERATING_SYSTEM, left, top, 54, 30)
            else:
                board.box(left, top, 54, 30, edge=LOST, line=1.8)
                board.line([(left, top), (left + 54, top + 30)], colour=LOST)
                board.line([(left, top + 30), (left + 54, top)], colour=LOST)
        lost_in_silence = rows < written and reports_success
        code = "exit code 0" if reports_success else "exit code not 0"
        words = f"{rows} of {amount(written, 'row')}, {code}" + (": no alarm!" if lost_in_silence else "")
        board.text(370 + 64 * written, top + 22, words, size=17, bold=lost_in_silence)
        told.append((way, words))
    return Picture(
        svg=board.svg(),
        alt=f"{headline} " + "; ".join(f"{way}: {words}" for way, words in told) + ".",
        text="\n".join(f"{way:<28}{words}" for way, words in told),
    )


def lifetimes(moments, seen):
    """Draw how long temporary files last: a dark box for each moment at which the file was there.

    Parameters: ``moments`` is the list of moments; ``seen`` maps each kind of file to a list of booleans,
    one a moment, True where the file was found. Returns a Picture.
    """
    board = Board(900, 92 + 48 * len(seen))
    headline = "Is the file there?"
    board.text(20, 36, headline, size=19, bold=True)
    for place, moment in enumerate(moments):
        board.text(345 + 184 * place + 88, 72, moment, size=17, align="center")
    told = []
    for line, (kind, found) in enumerate(seen.items()):
        top = 86 + 48 * line
        board.text(330, top + 25, kind, size=17, align="right")
        for place, there in enumerate(found):
            left = 345 + 184 * place
            board.box(left, top, 176, 36, fill=SHADE if there else "none", edge=SHADE if there else FAINT)
            board.text(left + 88, top + 25, "there" if there else "gone", size=17, align="center",
                       colour=PAPER if there else INK, bold=there)
        told.append((kind, [f"{moment}: {'there' if there else 'gone'}" for moment, there in zip(moments, found)]))
    return Picture(
        svg=board.svg(),
        alt=f"{headline} " + "; ".join(f"{kind}, {', '.join(words)}" for kind, words in told) + ".",
        text="\n".join(f"{kind:<34}{', '.join(words)}" for kind, words in told),
    )


def trips(counts, headline):
    """Show how often each way of writing went to the operating system: one upright line is one trip.

    Parameters: ``counts`` maps the name of each way (up to five short names) to its number of trips;
    ``headline`` stands above. Returns a Picture. The layers are thin here, for nothing is said of what is in
    them. Trips too close to be told apart become a full block that says so.
    """
    board = Board(900, 340)
    board.text(20, 34, headline, size=19, bold=True)
    left, gap = 190, 14
    width = round((880 - left) / len(counts)) - gap
    tops = {TEXT_LAYER: 88, BYTE_BUFFER: 120, OPERATING_SYSTEM: 256}
    for name, top in tops.items():
        board.text(left - 16, top + 14, name, size=17, align="right")
    board.text(left - 44, 203, "trips", size=17, align="right")
    board.arrow((left - 26, 150), (left - 26, 250))
    for column, (way, count) in enumerate(counts.items()):
        x = left + column * (width + gap)
        board.text(x + width / 2, 72, way, size=17, align="center", bold=True)
        for name, top in tops.items():
            board.layer(name, x, top, width, 18)
        if count * 3 > width:
            board.box(x, 144, width, 106, fill=SHADE, edge=SHADE)
            board.text(x + width / 2, 193, "too many", size=16, align="center", colour=PAPER, bold=True)
            board.text(x + width / 2, 214, "to tell apart", size=16, align="center", colour=PAPER, bold=True)
        else:
            for trip in range(count):
                place = round(x + (trip + 0.5) * width / count, 1)
                board.line([(place, 144), (place, 250)], colour=INK, width=1.5)
        board.text(x + width / 2, 306, amount(count, "trip"), size=19, align="center", bold=True)
    each = "; ".join(f"{way}: {amount(count, 'trip')}" for way, count in counts.items())
    return Picture(
        svg=board.svg(),
        alt=f"{headline}. From the byte buffer down to the operating system runs one upright line for each trip; "
            f"where they are too many to tell apart, a full block. {each}.",
        text="\n".join([headline, *(f"{way:<20}{amount(count, 'trip'):>14}" for way, count in counts.items())]),
    )
