"""Write the papers to print for a workshop: predictions for each timetable, the six questions, and the cheat sheet.

    python -m tests.tools.papers FOLDER    writes predictions-90-a4.pdf, predictions-180-a4.pdf, questions-a4.pdf,
                                           cheat-sheet-a4.pdf, and the same for Letter, into FOLDER

The predictions are those of the sections that a timetable of the instructor's guide names; below them, on the sheet for 90
minutes, those of its notebooks that are for home. The six questions are the guide's, without the key. The cheat sheet says
what words-and-cheat-sheet.md says. It answers what the others ask, so it is a paper of its own, for the end. matplotlib draws
them, because the series has it: nothing more is to be installed, and each browser would break the pages elsewhere.
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

from tests.support.instructor_guide import part, parts_of_notebooks, rows
from tests.support.notebook_files import NOTEBOOK_FOLDER, paths_starting_with, read_notebook

FORMATS = {"a4": (595, 842), "letter": (612, 792)}  # width and height in points, 72 to the inch
WITH_HOME = {90: True, 180: False}  # minutes of a timetable, and whether there is room for what is done at home
MARGIN, SIZE, LINE = 40, 8.5, 10.8  # points
GREY, FAINT = "#555555", "#999999"


class TooFull(Exception):
    """The words do not fit on the page."""


def predictions(total):
    """Return (number, section, question, whether in the room) for each prediction of a timetable's notebooks, in order."""
    taken = {}
    for number, sections, *_ in parts_of_notebooks(total):
        taken.setdefault(number, []).extend(sections)
    found = []
    for number, sections in taken.items():
        chapter = section = ""
        for cell in read_notebook(paths_starting_with([f"{number}-"])[0]).cells:
            if cell.cell_type != "markdown":
                continue
            chapter = ([chapter] + re.findall("^## (.+)$", cell.source, re.MULTILINE))[-1]
            section = ([section] + re.findall("^##+ (.+)$", cell.source, re.MULTILINE))[-1]
            if "predict" in cell.metadata.get("tags", []):
                question = plain(re.search(r"\*\*Predict:?\*\*:? *(.+?)(?:\n\n|$)", cell.source, re.DOTALL)[1])
                found.append((number, plain(section), question[:1].upper() + question[1:], chapter in sections))
    return found


def questions():
    """Return (question, its four answers) for each of the guide's six questions, and the two questions for feedback."""
    six = []
    for line in re.findall(r"^\*\*\d\.\*\* .+$", part("Does it teach?"), re.MULTILINE):
        question, *answers = re.split(r"(?:· )?\*\*([A-D])\*\*", line)
        six.append((plain(question), [f"{letter}  {plain(answer)}" for letter, answer in zip(answers[::2], answers[1::2], strict=True)]))
    feedback = re.search(r"Two questions for feedback.*?: \*([^*]+)\*", part("Use this guide"))[1]
    return six, re.findall(r"\S[^?]+\?", feedback)


def cheat_sheet():
    """Return (what everybody can see, rows of the cheat sheet, the rule, rows of the words), as plain text."""
    page = (NOTEBOOK_FOLDER / "words-and-cheat-sheet.md").read_text(encoding="utf-8")
    cheat, words = re.search("## Cheat sheet\n(.+?)## Words\n(.+)", page, re.DOTALL).groups()
    paragraphs = [plain(text) for text in cheat.split("\n\n") if text.strip().startswith("**")]
    return paragraphs[0], _rows(cheat), paragraphs[1], _rows(words)


def _rows(text):
    return [[plain(cell) for cell in row] for row in rows(text)[1:]]  # below the names


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

    def rule(self, x1, x2, y):
        self.figure.add_artist(Line2D([x1 / self.width, x2 / self.width], [1 - y / self.height] * 2, color=FAINT, linewidth=0.6))

    def heading(self, text):
        self.text(MARGIN, self.y, [text], size=13, weight="bold")
        self.y += 20

    def table(self, rows, columns):
        """Write ``rows``; ``columns`` are (x, width, weight) in points."""
        for row in rows:
            cells = [wrapped(cell, width, weight=weight) for cell, (_, width, weight) in zip(row, columns, strict=True)]
            for lines, (x, _, weight) in zip(cells, columns, strict=True):
                self.text(x, self.y, lines, weight=weight)
            self.y += LINE * max(map(len, cells)) + 9
            self.rule(MARGIN, self.width - MARGIN, self.y - 6)
        self.y += 8


def front(total, width, height):
    """Return the page of predictions for the timetable of ``total`` minutes."""
    page = Page(width, height)
    page.heading("Where did my rows go? My predictions")
    page.text(MARGIN, page.y, ["Write before the cell is run. A wrong prediction is the one that you will remember."], color=GREY)
    page.y += LINE + 8
    half = 0.58 * (width - 2 * MARGIN)
    asked = predictions(total)
    groups = [[one for one in asked if one[3]], [one for one in asked if not one[3] and WITH_HOME[total]]]
    items = [(f"{number}  {section}", wrapped(question, half)) for group in groups for number, section, question, _ in group]
    room = height - MARGIN - page.y - (LINE + 6 if WITH_HOME[total] else 0)
    spare = min(30, (room - sum(LINE * (1 + len(lines)) for _, lines in items)) / len(items))
    if spare < 5:
        raise TooFull(f"{len(items)} predictions leave {spare:.1f} points between two of them")
    for place, (where, lines) in enumerate(items):
        color = "black" if place < len(groups[0]) else GREY
        if place == len(groups[0]):
            page.text(MARGIN, page.y, ["At home"], weight="bold", color=GREY)
            page.y += LINE + 6
        page.text(MARGIN, page.y, [where], size=7.5, color=GREY)
        page.text(MARGIN, page.y + LINE, lines, color=color)
        page.y += LINE * (1 + len(lines))
        page.rule(MARGIN + half + 12, width - MARGIN, page.y)
        page.y += spare
    return page


def six_questions(width, height):
    """Return the page with the six questions, which is printed twice for each person, and the two for feedback."""
    page, (six, feedback) = Page(width, height), questions()
    inner, sure = width - 2 * MARGIN, width - MARGIN - 50
    page.heading("Where did my rows go? Six questions")
    page.text(MARGIN, page.y, ["A number that you choose yourself, the same both times:", "This is"], size=9.5)
    page.rule(MARGIN + 275, MARGIN + 340, page.y + LINE)
    page.text(MARGIN + 45, page.y + LINE, ["☐ before the workshop     ☐ after it"], size=9.5)
    page.y += 2 * LINE + 8
    how = ("Three minutes. Mark one letter for each question, and how sure you are: 1 I guessed, 2 I think so, 3 I am sure. "
           "Nobody needs your name.")
    page.text(MARGIN, page.y, wrapped(how, inner), color=GREY)
    page.y += LINE * len(wrapped(how, inner)) + 12
    for question, answers in six:
        lines = wrapped(question, inner, size=9.5)
        page.text(MARGIN, page.y, lines, size=9.5)
        page.y += LINE * len(lines) + 5
        for answer in answers:
            page.text(MARGIN + 14, page.y, [answer], size=9.5)
            page.y += 13
        page.text(sure, page.y - 13, ["1    2    3"], size=9.5)
        page.y += 14
    page.text(MARGIN, page.y, ["After the workshop, two more:"], color=GREY)
    page.y += LINE + 6
    for question in feedback:
        page.text(MARGIN, page.y, [question], size=9.5)
        page.y += 2.7 * LINE
        page.rule(MARGIN, width - MARGIN, page.y)
        page.y += 12
    if page.y > height - MARGIN + 12:
        raise TooFull(f"the questions end {page.y - height + MARGIN:.0f} points below the page")
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
    """Write each paper in each format into ``folder``; return the paths."""
    paths = []
    for name, size in FORMATS.items():
        pages = {f"predictions-{total}": front(total, *size) for total in WITH_HOME} | {
            "questions": six_questions(*size), "cheat-sheet": back(*size)}
        for what, page in pages.items():
            paths.append(Path(folder, f"{what}-{name}.pdf"))
            with PdfPages(paths[-1], metadata={"Title": f"Where did my rows go? {what.replace('-', ' ')}"}) as pdf:
                pdf.savefig(page.figure)
    return paths


def main(arguments):
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.exit("Name the folder for the papers:  python -m tests.tools.papers ..")
    print("\n".join(map(str, write(arguments[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
