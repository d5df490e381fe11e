"""The exercises of a notebook: where each stands, its folded solution, and the answers people give.

To add an exercise:

1. In the notebook, where its idea is, a Markdown cell that asks, and after it a code cell: the stub, and as its last
   line the call of the check, ``checks.copy_out(copy_out)``. The stub is code that runs. For a value it is
   ``my_line = None`` or ``my_letters = ""``; for a function it is a program that runs and is wrong, never a ``raise``.
   The id of the cell is the check's name with hyphens after the notebook's number: ``03-ex-copy-out``.
2. After it a Markdown cell with the same id and ``-answer``, which folds the solution and says why:

       <details><summary>Solution</summary>

       ```python
       (what replaces the stub)
       ```

       Why it is right, and why what most people try is not.

       </details>

   (Step 5 puts an empty paragraph, ``<p></p>``, above and below the code, for JupyterLab gives it no space there.)
3. In ``notebooks/checks/lesson_NN.py`` the check: a function with ``@exercise`` above it, its name in ``__all__``. It
   gets the answer, returns the sentence for *done* (only what it has tried), or raises NotYet with what the learner's
   program did and the first thing that differs. ``checks/common.py`` has what it needs.
4. In ``tests/answers/NN.toml`` the answers people give: at least three wrong ones with three sentences, and for the
   solution and each other right answer a part of its *done* sentence.

       [copy-out]
       solution = "another process finds all 1,142 rows"

       [[copy-out.wrong]]
       edit = [["export.flush()", "export.flush"]]
       says = "you named flush but did not call it"

       [[copy-out.right]]
       answer = "def copy_out(orders, export, target): ..."
       says = "all 1,142 rows"

   ``edit`` replaces, in the folded solution, each first text by the second; the first must stand there exactly once.
   ``answer`` is the whole answer, without the call of the check. ``needs = "PERMISSIONS"``, or another constant of
   tests/support/abilities.py, is for an answer that is told something else, or nothing, by a system without it.
5. ``python -m tests.tools.refresh NN``, not before there is a check, stores the outputs and the stub;
   ``pytest tests/test_exercises.py -k NN`` tries everything at its place in the notebook.
6. In ``notebooks/instructor-guide.md`` its name and its minutes; more minutes may change the title's **Time:** line and
   README's row, too. ``python3 tests -k NN`` says which. (``python -m tests.support.minutes NN`` counts them.)

A code cell whose last line calls a check is an exercise wherever it stands: without one of these parts the tests are
red, with a sentence that says which.
"""
import ast
import functools
import json
import re
import tomllib
from dataclasses import dataclass

from tests.support import abilities
from tests.support.cells import Session
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, notebook_paths, number_of, read_notebook

ANSWERS = PROJECT / "tests" / "answers"
STUBS = NOTEBOOK_FOLDER / "checks" / "stubs.json"
CALL = re.compile(r"checks\.(\w+)\(.*\)")
FOLDED = re.compile(r"<details><summary>[^<]+</summary>\n\n(?P<inside>.*?)\n\n</details>", re.DOTALL)
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
KINDS = ("solution", "right", "wrong")
WRONG_ANSWERS = 3  # at least, with as many sentences
PARTS = {"06": 3, "09": 8}  # children that share a notebook's answers, where programs that are killed, late or hang take long


@dataclass(frozen=True)
class Exercise:
    """One exercise: its ``name``, the ``stub`` and the ``check`` call (source), the ``solution`` (source)."""

    name: str
    stub: str
    check: str
    solution: str

    @property
    def check_name(self):
        return CALL.match(self.check)[1]

    @property
    def asks_for_a_function(self):
        return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(self.stub).body)


@dataclass(frozen=True)
class Tried:
    """What came of an ``answer``. ``kind`` is stub, stub handed in, solution, right or wrong; ``wanted`` is a part of the
    ``verdict`` that it should get, or None when nobody wrote one down."""

    exercise: str
    kind: str
    wanted: str | None
    verdict: str
    answer: str


def is_exercise(cell):
    """Tell whether the last line of a code ``cell`` calls a check, or its id says that it should."""
    last = cell.source.rstrip().rpartition("\n")[2]
    return cell.cell_type == "code" and (last.startswith("checks.") or bool(re.match(r"\d\d[a-z]?-ex-", cell.id)))


def exercises_in(notebook):
    """Return the exercises of ``notebook`` in order, without those that parts_lacking_in names."""
    return _looked_through(notebook)[0]


def parts_lacking_in(notebook):
    """Return a sentence for each exercise of ``notebook`` that lacks a part, such as its folded solution."""
    return _looked_through(notebook)[1]


def _looked_through(notebook):
    cells = {cell.id: cell for cell in notebook.cells}
    found, problems = [], []
    for cell in filter(is_exercise, code_cells(notebook)):
        try:
            found.append(_exercise(cell, cells))
        except ValueError as lacking:
            problems.append(str(lacking))
    return found, problems


def _exercise(cell, cells):
    stub, _, check = cell.source.rstrip().rpartition("\n")
    match = re.fullmatch(r"\d\d[a-z]?-ex-([a-z0-9-]+)", cell.id)
    call = CALL.fullmatch(check)
    if not call:
        raise ValueError(f"{cell.id}: the last line must call the check, such as checks.copy_out(copy_out)")
    if not match:
        raise ValueError(f"{cell.id}: this cell is an exercise, because it ends in {check}; its id must be such as "
                         f"03-ex-{call[1].replace('_', '-')}, with the number of its notebook. "
                         "`python -m tests.tools.refresh 03` gives it, once there is a check of that name")
    folded = FOLDED.search(cells[cell.id + "-answer"].source) if cell.id + "-answer" in cells else None
    fence = FENCE.search(folded["inside"]) if folded else None
    if fence is None:
        raise ValueError(f"{cell.id}: no folded ```python solution in a cell {cell.id}-answer")
    _look_at_stub(cell.id, stub)
    if match[1] != call[1].replace("_", "-"):
        raise ValueError(f"{cell.id}: it calls checks.{call[1]}, so its id must end in -ex-{call[1].replace('_', '-')}")
    return Exercise(match[1], stub, check, fence[1])


def _look_at_stub(cell_id, stub):
    try:
        tree = ast.parse(stub)
    except SyntaxError as error:
        raise ValueError(f"{cell_id}: the stub is no code that runs: {error}") from None
    if not tree.body:
        raise ValueError(f"{cell_id}: there is no stub above the call of the check, such as my_line = None")
    if any(isinstance(node, ast.Raise) for node in ast.walk(tree)):
        raise ValueError(f"{cell_id}: the stub has a raise: let it be a program that runs and is wrong")


@functools.cache
def _toml(path):
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def listed_answers(number):
    """Return the content of tests/answers/``number``.toml: an exercise's name -> what is listed for it."""
    return _toml(ANSWERS / f"{number}.toml")


def what_is_missing(exercises, listed, number):
    """Return a sentence for each thing that ``listed``, the answers of notebook ``number``, lacks or has too much."""
    names = {exercise.name for exercise in exercises}
    problems = [f"tests/answers/{number}.toml lists answers to {name}, and there is no such exercise, or it lacks a part"
                for name in listed if name not in names]
    for exercise in exercises:
        told = listed.get(exercise.name, {})
        problems += [f"{exercise.name}: tests/answers/{number}.toml lists {kind}, which is none of {', '.join(KINDS)}"
                     for kind in told if kind not in KINDS]
        if len({answer["says"] for answer in told.get("wrong", [])}) < WRONG_ANSWERS:
            problems.append(f"{exercise.name}: tests/answers/{number}.toml must list {WRONG_ANSWERS} wrong answers "
                            f"with {WRONG_ANSWERS} sentences")
        if not told.get("solution"):
            problems.append(f"{exercise.name}: tests/answers/{number}.toml must say a part of what its solution is told")
        problems += [f"{exercise.name}: a right answer has no says, a part of its done sentence"
                     for answer in told.get("right", []) if not answer.get("says")]
    return problems


def answer_text(answer, exercise):
    """Return the source of a listed ``answer``; its ``edit`` changes the folded solution. Raises ValueError if it cannot."""
    if "edit" not in answer:
        return answer["answer"]
    text = exercise.solution
    for old, new in answer["edit"]:
        if text.count(old) != 1:
            raise ValueError(f"{exercise.name}: the edit {old!r} stands {text.count(old)} times in the solution, not once")
        text = text.replace(old, new)
    return text


def parts_of(path):
    """Return in how many parts the answers to the notebook at ``path`` are tried, at the same time."""
    return PARTS.get(number_of(path.name), 1)


def try_answers(path, part):
    """Run the notebook at ``path`` and try the answers of this ``part`` (from 0) at their places; return what was Tried.

    Stubs belong to every part.
    """
    notebook = read_notebook(path)
    exercises = {f"{number_of(path.name)}-ex-{exercise.name}": exercise for exercise in exercises_in(notebook)}
    listed = listed_answers(number_of(path.name))
    session = Session()
    tried = []
    for cell in code_cells(notebook):
        if cell.id in exercises:
            tried += _try(session, exercises[cell.id], listed, slice(part, None, parts_of(path)))
        session.run(cell.source)
    return tried


def _try(session, exercise, listed, part):
    def hand_in(answer):
        return _shown(session.run(f"{answer.rstrip()}\n{exercise.check}"))

    tried = [Tried(exercise.name, "stub", "not attempted yet", hand_in(exercise.stub), exercise.stub)]
    if exercise.asks_for_a_function:
        forget = f"__import__('checks.common').common.stubs().pop({exercise.check_name!r}, None);\n"
        session.run(forget)
        tried.append(Tried(exercise.name, "stub handed in", "not there yet", hand_in(exercise.stub), exercise.stub))
        session.run("__import__('checks.common').common.stubs.cache_clear()")
    told = listed.get(exercise.name, {})
    answers = [("solution", told.get("solution"), exercise.solution)]
    for kind in ("right", "wrong"):
        answers += [(kind, answer.get("says"), answer_text(answer, exercise))
                    for answer in told.get(kind, []) if _can_be_tried(answer)]
    return tried + [Tried(exercise.name, kind, wanted, hand_in(answer), answer) for kind, wanted, answer in answers[part]]


def _can_be_tried(answer):
    return "needs" not in answer or getattr(abilities, answer["needs"])


def _shown(outputs):
    """Return the verdict among ``outputs``, or, without one, all that was shown instead."""
    values = [o.data["text/plain"] for o in outputs if "data" in o]
    return values[-1] if values else "\n".join(o.get("text") or o.get("evalue") for o in outputs)


# --- The stubs, for the checks ---

def collected_stubs():
    """Return the text of notebooks/checks/stubs.json: the stub of each exercise of the series, by its check's name."""
    stubs = {}
    for path in notebook_paths():
        for cell in code_cells(read_notebook(path)):
            stub, _, check = cell.source.rstrip().rpartition("\n")
            if call := CALL.fullmatch(check):  # whatever else a new exercise may lack
                stubs[call[1]] = stub
    return json.dumps(stubs, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_stubs():
    """Write notebooks/checks/stubs.json, by which a check knows an untouched stub; return whether that changed it."""
    text = collected_stubs()
    if STUBS.exists() and STUBS.read_text(encoding="utf-8") == text:
        return False
    STUBS.write_text(text, encoding="utf-8", newline="\n")
    return True
