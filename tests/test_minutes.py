"""The minutes that titles, the README and the instructor's guide state are within a tenth of what one formula gives."""
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.support import minutes
from tests.support.exercises import Exercise
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, notebook_paths, number_of, read_notebook

PATHS = [path for path in notebook_paths() if "**Time:** none" not in read_notebook(path).cells[0].source]


def in_title(path):
    """Return the minutes that a notebook states: "45 minutes" or "30 minutes reading, 15 minutes exercises"."""
    line = re.search(r"\*\*Time:\*\*.*", read_notebook(path).cells[0].source)
    return sum(map(int, re.findall(r"(\d+) minutes?", line[0]))) if line else None


def in_readme(path):
    row = re.search(rf"^\|.*\({re.escape('notebooks/' + path.name)}\).*$", (PROJECT / "README.md").read_text(encoding="utf-8"), re.M)
    return sum(map(int, re.findall(r"(\d+) min\b", row[0]))) if row else None


def in_guide(path):
    """Return the sum of the second column, the minutes, of the guide's table for a notebook."""
    guide = (NOTEBOOK_FOLDER / "instructor-guide.md").read_text(encoding="utf-8")
    part = re.search(rf"^### {number_of(path.name)} .*?(?=^##|\Z)", guide, re.M | re.S)
    return sum(map(int, re.findall(r"^\|[^|]*\| *(\d+) *\|", part[0], re.M))) if part else None


@pytest.mark.parametrize("place, told", [("title", in_title), ("README", in_readme), ("guide", in_guide)])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_minutes_that_are_told_are_those_of_the_formula(path, place, told):
    stated, estimated = told(path), sum(minutes.minutes_of(read_notebook(path)))
    assert stated is not None, f"{place} tells no minutes of {path.stem}"
    assert minutes.agrees(stated, estimated), f"{place} says {stated} minutes, and the formula gives {estimated:.0f}"


@pytest.mark.parametrize("stated, estimated, good", [(75, 75, True), (70, 77, True), (68, 77, False), (10, 11, True), (10, 12, False),
                                                     (85, 77, False)])
def test_within_a_tenth_is_what_agrees(stated, estimated, good):
    assert minutes.agrees(stated, estimated) is good


def a_notebook(*cells):
    return new_notebook(cells=list(cells))


def test_more_of_anything_takes_longer():
    start = [new_markdown_cell("one two three", id="05-a"), new_code_cell("print(1)", id="05-b")]
    shortest = minutes.reading_minutes(a_notebook(*start))
    longer = {
        "words": [*start, new_markdown_cell("word " * 50, id="05-c")],
        "a prediction": [*start, new_markdown_cell("**Predict:** what?", id="05-c")],
        "a cell": [*start, new_code_cell("print(2)", id="05-c")],
        "output": [start[0], new_code_cell("print(1)", id="05-b", outputs=[new_output("stream", text="1\n2\n")])],
        "something clever": [start[0], new_code_cell("print(lambda: 1)", id="05-b")],
    }
    for what, cells in longer.items():
        assert minutes.reading_minutes(a_notebook(*cells)) > shortest, what


def test_a_cell_of_twelve_lines_takes_longer_than_two_of_six():
    six = "\n".join(["print(1)"] * 6)
    one, two = new_code_cell(f"{six}\n{six}", id="05-a"), [new_code_cell(six, id=f"05-{name}") for name in "ab"]
    assert minutes.reading_minutes(a_notebook(one)) > minutes.reading_minutes(a_notebook(*two))


@pytest.mark.parametrize("stub, solution, kind", [
    ("my_letter = ''", "my_letter = 'B'", "letter"), ("my_letters = ''", "my_letters = 'BEF'", "letters"),
    ("my_order = ''", "my_order = 'CABD'", "order"), ("my_line = None", "my_line = 5", "number"),
    ("my_trips = None", "my_trips = [90, 45]", "other"), ("my_places = None", "my_places = {'B', 'C'}", "letters"),
    ("def f(x):\n    a\n    b\n    c", "def f(x):\n    a\n    b\n    d", "repair"),
    ("def f(x):\n    pass", "def f(x):\n    a\n    b", "write"),
])
def test_an_exercise_takes_what_its_kind_takes(stub, solution, kind):
    exercise = Exercise("name", stub, "checks.name(f)", solution)
    assert minutes.kind_of(exercise) == kind
    assert minutes.exercise_minutes(exercise) >= (minutes.FUNCTION if kind in ("repair", "write") else minutes.VALUE[kind])


def test_the_table_for_writers_names_each_notebook_and_with_a_number_each_exercise(capsys):
    minutes.main(["03"])
    said = capsys.readouterr().out
    assert "03-meet-the-empty-file" in said and "copy_out" in said


def test_some_notebooks_are_watched():
    assert {"00", "03"} <= {number_of(path.name) for path in PATHS}
