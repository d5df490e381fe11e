"""Every exercise can be solved as its folded solution says, and wrong answers get the sentence that helps."""
import json
from pathlib import Path

import pytest
from nbformat import writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.support import exercises
from tests.support.exercises import exercises_in, is_exercise, listed_answers, try_answers
from tests.support.notebook_files import code_cells, notebook_paths, number_of, read_notebook

WITH_EXERCISES = [path for path in notebook_paths() if any(map(is_exercise, code_cells(read_notebook(path))))]

ALL = pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)
EACH_PART = pytest.mark.parametrize(
    "path, part", [(path, part) for path in WITH_EXERCISES for part in range(exercises.parts_of(path))],
    ids=lambda value: value.stem if isinstance(value, Path) else str(value))
TRIED = pytest.mark.child(runs=try_answers)


def of_kind(child, *kinds):
    tried = [each for each in child[0] if each.kind in kinds]
    assert tried, f"no {' or '.join(kinds)} answers found"
    return tried


def told(each):
    return f"{each.exercise}, {each.kind}: wanted {each.wanted!r}, the check says {each.verdict!r} to\n{each.answer}"


def test_the_lessons_have_exercises():
    assert "03-meet-the-empty-file.ipynb" in [path.name for path in WITH_EXERCISES]


@ALL
def test_each_exercise_has_all_its_parts(path):
    problems = exercises.parts_lacking_in(read_notebook(path))
    assert not problems, "\n".join(problems)


@ALL
def test_answers_are_listed_for_each_exercise(path):
    number = number_of(path.name)
    problems = exercises.what_is_missing(exercises_in(read_notebook(path)), listed_answers(number), number)
    assert not problems, "\n".join(problems)


@TRIED
@EACH_PART
def test_an_untouched_stub_is_not_attempted_yet(child, path, part):
    for each in of_kind(child, "stub"):
        assert each.verdict == each.wanted, told(each)


@TRIED
@EACH_PART
def test_a_stub_runs_and_is_wrong(child, path, part):
    for each in (each for each in child[0] if each.kind == "stub handed in"):
        assert each.verdict.startswith("not there yet: "), told(each)


@TRIED
@EACH_PART
def test_the_folded_solution_and_other_right_answers_are_done(child, path, part):
    for each in of_kind(child, "solution", "right"):
        assert each.verdict.startswith("done: ") and (each.wanted or "") in each.verdict, told(each)


@TRIED
@EACH_PART
def test_each_wrong_answer_gets_its_own_sentence(child, path, part):
    for each in of_kind(child, "wrong"):
        assert each.verdict.startswith("not there yet: ") and each.wanted in each.verdict, told(each)


def test_the_stored_stubs_are_those_of_the_notebooks():
    stored = exercises.STUBS.read_text(encoding="utf-8")
    assert stored == exercises.collected_stubs(), "run  python -m tests.tools.refresh"


def test_a_stub_is_stored_once_and_for_exercises_that_still_lack_something_too(tmp_path, monkeypatch):
    (tmp_path / "03-new.ipynb").write_text(writes(new_notebook(cells=[new_code_cell("my_line = None\nchecks.new(my_line)")])), "utf-8")
    monkeypatch.setattr(exercises, "notebook_paths", lambda: [tmp_path / "03-new.ipynb"])
    monkeypatch.setattr(exercises, "STUBS", tmp_path / "stubs.json")
    assert [exercises.write_stubs(), exercises.write_stubs()] == [True, False]
    assert json.loads((tmp_path / "stubs.json").read_text("utf-8")) == {"new": "my_line = None"}


# --- An exercise cannot escape ---

SOLUTION = "<details><summary>Solution</summary>\n\n```python\nmy_line = 3\n```\n\nBecause.\n\n</details>"


def a_notebook(cell_id="03-ex-place-the-line", stub="my_line = None", check="checks.place_the_line(my_line)", solution=SOLUTION):
    return new_notebook(cells=[
        new_code_cell(f"{stub}\n{check}", id=cell_id), new_markdown_cell(solution, id=f"{cell_id}-answer")])


def test_a_cell_that_ends_in_a_check_is_an_exercise_wherever_it_stands():
    found = exercises_in(a_notebook())
    assert [(each.name, each.stub, each.solution) for each in found] == [("place-the-line", "my_line = None", "my_line = 3\n")]


@pytest.mark.parametrize("spoiled, sentence", [
    ({"cell_id": "64bfcecf-4a6a-4daf-b754-b823653cd0e8"}, "its id must be such as 03-ex-place-the-line"),
    ({"cell_id": "03-place"}, "its id must be such as 03-ex-place-the-line"),
    ({"cell_id": "03-ex-other"}, "its id must end in -ex-place-the-line"),
    ({"check": "print(my_line)"}, "the last line must call the check"),
    ({"solution": "It is 3."}, "no folded ```python solution"),
    ({"stub": "def place():\n    raise NotImplementedError"}, "the stub has a raise"),
    ({"stub": "my_line = ___ +"}, "the stub is no code that runs"),
    ({"stub": "# your line"}, "there is no stub"),
])
def test_an_exercise_that_lacks_a_part_is_named_with_a_sentence_and_left_out_elsewhere(spoiled, sentence):
    notebook = a_notebook(**spoiled)
    (told,) = exercises.parts_lacking_in(notebook)
    assert sentence in told and not exercises_in(notebook)


GOOD = {"solution": "both rows", "wrong": [{"answer": "", "says": says} for says in ("a", "b", "c")],
        "right": [{"answer": "", "says": "rows"}]}


@pytest.mark.parametrize("listed, sentence", [
    ({"place-the-line": {**GOOD, "wrong": GOOD["wrong"][:2]}}, "must list 3 wrong answers"),
    ({"place-the-line": {**GOOD, "wrong": [GOOD["wrong"][0]] * 3}}, "with 3 sentences"),
    ({"place-the-line": {**GOOD, "solution": ""}}, "a part of what its solution is told"),
    ({"place-the-line": {**GOOD, "right": [{"answer": ""}]}}, "a right answer has no says"),
    ({"place-the-line": {**GOOD, "rong": []}}, "lists rong, which is none of solution, right, wrong"),
    ({"place-the-line": GOOD, "gone": GOOD}, "there is no such exercise"),
    ({}, "must list 3 wrong answers"),
])
def test_answers_that_are_not_listed_are_asked_for(listed, sentence):
    found = exercises_in(a_notebook())
    assert not exercises.what_is_missing(found, {"place-the-line": GOOD}, "03")
    assert any(sentence in problem for problem in exercises.what_is_missing(found, listed, "03"))


def an_exercise(solution):
    return exercises.Exercise("copy-out", "", "checks.copy_out(copy_out)", solution)


def test_a_short_answer_is_the_solution_with_a_line_replaced():
    answer = {"edit": [["flush()", "flush"], ["a", "b"]]}
    assert exercises.answer_text(answer, an_exercise("a\nexport.flush()\n")) == "b\nexport.flush\n"


@pytest.mark.parametrize("solution", ["a\n", "flush()\nflush()\n"])
def test_a_short_answer_whose_line_does_not_stand_once_in_the_solution_is_refused(solution):
    with pytest.raises(ValueError, match="copy-out: .* times in the solution, not once"):
        exercises.answer_text({"edit": [["flush()", "flush"]]}, an_exercise(solution))
