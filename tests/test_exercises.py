"""Every exercise can be solved as its folded solution says, and wrong answers get the sentence that helps."""
import pytest

from tests.support.exercises import exercises_in, listed_answers, try_answers
from tests.support.notebook_files import notebook_paths, read_notebook

WITH_EXERCISES = [path for path in notebook_paths() if exercises_in(read_notebook(path))]

ALL = pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)
TRIED = pytest.mark.child(runs=try_answers)


def of_kind(child, *kinds):
    verdicts = [verdict for verdict in child[0] if verdict[1] in kinds]
    assert verdicts, f"no {' or '.join(kinds)} answers found"
    return verdicts


def test_the_lessons_have_exercises():
    assert "03-meet-the-empty-file.ipynb" in [path.name for path in WITH_EXERCISES]


@TRIED
@ALL
def test_an_untouched_stub_is_not_attempted_yet(child, path):
    for name, _, wanted, verdict in of_kind(child, "stub"):
        assert verdict == wanted, name


@TRIED
@ALL
def test_the_folded_solution_and_other_right_answers_are_done(child, path):
    for name, kind, _, verdict in of_kind(child, "solution", "right"):
        assert verdict.startswith("done"), (name, kind)


@TRIED
@ALL
def test_each_wrong_answer_gets_its_own_sentence(child, path):
    for name, _, wanted, verdict in of_kind(child, "wrong"):
        assert verdict.startswith("not there yet: ") and wanted in verdict, name


@ALL
def test_each_exercise_lists_three_wrong_answers_with_three_sentences(path):
    listed = listed_answers(path.name[:2]).get("wrong", [])
    for exercise in exercises_in(read_notebook(path)):
        sentences = {answer["says"] for answer in listed if answer["exercise"] == exercise.name}
        assert len(sentences) >= 3, exercise.name
    names = {exercise.name for exercise in exercises_in(read_notebook(path))}
    assert {answer["exercise"] for answer in listed} <= names, "answers listed for an exercise that is not there"
