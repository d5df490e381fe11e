"""How many minutes a notebook takes, by one formula, so that nobody has to guess.

    python -m tests.support.minutes           a table of all lessons: reading, exercises, both
    python -m tests.support.minutes 03        the notebooks whose file name starts with 03, with each section and exercise

The constants are set so that, put to the first edition, the formula gives about what a newcomer took for two of its
notebooks: 75 minutes for 01 (45 of them reading) and 105 for 02 (60); it gives 75 (47) and 98 (49). With the usual pace
of reading alone they came to 45 and 52: what took long were cells that hold more than one idea, code that is clever, and
exercises that are written and not chosen. It is an estimate until a room has been measured.
"""
import ast
import re
import sys

from nbformat import NotebookNode

from tests.support.exercises import exercises_in
from tests.support.notebook_files import code_cells, paths_starting_with, read_notebook
from tests.support.rules import clever_constructs

WORDS_A_MINUTE = 150
SECONDS = {"code line": 4, "run": 15, "prediction": 30, "output line": 2}
ONE_IDEA, SECONDS_BEYOND = 6, 30  # lines of a cell that are read at a glance, and seconds for each that follows
SECONDS_CLEVER = 40  # for a construct that must be taken apart, and for a function that must be kept in mind
MOST_OUTPUT_LINES = 12  # of one cell; nobody reads more
# Minutes for an exercise: for a value by its kind; for a function to understand it, and for 100 characters read or written.
# What is written from nothing takes longer than what is changed.
VALUE = {"letter": 2.0, "number": 2.5, "letters": 3.5, "order": 4.0, "other": 4.0}
FUNCTION, READ, WRITTEN = 2.5, 1.2, {"repair": 3.0, "write": 3.5}
CHECKED = re.compile(r"```.*?```|</?p>", re.DOTALL)  # what is no text to read


def reading_minutes(notebook):
    """Return the minutes for reading, predicting and running ``notebook``, without its exercises."""
    markdown = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    words = len(re.findall(r"\w+", CHECKED.sub("", markdown)))
    seconds = SECONDS["prediction"] * len(re.findall(r"\*\*Predict\b", markdown))
    seconds += sum(map(_seconds_for_cell, (cell for cell in code_cells(notebook) if "-ex-" not in cell.id)))
    return words / WORDS_A_MINUTE + seconds / 60


def _seconds_for_cell(cell):
    lines = len(_lines(cell.source)) - len(re.findall("^(?:import|from) ", cell.source, re.MULTILINE))
    clever = len(clever_constructs(cell.source)) + len(re.findall(r"^\s*def ", cell.source, re.MULTILINE))
    return (SECONDS["run"] + SECONDS["code line"] * min(lines, ONE_IDEA) + SECONDS_BEYOND * max(0, lines - ONE_IDEA)
            + SECONDS_CLEVER * clever + SECONDS["output line"] * min(MOST_OUTPUT_LINES, _output_lines(cell)))


def _lines(source):
    return [line.strip() for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]


def _output_lines(cell):
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return sum(len(_lines(text)) for text in texts)


def kind_of(exercise):
    """Return what ``exercise`` asks for: letter, letters, order, number or other (a value), repair or write (a function)."""
    if exercise.asks_for_a_function:
        return "repair" if len(_written(exercise)) <= len(_lines(exercise.stub)) / 2 else "write"
    values = [node.value for node in ast.parse(exercise.solution).body if isinstance(node, ast.Assign)]
    try:
        value = ast.literal_eval(values[-1])
    except (IndexError, ValueError):
        return "other"
    if isinstance(value, str) and re.fullmatch("[A-Z]+", value):
        return "letter" if len(value) == 1 else "letters" if list(value) == sorted(value) else "order"
    return "number" if isinstance(value, int) else "letters" if isinstance(value, set) else "other"


def _written(exercise):
    """Return the lines of the solution that do not stand in the stub."""
    stub = _lines(exercise.stub)
    return [line for line in _lines(exercise.solution) if line not in stub]


def exercise_minutes(exercise):
    """Return the minutes that ``exercise`` takes somebody who has just read what it is about."""
    kind = kind_of(exercise)
    if kind in VALUE:
        return VALUE[kind]
    read, written = (sum(map(len, lines)) / 100 for lines in (_lines(exercise.stub), _written(exercise)))
    return FUNCTION + READ * read + WRITTEN[kind] * written


def minutes_of(notebook):
    """Return (minutes of reading, minutes of exercises) of ``notebook``."""
    return reading_minutes(notebook), sum(map(exercise_minutes, exercises_in(notebook)))


FRAME = re.compile("Set up|Tidy up|Key points")  # sections without minutes of their own: they count to their neighbours


def sections_of(notebook):
    """Return the sections of ``notebook`` in order, name -> (minutes of reading, {exercise: minutes}).

    The title and the set-up are counted to the section behind them, what ends the notebook to the one before it. The name
    of an exercise is that of its check: why_empty.
    """
    exercises = {exercise.name: exercise_minutes(exercise) for exercise in exercises_in(notebook)}
    found, name, before = {}, None, 0.0
    for cell in notebook.cells:
        pieces = re.split("^## (.+)$", CHECKED.sub("", cell.source), flags=re.MULTILINE) if cell.cell_type == "markdown" else [None]
        for heading, piece in zip([None, *pieces[1::2]], pieces[::2]):
            if heading and not FRAME.match(heading):
                name, before, found[heading] = heading, 0.0, (before if name is None else 0.0, {})
            part = cell if piece is None else {**cell, "source": piece}
            minutes = reading_minutes(NotebookNode(cells=[NotebookNode(part)]))
            if name is None:
                before += minutes
            else:
                found[name] = (found[name][0] + minutes, found[name][1])
        exercise = cell.id.partition("-ex-")[2]
        if cell.cell_type == "code" and exercise in exercises:
            found[name][1][exercise.replace("-", "_")] = exercises[exercise]
    return found


def agrees(stated, estimated):
    """Tell whether the ``stated`` minutes are within a tenth of the ``estimated`` ones, or within one minute."""
    return abs(stated - estimated) <= max(1, estimated / 10)


def main(prefixes):
    print(f"{'':<36}{'reading':>8}{'exercises':>11}{'total':>7}")
    for path in paths_starting_with(prefixes):
        notebook = read_notebook(path)
        reading, exercises = minutes_of(notebook)
        print(f"{path.stem:<36}{reading:>8.0f}{exercises:>11.0f}{reading + exercises:>7.0f}")
        for section, (minutes, its_exercises) in sections_of(notebook).items() if prefixes else []:
            print(f"    {section:<60}{minutes:>6.1f}")
            for exercise, minutes in its_exercises.items():
                print(f"        {exercise:<56}{minutes:>6.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
