"""The pictures of the series, all in one visual language.

The layers that a row passes through keep their name, colour, pattern and order in every picture, so
that you know them again at once. The colours are light, hatched and dark, and every bar carries its
name and number: nothing is told by colour alone, and a grey print-out reads the same. The headline of a
picture is what it shows, in a sentence, and the alt text begins with it.

matplotlib draws; every number in a picture was measured by the cell that shows it.

How a picture is stored, and why
    The output is HTML: an ``<img>`` with alt text, whose data is a PNG twice as fine as it is shown.
    JupyterLab shows that in a notebook that nobody has trusted yet, alt text included; it drops the alt
    text of a bare image/png output and shows no image/svg+xml one. And a PNG is what others show as well:
    GitHub's own engineers wrote, in a pull request to nbconvert (number 2106, 2024), that an SVG in base64
    is not safe enough for their preview, and its users report of lost SVG pictures in notebooks and of PNG
    ones that are shown (pcse_notebooks, issue 8). GitHub drops ``style`` (ipyplot, issue 3), so the width
    stands in an attribute, too. nbviewer cleans no HTML (nbviewer, issue 613); Visual Studio Code shows HTML
    in a trusted folder and the plain text in one that is not (vscode, issue 118584).

How a picture is compared
    The same drawing as SVG text, in which the words stay words, comes out the same, byte for byte, on
    every machine; the pixels of a PNG do not, for they depend on the version of the font renderer. So the
    HTML begins with a comment that holds the SHA-256 of the SVG text. Comments are dropped when the page is
    shown, but they are stored, and nbval compares them with the alt text and leaves out the pixels only.
    That the stored pixels show this drawing is what tests/support/pixels.py compares.
"""
import base64
import bisect
import hashlib
import html
import io
import logging
import textwrap
import warnings
from dataclasses import dataclass

TEXT_LAYER = "text layer"
BYTE_BUFFER = "byte buffer"
OPERATING_SYSTEM = "operating system"
LAYERS = [TEXT_LAYER, BYTE_BUFFER, OPERATING_SYSTEM]
WAITING = "waiting in your program"
IN_THE_FILE = "in the file"

COLOURS = {TEXT_LAYER: "#f2c14e", BYTE_BUFFER: "#4d9078", OPERATING_SYSTEM: "#1d3557",
           WAITING: "#f2c14e", IN_THE_FILE: "#1d3557"}
PATTERNS = {BYTE_BUFFER: "//"}
INK, PAPER, FAINT, SHADE, LOST, OLD = "#1a1a1a", "#ffffff", "#767676", "#444444", "#b3261e", "#d9d9d9"
PLAIN_FONTS = "'DejaVu Sans', Verdana, Arial, sans-serif"
WIDTH = 900
LETTERS = 72  # of a headline fit into one line


@dataclass(frozen=True)
class Picture:
    """A drawing that Jupyter shows as an image with alt text, and that anything else shows as text.

    Parameters: ``svg`` and ``png`` are the same drawing as text and as pixels, ``alt`` says what it shows
    to somebody who cannot see it, and ``text`` is what a terminal prints (the alt text if left out).
    """

    svg: str
    png: bytes
    alt: str
    text: str = ""

    def __repr__(self):
        return self.text or self.alt

    def _repr_html_(self):
        digest = hashlib.sha256(self.svg.encode("utf-8")).hexdigest()
        data = base64.b64encode(self.png).decode("ascii")
        return (f'<!-- drawing sha256:{digest} -->\n<figure style="margin:8px 0">'
                f'<img width="{WIDTH}" style="width:100%;max-width:64em" alt="{html.escape(self.alt)}" '
                f'src="data:image/png;base64,{data}"></figure>')


def _own_settings():
    """Return a context in which matplotlib forgets the reader's own settings and keeps ours."""
    import matplotlib
    plain = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
    return matplotlib.rc_context({**plain, "svg.fonttype": "none", "svg.hashsalt": "rows",
                                  "hatch.linewidth": 1.0, "path.simplify": False})


class Board:
    """A white board to draw on, measured in pixels from the top left corner.

    Parameters: ``height`` and ``width`` in pixels. 900 wide is what fits a projector beside
    JupyterLab's side bar; text of size 15 or more can be read from the last row.
    """

    def __init__(self, height, width=WIDTH):
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

    def area(self, corners, fill, edge=INK, line=1.2):
        """Draw an area with these ``corners``, a list of (x, y) pairs."""
        from matplotlib.patches import Polygon
        self._axes.add_patch(Polygon(corners, facecolor=fill, edgecolor=edge, linewidth=line))

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
                        weight="bold" if bold else "normal", parse_math=False)

    def layer(self, name, x, y, width, height):
        """Draw a rectangle in the colour and pattern that the layer called ``name`` has everywhere."""
        self.box(x, y, width, height, fill=COLOURS[name], pattern=PATTERNS.get(name, ""))

    def cross(self, x, y, width, height):
        """Draw an empty box that is crossed out: what was here is lost."""
        self.box(x, y, width, height, edge=LOST, line=1.8)
        self.line([(x, y), (x + width, y + height)], colour=LOST)
        self.line([(x, y + height), (x + width, y)], colour=LOST)

    def svg(self):
        """Return the drawing as SVG text, the same on every machine."""
        with _own_settings():
            drawing = io.BytesIO()
            self._figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
        return drawing.getvalue().decode("utf-8").replace("'DejaVu Sans'", PLAIN_FONTS)

    def png(self):
        """Return the drawing as the bytes of a PNG with two pixels for each of the board's, in a few colours."""
        import matplotlib
        from PIL import Image, PngImagePlugin
        made_by = PngImagePlugin.PngInfo()
        made_by.add_text("Software", f"matplotlib {matplotlib.__version__}")
        with _own_settings():
            drawing, small = io.BytesIO(), io.BytesIO()
            self._figure.savefig(drawing, format="png", dpi=144)
        with Image.open(drawing) as image:
            image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "PNG", optimize=True, pnginfo=made_by)
        return small.getvalue()

    def picture(self, alt, text=""):
        """Return the board as a Picture with this ``alt`` text and this ``text`` for a terminal."""
        return Picture(svg=self.svg(), png=self.png(), alt=alt, text=text)


def amount(number, thing):
    """Return a number with its noun, as in ``1 row`` or ``1,142 rows``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _spelled(number):
    """Return a small number as a word, as in ``three``, and others in digits."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return words[number] if number < len(words) else f"{number:,}"


def _listed(words):
    """Return words as a list in a sentence: a, b and c."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _headed(title, headline, height):
    """Return a board with ``title`` and ``headline`` on it, and the y at which the drawing begins.

    ``title`` says what this is a picture of, and may be None; ``headline`` says what it shows, on as many
    lines as it has or takes; ``height`` is what the drawing needs below both.
    """
    lines = [line for part in headline.splitlines() for line in textwrap.wrap(part, LETTERS)]
    board = Board(24 + 26 * bool(title) + 27 * len(lines) + height)
    return board, _draw_head(board, 0, title, lines)


def _draw_head(board, top, title, lines):
    """Draw ``title`` and the ``lines`` of a headline from ``top`` down; return the y below them."""
    if title:
        board.text(20, top + 30, title, size=16, colour=SHADE)
        top += 26
    for line in lines:
        board.text(20, top + 34, line, size=19, bold=True)
        top += 27
    return top + 24


def _alt(headline, kind, title, told):
    """Return an alt text: what the picture shows first, then what kind it is and all that stands in it."""
    return f"{' '.join(headline.splitlines())} {kind}{f', titled {title!r}' if title else ''}: {'; '.join(told)}."


def _text(headline, title, lines):
    """Return what a terminal prints for a picture."""
    return "\n".join([*([title] if title else []), *headline.splitlines(), *lines])


def gauge(bytes_in, headline, footline, title=None):
    """Draw the gauge: one bar a place, as long as the share of the bytes that are in it. Used from 00 on.

    Parameters: ``bytes_in`` maps the names of the places, from the top down, to numbers of bytes; the last is
    the one that everybody sees, and a dashed border stands above it. ``headline`` and ``footline`` are the
    sentences above and below, ``title`` says which file this is. Returns a Picture.
    """
    board = Board(48 * len(bytes_in) + 115 + 26 * bool(title))
    draw_gauge(board, 0, bytes_in, headline, footline, title)
    told = [f"{name}: {amount(size, 'byte')}, {who}" for name, size, who in _who_sees(bytes_in)]
    alt = _alt(f"{headline} {footline}", f"Gauge with {_spelled(len(bytes_in))} bars", title, told)
    return board.picture(alt, gauge_text(bytes_in, headline, footline, title))


def gauge_text(bytes_in, headline, footline, title=None):
    """Return a gauge as text; the parameters are those of :func:`gauge`."""
    lines = [f"  {name:<25}{amount(size, 'byte'):>14}   {who}" for name, size, who in _who_sees(bytes_in)]
    return _text(headline, title, [*lines, footline])


def _who_sees(bytes_in):
    *hidden, last = bytes_in.items()
    return [(name, size, "nobody else sees it") for name, size in hidden] + [(*last, "everybody sees it")]


def draw_gauge(board, top, bytes_in, headline, footline, title=None):
    """Draw a gauge on ``board``, from ``top`` down; the other parameters are those of :func:`gauge`."""
    top = _draw_head(board, top, title, [headline])
    total, left = sum(bytes_in.values()), 260
    track = 350 if total < 10_000 else 320  # a long number needs the room
    for row, (name, size) in enumerate(bytes_in.items()):
        last = row == len(bytes_in) - 1
        bar = top + 48 * row + 20 * last
        board.text(left - 16, bar + 25, name, size=18, align="right")
        board.box(left, bar, track, 36, edge=FAINT)
        if size:
            board.layer(name, left, bar, max(3, round(track * size / total)), 36)
        board.text(left + track + 16, bar + 25, amount(size, "byte"), size=18)
        if last:
            board.line([(20, bar - 16), (880, bar - 16)], dashes=(0, (6, 4)))
            board.text(880, bar - 23, "nobody else sees it", size=15, align="right")
            board.text(880, bar + 3, "everybody sees it", size=15, align="right")
    board.text(20, top + 48 * len(bytes_in) + 48, footline, size=19, bold=True)


def two_lanes(moments, lanes, title="What somebody finds who opens the file"):
    """Draw what is found under a file's name at each moment, one lane a way of writing. Used by 07.

    Parameters: ``moments`` is the list of moments; ``lanes`` maps each way to a list of words, one a moment:
    ``"yesterday's"``, ``"today's"``, ``"neither"`` or ``"no file"``; any other words (``"not tried"``) stand there
    as they are, and count for nothing.
    More than six moments take several lines; with one lane this is the picture of what a kill leaves.
    Returns a Picture; raises ValueError unless every lane has a word for each moment.
    """
    _check_as_long_as(moments, lanes)
    headline = "\n".join(_lane_finding(way, found) for way, found in lanes.items())
    shares = [slice(start, start + 6) for start in range(0, len(moments), 6)]
    block = 56 + 54 * len(lanes)
    board, top = _headed(title, headline, block * len(shares) + 8)
    for number, share in enumerate(shares):
        _draw_lanes(board, top + block * number, moments[share], {way: found[share] for way, found in lanes.items()})
    told = [f"{way}: " + ", ".join(f"{moment}, {words}" for moment, words in zip(moments, found, strict=True))
            for way, found in lanes.items()]
    width = max(len(way) for way in lanes) + 2
    lines = [f"{way:<{width}}{moment:<20}{words}" for way, found in lanes.items()
             for moment, words in zip(moments, found, strict=True)]
    return board.picture(_alt(headline, "Lanes, one box a moment", title, told), _text(headline, title, lines))


def _lane_finding(way, found):
    torn = sum(words in ("neither", "no file") for words in found)
    looked = torn + sum(words in ("yesterday's", "today's") for words in found)
    if not torn:
        return f"{way}: a whole file at every moment."
    return f"{way}: no whole file at {torn} of {amount(looked, 'moment')}."


def _draw_lanes(board, top, moments, lanes):
    left, gap = 190, 8
    width = round((880 - left) / 6) - gap if len(moments) > 4 else round((880 - left) / len(moments)) - gap
    for column, moment in enumerate(moments):
        lines = textwrap.wrap(moment, 13 if len(moments) > 4 else 20)
        for number, line in enumerate(lines):
            board.text(left + column * (width + gap) + width / 2, top + 38 - 17 * (len(lines) - 1 - number), line, size=14,
                       align="center")
    for row, (way, found) in enumerate(lanes.items()):
        y = top + 48 + 54 * row
        board.text(left - 16, y + 28, way, size=16, align="right")
        for column, words in enumerate(found):
            _draw_found(board, left + column * (width + gap), y, width, words)


def _draw_found(board, x, y, width, words):
    torn = ("none", LOST, LOST, True)
    looks = {"yesterday's": (OLD, INK, INK, False), "neither": torn, "no file": torn,
             "today's": (COLOURS[OPERATING_SYSTEM], INK, PAPER, True)}
    fill, edge, colour, bold = looks.get(words, ("none", "none", SHADE, False))
    board.box(x, y, width, 44, fill=fill, edge=edge, line=2 if edge == LOST else 1.2)
    board.text(x + width / 2, y + 27, words, size=15, align="center", colour=colour, bold=bold)


def _check_as_long_as(moments, lanes):
    for way, found in lanes.items():
        if len(found) != len(moments):
            raise ValueError(f"{way!r} has {len(found)} words for {len(moments)} moments")


def buffer_steps(size, writes, trips):
    """Draw a byte buffer at each write, with an arrow for each trip to the operating system. Used by 05.

    Parameters: ``size`` is the buffer's size in bytes; ``writes`` lists the sizes of the writes (up to seven);
    ``trips`` lists for each write, and for the close after the last, the sizes of the trips that were seen.
    Returns a Picture; raises ValueError when the trips bring more than was written, or are not one list
    more than the writes.
    """
    steps = _steps(writes, trips)
    gone = [trip for _, _, left in steps for trip in left]
    cut = set(_sums(gone)) <= set(_sums(writes))
    word = "trip" if len(gone) == 1 else "trips"
    headline = f"{_spelled(len(gone)).capitalize()} {word}: {_in_digits(gone)} bytes." if gone else "No trip."
    headline += " No write is cut in two." if cut else " A write is cut in two."
    title = f"A buffer of {amount(size, 'byte')} gets {_in_digits(writes)} bytes"
    board, top = _headed(title, headline, 196)
    board.text(134, top + 66, BYTE_BUFFER, size=16, align="right")
    board.text(134, top + 163, "trips", size=16, align="right")
    board.line([(20, top + 112), (880, top + 112)], dashes=(0, (6, 4)))
    board.text(20, top + 105, "nobody else sees it", size=14)
    board.text(20, top + 130, "everybody sees it", size=14)
    gap, left = 14, 150
    width = round((880 - left) / len(steps)) - gap
    for column, step in enumerate(steps):
        _draw_step(board, left + column * (width + gap), top, width, size, step)
    told = [f"{name}: " + (f"trips of {_in_digits(left)} bytes, " if left else "no trip, ")
            + f"{amount(sum(waiting), 'byte')} in the buffer afterwards" for name, waiting, left in steps]
    lines = [f"{name:<14}{'trips: ' + ', '.join(f'{trip:,}' for trip in left) if left else 'no trip':<22}"
             f"{amount(sum(waiting), 'byte'):>12} in the buffer" for name, waiting, left in steps]
    kind = "The byte buffer after each step, which nobody else sees, above its trips, which everybody sees"
    return board.picture(_alt(headline, kind, title, told), _text(headline, title, lines))


def _in_digits(numbers):
    return _listed([f"{number:,}" for number in numbers])


def _sums(sizes):
    return [sum(sizes[:number]) for number in range(1, len(sizes) + 1)]


def _steps(writes, trips):
    """Return a (name, pieces that wait, trips) for each write and for the close."""
    if len(trips) != len(writes) + 1:
        raise ValueError(f"{len(writes)} writes and a close want {len(writes) + 1} lists of trips, not {len(trips)}")
    waiting, steps = [], []
    for write, left in zip([*writes, 0], trips, strict=True):
        waiting = [*waiting, write] if write else waiting
        going = sum(left)
        if going > sum(waiting):
            raise ValueError(f"trips of {left} bytes, but only {sum(waiting)} were waiting")
        while going:
            taken = min(going, waiting[0])
            going -= taken
            waiting = ([waiting[0] - taken] if taken < waiting[0] else []) + waiting[1:]
        steps.append((f"write {write:,}" if len(steps) < len(writes) else "close()", waiting, left))
    return steps


def _draw_step(board, x, top, width, size, step):
    name, waiting, left = step
    board.text(x + width / 2, top + 22, name, size=15, align="center", bold=True)
    board.box(x, top + 36, width, 50)
    place = x
    for piece in waiting:
        length = width * piece / size
        board.layer(BYTE_BUFFER, place, top + 36, length, 50)
        if length >= 26:
            board.box(place + length / 2 - 13, top + 50, 26, 22, fill=PAPER, edge="none")
            board.text(place + length / 2, top + 66, f"{piece:,}", size=14, align="center", bold=True)
        elif piece is waiting[-1]:
            board.text(place + length + 6, top + 66, f"{piece:,}", size=14, bold=True)
        place += length
    for number, trip in enumerate(left):  # side by side, so that two trips are not taken for one
        middle = x + width * (2 * number + 1) / (2 * len(left))
        board.arrow((middle, top + 92), (middle, top + 140), width=2)
        board.text(middle, top + 163, f"{trip:,}", size=16, align="center", bold=True)


def inside_one_another(objects):
    """Draw the objects that make up an open file inside one another. Used by 05, *Take a file apart*.

    Parameters: ``objects`` lists, from the outermost inwards, a (name in the program, class, what it keeps)
    for the text layer, the byte buffer and the object that calls the operating system. Returns a Picture.
    """
    headline = f"{objects[0][0]} is {_spelled(len(objects))} objects inside one another."
    board, top = _headed(None, headline, 72 * len(objects) + 96)
    bottom = top + 72 * len(objects) + 14
    looks = [COLOURS[TEXT_LAYER], COLOURS[BYTE_BUFFER], COLOURS[OPERATING_SYSTEM]]
    for depth, (name, kind, keeps) in enumerate(objects):
        x, y = 20 + 26 * depth, top + 72 * depth
        board.box(x, y, 860 - 52 * depth, bottom - y - 10 * depth, fill=PAPER, line=1.5)
        board.box(x, y, 14, bottom - y - 10 * depth, fill=looks[depth], pattern="//" if depth == 1 else "")
        board.text(x + 30, y + 28, name, size=18, bold=True)
        board.text(x + 800 - 52 * depth + 44, y + 28, kind, size=16, align="right")
        board.text(x + 30, y + 54, keeps, size=16)
    board.arrow((450, bottom - 20), (450, bottom + 32), width=2)
    board.layer(OPERATING_SYSTEM, 20, bottom + 34, 860, 34)
    board.text(450, bottom + 57, "operating system: everybody sees what is here", size=16, align="center", colour=PAPER, bold=True)
    told = [f"{name}, a {kind}: {keeps}" for name, kind, keeps in objects]
    return board.picture(_alt(headline, "Boxes, each inside the one before, the innermost with an arrow to the operating system",
                              None, told),
                         _text(headline, None, [f"{'  ' * depth}{name} ({kind}): {keeps}"
                                                for depth, (name, kind, keeps) in enumerate(objects)]))


def version_bars(rows):
    """Draw how many rows are seen on several systems, one bar each. Used by 04.

    Parameters: ``rows`` lists a (name, rows seen, rows written) for each system. Returns a Picture.
    Dark is seen, empty is missing.
    """
    none = sum(seen == 0 for _, seen, _ in rows)
    seen_at_all = [seen for _, seen, _ in rows if seen]
    title = "One program, no flush: the rows that another reader sees"
    headline = " ".join(filter(None, [
        seen_at_all and f"{_span(seen_at_all)} rows are seen on {amount(len(seen_at_all), 'system')}.",
        none and f"Not one row is seen on {none}."]))
    board, top = _headed(title, headline, 36 * len(rows) + 36)
    left, track = 260, 400
    for number, (name, seen, of) in enumerate(rows):
        y = top + 36 * number
        board.text(left - 16, y + 20, name, size=16, align="right")
        board.box(left, y, track, 28, edge=LOST, line=1.6)
        if seen:
            board.layer(OPERATING_SYSTEM, left, y, max(3, round(track * seen / of)), 28)
        board.text(left + track + 16, y + 20, f"{seen:,} of {of:,}", size=16, bold=seen == 0)
    board.text(left, top + 36 * len(rows) + 18, "dark: seen by others; empty: missing", size=15)
    told = [f"{name}: {seen:,} of {of:,}" for name, seen, of in rows]
    lines = [f"{name:<28}{f'{seen:,} of {of:,}':>16}" for name, seen, of in rows]
    return board.picture(_alt(headline, "Bars", title, told), _text(headline, title, lines))


def _span(numbers):
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def suspects(verdicts):
    """Draw what each of several tries brought into the file, one small row a try. Used by 03.

    Parameters: ``verdicts`` maps each try to the number of bytes that another reader then found; words in place of
    a number stand there as they are. Returns a Picture. A dark box holds something, an empty red one nothing.
    """
    brought = [name for name, found in verdicts.items() if found and not isinstance(found, str)]
    headline = (f"{len(brought)} of {len(verdicts)} brought something into the file: {_listed(brought)}." if brought
                else f"None of the {len(verdicts)} brought a byte into the file.")
    board, top = _headed(None, headline, 42 * len(verdicts) + 8)
    left, told = min(420, 40 + 11 * max(map(len, verdicts))), []
    for number, (name, found) in enumerate(verdicts.items()):
        words, y = found if isinstance(found, str) else amount(found, "byte"), top + 42 * number
        board.text(left - 20, y + 24, name, size=17, align="right")
        if found and not isinstance(found, str):
            board.layer(OPERATING_SYSTEM, left, y, 740 - left, 34)
        else:
            board.box(left, y, 740 - left, 34, edge=FAINT if found else LOST, line=1.8)
        board.text(756, y + 24, words, size=17, bold=bool(found))
        told.append((name, words))
    return board.picture(_alt(headline, "Rows", None, [f"{name}: {words}" for name, words in told]),
                         _text(headline, None, [f"{name:<40}{words}" for name, words in told]))


def exits(outcomes, written):
    """Draw the ways out of a process: which rows are in the file afterwards, one line a way. Used by 06.

    Parameters: ``outcomes`` maps the name of each group to a dictionary of ways, and that maps each way to a
    pair, the number of rows that are in the file afterwards and whether the exit code was 0 (a dictionary of
    ways alone is one group without a name); ``written`` is the number of rows that were written. Rows that are
    there are dark boxes; lost ones are empty and crossed out. A way that loses rows and still reports success
    is marked. Returns a Picture.
    """
    groups = outcomes if all(isinstance(ways, dict) for ways in outcomes.values()) else {"": outcomes}
    headline = _exits_finding([outcome for ways in groups.values() for outcome in ways.values()], written)
    board, top = _headed(None, headline, sum(30 * bool(group) + 38 * len(ways) + 8 for group, ways in groups.items()))
    told, lines, longest = [], [], max(len(way) for ways in groups.values() for way in ways) + 2
    for group, ways in groups.items():
        if group:
            board.text(20, top + 20, group, size=17, bold=True)
            top += 30
            lines.append(group)
        for way, (rows, reports_success) in ways.items():
            words = _draw_exit(board, top, way, rows, written, reports_success)
            told.append(f"{way}: {words}")
            lines.append(f"{'  ' if group else ''}{way:<{longest}}{words}")
            top += 38
        top += 8
        if group:
            told[-len(ways)] = f"{group}. {told[-len(ways)]}"
    return board.picture(_alt(headline, "Rows, one a way out", None, told), _text(headline, None, lines))


def _exits_finding(outcomes, written):
    lost = sum(rows < written for rows, _ in outcomes)
    silent = sum(rows < written and reports_success for rows, reports_success in outcomes)
    words = f"{amount(written, 'row')} written: all are there after {amount(len(outcomes) - lost, 'way')} out, not after {lost}."
    if lost == 1:
        return words + ("\nThat one sounds no alarm." if silent else "")
    return words + (f"\n{_spelled(silent).capitalize()} of these {_spelled(lost)} sound{'s' if silent == 1 else ''} no alarm."
                    if silent else "")


def _draw_exit(board, top, way, rows, written, reports_success):
    board.text(330, top + 22, way, size=16, align="right")
    for place in range(written):
        if place < rows:
            board.layer(OPERATING_SYSTEM, 350 + 64 * place, top, 54, 30)
        else:
            board.cross(350 + 64 * place, top, 54, 30)
    lost_in_silence = rows < written and reports_success
    code = "exit code 0" if reports_success else "exit code not 0"
    words = f"{rows} of {amount(written, 'row')}, {code}" + (": no alarm!" if lost_in_silence else "")
    board.text(370 + 64 * written, top + 22, words, size=16, bold=lost_in_silence)
    return words


def lifetimes(moments, seen):
    """Draw how long temporary files last: a dark box for each moment at which the file was there. Used by 01.

    Parameters: ``moments`` is the list of moments; ``seen`` maps each kind of file to a list of booleans,
    one a moment, True where the file was found. Returns a Picture.
    """
    _check_as_long_as(moments, seen)
    lasting = [kind for kind, found in seen.items() if found[-1]]
    headline = f"Still there at the end: {_listed(lasting)}." if lasting else "At the end all are gone."
    title = "Is the file there?"
    board, top = _headed(title, headline, 36 + 48 * len(seen))
    width = round(552 / len(moments)) - 8
    for place, moment in enumerate(moments):
        board.text(345 + (width + 8) * place + width / 2, top + 18, moment, size=16, align="center")
    told = []
    for line, (kind, found) in enumerate(seen.items()):
        y = top + 30 + 48 * line
        board.text(330, y + 25, kind, size=16, align="right")
        for place, there in enumerate(found):
            left = 345 + (width + 8) * place
            board.box(left, y, width, 36, fill=SHADE if there else "none", edge=SHADE if there else FAINT)
            board.text(left + width / 2, y + 25, "there" if there else "gone", size=17, align="center",
                       colour=PAPER if there else INK, bold=there)
        told.append((kind, [f"{moment}: {'there' if there else 'gone'}" for moment, there in zip(moments, found, strict=True)]))
    return board.picture(_alt(headline, "Boxes, one a moment", title, [f"{kind}, {', '.join(words)}" for kind, words in told]),
                         _text(headline, title, [f"{kind:<34}{', '.join(words)}" for kind, words in told]))


def trips(counts, title):
    """Draw how often each way of writing went to the operating system, as bars of one scale. Used by 05.

    Parameters: ``counts`` maps the name of each way to its number of trips; ``title`` says what was written.
    Returns a Picture. Above the bars the two layers between which a trip leads are outlined: nothing is said of what is in them.
    """
    least, most = min(counts, key=counts.get), max(counts, key=counts.get)
    headline = f"{least}: {amount(counts[least], 'trip')}. {most}: {amount(counts[most], 'trip')}."
    board, top = _headed(title, headline, 62 + 44 * len(counts))
    left, track = 230, 500
    for x, name in [(left, BYTE_BUFFER), (left + 330, OPERATING_SYSTEM)]:
        board.box(x, top, 170, 34)
        board.text(x + 85, top + 23, name, size=16, align="center")
    board.arrow((left + 176, top + 17), (left + 324, top + 17), width=2)
    board.text(left + 250, top + 10, "one trip", size=15, align="center")
    for row, (way, count) in enumerate(counts.items()):
        y, length = top + 54 + 44 * row, max(1, track * count / counts[most])
        board.text(left - 16, y + 22, way, size=17, align="right")
        board.box(left, y, length, 32, fill=SHADE, line=0)
        board.text(left + length + 14, y + 22, amount(count, "trip"), size=17, bold=True)
    told = [f"{way}: {amount(count, 'trip')}" for way, count in counts.items()]
    lines = [f"{way:<20}{amount(count, 'trip'):>14}" for way, count in counts.items()]
    kind = "Bars, one a way, as long as its trips from the byte buffer to the operating system are many"
    return board.picture(_alt(headline, kind, title, told), _text(headline, title, lines))


class _Stairs:
    """The measures of a staircase: its steps, its widest gap and where a number of rows stands on the board."""

    def __init__(self, visible):
        self.written = len(visible)
        starts = [row for row in range(1, self.written + 1) if row == 1 or visible[row - 1] != visible[row - 2]]
        ends = [*[start - 1 for start in starts[1:]], self.written]
        self.steps = [(start, end, visible[start - 1]) for start, end in zip(starts, ends, strict=True)]
        _, self.widest_at, self.widest_seen = max(self.steps, key=lambda step: step[1] - step[2])
        self.widest = self.widest_at - self.widest_seen
        self.at_the_end = self.written - visible[-1]
        self.left, self.across, self.up, self.top = 110, 760, 330, 0

    def finding(self):
        if self.widest == self.written:
            return f"Other readers see no row, though {self.written:,} are written."
        return f"Up to {amount(self.widest, 'row')} are missing; {self.at_the_end:,} at the end."

    def place(self, rows_written, rows):
        """Return the point at which so many rows written and so many rows meet."""
        return self.left + self.across * rows_written / self.written, self.top + self.up * (1 - rows / self.written)


def staircase(visible, title=None):
    """Draw how many rows other readers see while rows are written one by one, as a staircase. Used by 04.

    Parameters: ``visible`` lists the rows visible after 1, 2, 3 and so on rows written; ``title`` says which
    file this is. Returns a Picture. The colours are those of the gauge with two bars: the steps are in the file, the gap
    up to the rows written waits in the program.
    """
    stairs = _Stairs(visible)
    headline = stairs.finding()
    board, stairs.top = _headed(title, headline, 400)
    _draw_stairs(board, stairs)
    _draw_axes(board, stairs)
    _draw_widest_gap(board, stairs)

    def told(start, end):
        return f"{start:,}" if start == end else f"{start:,} to {end:,}"

    lines = [f"{'rows written':>16}{'others see':>13}{'missing':>12}"]
    lines += [f"{told(start, end):>16}{rows:>13,}{told(start - rows, end - rows):>12}" for start, end, rows in stairs.steps]
    seen = [f"{rows:,} seen with {told(start, end)} written" for start, end, rows in stairs.steps]
    kind = f"Staircase of {amount(stairs.written, 'row')}, the widest gap marked"
    return board.picture(_alt(headline, kind, title, seen), _text(headline, title, lines))


def _draw_stairs(board, stairs):
    place, written = stairs.place, stairs.written
    edge = [place(0, 0)]
    for start, end, rows in stairs.steps:
        edge += [place(start if rows else 0, rows), place(min(end + 1, written), rows)]
    for name, end in [(WAITING, place(written, written)), (IN_THE_FILE, place(written, 0))]:
        board.area([*edge, end], fill=COLOURS[name], line=0.8)
    board.line([place(0, 0), place(written, written)], width=2.5)
    x, y = place(*((written * 0.40, written * 0.56) if stairs.widest_at > written / 2 else (written * 0.66, written * 0.84)))
    board.text(x, y, "rows written", size=17, align="right", bold=True)
    if stairs.steps[-1][2] > written * 0.3:
        board.text(*place(written * 0.98, written * 0.1), "rows that other readers see", size=17, align="right", colour=PAPER, bold=True)
    else:
        x, y = place(written * 0.52, written * 0.17)
        board.box(x, y, stairs.across * 0.46, 44, fill=PAPER)
        board.text(x + stairs.across * 0.23, y + 28, WAITING, size=17, align="center", bold=True)


def _draw_axes(board, stairs):
    left, bottom, written = stairs.left, stairs.top + stairs.up, stairs.written
    sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
    between = sizes[min(len(sizes) - 1, bisect.bisect_left(sizes, written / 7))]
    for tick in range(0, written + 1, between):
        (x, _), (_, y) = stairs.place(tick, 0), stairs.place(0, tick)
        board.line([(x, bottom), (x, bottom + 7)])
        board.text(x, bottom + 26, f"{tick:,}", size=15, align="center")
        board.line([(left - 7, y), (left, y)])
        board.text(left - 12, y + 6, f"{tick:,}", size=15, align="right")
    board.line([(left, stairs.top - 6), (left, bottom), (left + stairs.across, bottom)])
    board.text(left + stairs.across, bottom + 52, "rows written", size=16, align="right")


def _draw_widest_gap(board, stairs):
    x, above = stairs.place(stairs.widest_at, stairs.widest_at)
    _, below = stairs.place(0, stairs.widest_seen)
    for y in (above, below):
        board.line([(x - 8, y), (x + 8, y)], colour=LOST, width=3)
    board.line([(x, above), (x, below)], colour=LOST, width=4)
    words_x, words_y, words = stairs.left + 20, stairs.top + 40, f"widest gap: {amount(stairs.widest, 'row')}"
    board.text(words_x, words_y, words, size=17, colour=LOST, bold=True)
    board.text(words_x, words_y + 24, WAITING, size=16)
    start = (words_x + 10.3 * len(words) + 8, words_y - 6) if x > words_x + 260 else (words_x + 60, words_y + 34)
    board.arrow(start, (x - 10, min((above + below) / 2, above + 14)), colour=LOST, width=2)
