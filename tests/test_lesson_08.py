"""What must hold on every machine of the here: lines of 08, which nbval does not compare, and of the programs shown there."""
import ast
import os
import re

import pytest

from tests.support.cells import texts_shown
from tests.support.notebook_files import NOTEBOOK_FOLDER, read_notebook

LESSON = NOTEBOOK_FOLDER / "08-recognise-it-elsewhere.ipynb"
SHOWN = {"08-pipe-intro": "till.py", "08-fork-intro": "forking.py", "08-worker-intro": "worker.py"}


def _here(text):
    return ast.literal_eval(text.partition("here:")[2].strip())


@pytest.mark.child(runs=texts_shown, path=LESSON)
def test_the_here_lines_say_what_the_text_says(child):
    shown, _ = child
    here = {cell: text for cell, text in shown.items() if "here:" in text}
    assert sorted(here) == ["08-fork", "08-fork-flush", "08-start-method", "08-worker"]
    headers = 2 if hasattr(os, "fork") else 1
    assert _here(here["08-fork"]) == "id,item\n" * headers
    assert _here(here["08-fork-flush"]) == "id,item\n"
    found = _here(here["08-worker"])
    assert found.pop("spawn") == (0, "000001,Tea\n")
    assert set(found.values()) <= {(0, "")}
    assert here["08-start-method"].split()[1] in ("fork", "forkserver", "spawn")


def test_the_programs_that_are_shown_are_those_that_run():
    cells = {cell.id: cell.source for cell in read_notebook(LESSON).cells}
    for cell, name in SHOWN.items():
        program = re.search(r"```python\n(.*?)```", cells[cell], re.S)[1]
        assert program.strip() in (NOTEBOOK_FOLDER / "bench" / name).read_text(encoding="utf-8")


def test_the_scripts_that_are_shown_are_those_that_the_checks_run():
    from checks import lesson_08

    cells = {cell.id: cell.source for cell in read_notebook(LESSON).cells}
    script = re.search(r"```text\n(.*?)```", cells["08-ex-find-the-attachment-task"], re.S)[1]
    assert [line[4:] for line in script.splitlines()] == lesson_08.SCRIPT.splitlines()
    forking = re.search(r"```text\n(.*?)```", cells["08-ex-fork-four-times-task"], re.S)[1]
    lines = [line[3:].partition("#")[0].rstrip() for line in forking.splitlines()]
    assert [line.replace('"workers.csv"', "sys.argv[1]") for line in lines] == lesson_08.FORKING.splitlines()[1:]


def rows_attached():
    """Return what the script has attached as on Windows, and as here."""
    from checks import lesson_08
    from checks.windows import as_on_windows

    with as_on_windows(lesson_08._rows_attached):
        on_windows = lesson_08._rows_attached()
    return on_windows, lesson_08._rows_attached()


@pytest.mark.child(runs=rows_attached)
def test_on_windows_the_script_has_attached_as_many_rows(child):
    (on_windows, here), _ = child
    assert on_windows == here
