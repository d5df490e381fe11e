"""The minutes that titles state, for reading and for exercises, are within a tenth of what one formula gives.

README's are those of the titles (test_readme.py), and the guide's are held to the formula, too (test_instructor_guide.py).
"""
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.support import minutes
from tests.support.exercises import Exercise
from tests.support.notebook_files import notebook_paths, read_notebook

PATHS = [path for path in notebook_paths() if "**Time:** none" not in read_notebook(path).cells[0].source]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_minutes_in_a_title_are_those_of_the_formula(path):
    line = re.search(r"\*\*Time:\*\*.*", read_notebook(path).cells[0].source)
    assert line, f"the first cell of {path.stem} tells no minutes"
    told = list(map(int, re.findall(r"(\d+) minutes?", line[0])))
    for what, stated, estimated in zip(("reading", "exercises"), told, minutes.minutes_of(read_notebook(path))):
        assert minutes.agrees(stated, estimated), f"the title says {stated} minutes {what}, and the formula gives {estimated:.0f}"


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
