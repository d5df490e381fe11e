"""The exercises of a notebook: where each stands, its folded solution, and the answers people give.

An exercise is a code cell with the id ``NN-ex-NAME``. Its last line calls the check; what stands above is
the stub. The Markdown cell ``NN-ex-NAME-answer`` folds the solution, a fenced block that replaces the stub.
``tests/answers/NN.toml`` lists wrong answers with the sentence each must get, and other right answers.
"""
import re
import tomllib
from dataclasses import dataclass

from tests.support.cells import Session
from tests.support.notebook_files import PROJECT, code_cells, read_notebook

ANSWERS = PROJECT / "tests" / "answers"
FOLDED = re.compile(r"<details><summary>[^<]+</summary>\n\n(?P<inside>.*?)\n\n</details>", re.DOTALL)
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """One exercise: its ``name``, the ``stub`` and the ``check`` call (source), the ``solution`` (source)."""

    name: str
    stub: str
    check: str
    solution: str


def exercises_in(notebook):
    """Return the exercises of ``notebook`` in order. Raises ValueError for one that is not of the form above."""
    cells = {cell.id: cell for cell in notebook.cells}
    found = []
    for cell in code_cells(notebook):
        match = re.fullmatch(r"\d\d-ex-([a-z0-9-]+)", cell.id)
        if not match:
            continue
        stub, _, check = cell.source.rpartition("\n")
        if not check.startswith("checks."):
            raise ValueError(f"{cell.id}: the last line must call the check")
        folded = FOLDED.search(cells[cell.id + "-answer"].source) if cell.id + "-answer" in cells else None
        fence = FENCE.search(folded["inside"]) if folded else None
        if fence is None:
            raise ValueError(f"{cell.id}: no folded ```python solution in a cell {cell.id}-answer")
        found.append(Exercise(match[1], stub, check, fence[1]))
    return found


def listed_answers(number):
    """Return the content of tests/answers/``number``.toml: {"wrong": [...], "right": [...]}."""
    path = ANSWERS / f"{number}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def try_answers(path):
    """Run the notebook at ``path`` and try every answer at its place.

    Returns a list of (exercise name, kind, the sentence wanted, the verdict given), where kind is stub,
    solution, right or wrong.
    """
    notebook = read_notebook(path)
    exercises = {exercise.name: exercise for exercise in exercises_in(notebook)}
    listed = listed_answers(path.name[:2])
    session = Session()
    verdicts = []
    for cell in code_cells(notebook):
        name = cell.id[6:]
        if cell.id[2:6] == "-ex-" and name in exercises:
            exercise = exercises[name]
            answers = [("stub", "not attempted yet", exercise.stub), ("solution", "done", exercise.solution)]
            answers += [("right", "done", a["answer"]) for a in listed.get("right", []) if a["exercise"] == name]
            answers += [("wrong", a["says"], a["answer"]) for a in listed.get("wrong", []) if a["exercise"] == name]
            for kind, wanted, answer in answers:
                outputs = session.run(f"{answer.rstrip()}\n{exercise.check}")
                verdicts.append((name, kind, wanted, _shown(outputs)))
        session.run(cell.source)
    return verdicts


def _shown(outputs):
    return "\n".join(o.get("text") or o.get("evalue") or o.data["text/plain"] for o in outputs)
