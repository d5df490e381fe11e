"""The instructor's guide, read by its headings and tables: for its tests, and for the papers that are made from a timetable."""
import re

from tests.support.notebook_files import NOTEBOOK_FOLDER

GUIDE = (NOTEBOOK_FOLDER / "instructor-guide.md").read_text(encoding="utf-8")
TOTALS = [20, 90, 180]


def part(title, level=2):
    """Return what stands in the guide under the heading ``title``, up to the next heading of its level or higher."""
    marks = "#" * level
    found = re.search(rf"^{marks} {re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", GUIDE, re.M | re.S)
    assert found, f"there is no heading {marks} {title}"
    return found[1]


def rows(text):
    """Return the rows of the Markdown tables in ``text`` as lists of cells, without the lines of dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|:\- ]+", line)]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def timetable(total):
    """Return the rows of a timetable as (minutes, from, to, what), the times in minutes."""
    header, *table = rows(part(f"{total} minutes", 3))
    assert header == ["Minutes", "From – to", "What"]
    found = []
    for stated, span, what in table:
        h1, m1, h2, m2 = map(int, re.fullmatch(r"(\d):(\d\d) – (\d):(\d\d)", span).groups())
        found.append((int(stated), 60 * h1 + m1, 60 * h2 + m2, what))
    return found


def parts_of_notebooks(total):
    """Return (number, sections, exercises, minutes) for each row of a timetable that takes something of a notebook."""
    found = []
    for stated, _, _, what in timetable(total):
        number = re.match(r"\[(\d\d) ", what)
        if number:
            found.append((number[1], re.findall(r"\*([^*]+)\*", what), re.findall(r"`([^`]+)`", what), stated))
    return found
