"""Write the sheet to print for a workshop: what to predict on the front, cheat sheet and words on the back.

    python -m tests.tools.sheet FOLDER     writes sheet-a4.pdf and sheet-letter.pdf into FOLDER

The front is made from the cells that ask for a prediction in 00, 03 and 04, the back from words-and-cheat-sheet.md, so it
says what the notebooks say. matplotlib draws it, because the series has it: nothing more is to be installed, and each
browser would break the pages elsewhere.
"""
import functools
import re
import sys
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextToPath

from tests.support.notebook_files import NOTEBOOK_FOLDER, paths_starting_with, read_notebook

FORMATS = {"a4": (595, 842), "letter": (612, 792)}  # width and height in points, 72 to the inch
LESSONS = ("00-", "03-", "04-")
MARGIN, SIZE, LINE = 40, 8.5, 10.8  # points
GREY, FAINT = "#555555", "#999999"


class TooFull(Exception):
    """The words do not fit on the page."""


def predictions():
    """Return (number, section, question) for each prediction of LESSONS, in order."""
    found = []
    for path in paths_starting_with(LESSONS):
        section = ""
        for cell in read_notebook(path).cells:
            if cell.cell_type != "markdown":
                continue
            section = ([section] + re.findall("^##+ (.+)$", cell.source, re.MULTILINE))[-1]
            if "predict" in cell.metadata.get("tags", []):
                question = re.search(r"\*\*Predict:?\*\*:? *(.+?)(?:\n\n|$)", cell.source, re.DOTALL)[1]
                found.append((path.name[:2], plain(section), plain(question)[:1].upper() + plain(question)[1:]))
    return found


def cheat_sheet():
    """Return (what everybody can see, rows of the cheat sheet, the rule, rows of the words), as plain text."""
    page = (NOTEBOOK_FOLDER / "words-and-cheat-sheet.md").read_text(encoding="utf-8")
    cheat, words = re.search("## Cheat sheet\n(.+?)## Words\n(.+)", page, re.DOTALL).groups()
    paragraphs = [plain(text) for text in cheat.split("\n\n") if text.strip().startswith("**")]
    return paragraphs[0], _rows(cheat), paragraphs[1], _rows(words)


def _rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[plain(cell) for cell in line.strip("|").split("|")] for line in lines[2:]]  # below the names and the dashes


def plain(markdown):
    """Return ``markdown`` without its marks, on one line."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", markdown)
    text = re.sub(r"(?<!\w)\*([^*]+)\*(?!\w)", r"\1", text.replace("**", "")).replace("`", "")
    return " ".join(text.split())


def wrapped(text, width, size=SIZE, weight="normal"):
    """Return the lines of ``text`` when none may be wider than ``width`` points."""
    lines, end = [[]], 0
    for word in text.split():
        wide = width_of(word, size, weight)
        end += wide + 0.36 * size  # a space of this font
        if lines[-1] and end > width:
            lines.append([])
            end = wide
        lines[-1].append(word)
    return [" ".join(words) for words in lines]


@functools.cache
def width_of(word, size, weight):
    """Return the width of ``word`` in points."""
    return TextToPath().get_text_width_height_descent(word, FontProperties(size=size, weight=weight), ismath=False)[0]


class Page:
    """A page that is filled from the top; ``y`` is how far down, in points."""

    def __init__(self, width, height):
        self.width, self.height, self.y = width, height, MARGIN
        self.figure = Figure(figsize=(width / 72, height / 72))

    def text(self, x, y, lines, size=SIZE, **style):
        for number, line in enumerate(lines):
            self.figure.text(x / self.width, 1 - (y + number * LINE) / self.height, line, size=size, va="top", parse_math=False, **style)

    def rule(self, x1, x2, y, color=FAINT):
        self.figure.add_artist(Line2D([x1 / self.width, x2 / self.width], [1 - y / self.height] * 2, color=color, linewidth=0.6))

    def heading(self, text, size=13):
        self.text(MARGIN, self.y, [text], size=size, weight="bold")
        self.y += size + 7

    def table(self, rows, columns):
        """Write ``rows``; ``columns`` are (x, width, weight) in points."""
        for row in rows:
            cells = [wrapped(cell, width, weight=weight) for cell, (_, width, weight) in zip(row, columns, strict=True)]
            for lines, (x, _, weight) in zip(cells, columns, strict=True):
                self.text(x, self.y, lines, weight=weight)
            self.y += LINE * max(map(len, cells)) + 9
            self.rule(MARGIN, self.width - MARGIN, self.y - 6)
        self.y += 8


def front(width, height):
    """Return the page of predictions."""
    page = Page(width, height)
    page.heading("Where did my rows go? My predictions")
    page.text(MARGIN, page.y, ["Write before the cell is run. A wrong prediction is the one that you will remember."], color=GREY)
    page.y += LINE + 8
    half = 0.58 * (width - 2 * MARGIN)
    items = [(f"{number}  {section}", wrapped(question, half)) for number, section, question in predictions()]
    room = height - MARGIN - page.y
    spare = (room - sum(LINE * (1 + len(lines)) for _, lines in items)) / len(items)
    if spare < 5:
        raise TooFull(f"{len(items)} predictions leave {spare:.1f} points between two of them")
    for where, lines in items:
        page.text(MARGIN, page.y, [where], size=7.5, color=GREY)
        page.text(MARGIN, page.y + LINE, lines)
        page.y += LINE * (1 + len(lines))
        page.rule(MARGIN + half + 12, width - MARGIN, page.y)
        page.y += spare
    return page


def back(width, height):
    """Return the page with the cheat sheet and the words."""
    page, (seen, rows, rule, words) = Page(width, height), cheat_sheet()
    inner = width - 2 * MARGIN
    page.heading("Cheat sheet")
    lines = wrapped(seen, inner)
    page.text(MARGIN, page.y, lines)
    page.y += LINE * len(lines) + 8
    columns = [(MARGIN, 0.42 * inner, "bold"), (MARGIN + 0.44 * inner, 0.5 * inner, "normal"), (MARGIN + 0.96 * inner, 20, "normal")]
    for name, (x, _, _) in zip(("I want to", "Then", "In"), columns, strict=True):
        page.text(x, page.y, [name], color=GREY)
    page.y += LINE + 4
    page.table(rows, columns)
    lines = wrapped(rule, inner, size=10, weight="bold")
    page.text(MARGIN, page.y, lines, size=10, weight="bold")
    page.y += LINE * len(lines) + 14
    page.heading("Words")
    page.table(words, [(MARGIN, 0.20 * inner, "bold"), (MARGIN + 0.21 * inner, 0.79 * inner, "normal")])
    if page.y > height - MARGIN + 10:
        raise TooFull(f"the words end {page.y - height + MARGIN:.0f} points below the page")
    return page


def write(folder):
    """Write the sheet for each paper into ``folder``; return the paths."""
    paths = []
    for name, (width, height) in FORMATS.items():
        paths.append(Path(folder, f"sheet-{name}.pdf"))
        with PdfPages(paths[-1], metadata={"Title": "Where did my rows go? Predictions, cheat sheet, words"}) as pdf:
            for page in (front(width, height), back(width, height)):
                pdf.savefig(page.figure)
    return paths


def main(arguments):
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit("Name the folder for the sheet:  python -m tests.tools.sheet ..")
    print("\n".join(map(str, write(arguments[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
