"""The commands of tests/tools start, and their answers and exit codes are true: small stand-ins take the place of the series."""
import asyncio
import os
import re
import runpy
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.support import notebook_files
from tests.support.abilities import needs_permissions
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, write_if_changed
from tests.tools import bench_export, everywhere, learners, speed

COMMANDS = [path for path in sorted(PROJECT.glob("tests/tools/*.py")) if path.name != "__init__.py"]
TYPED = {"readme_picture": [], "papers": []}  # after the command's name, where it does not know --help


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_command_that_is_called_by_its_name_answers(path, monkeypatch, tmp_path, capsys):
    (tmp_path / ".github").mkdir()
    monkeypatch.setattr(notebook_files, "PROJECT", tmp_path)  # where readme_picture draws
    monkeypatch.setattr(sys, "argv", [path.name, *TYPED.get(path.stem, ["--help"])])
    monkeypatch.setattr(sys, "path", list(sys.path))
    try:
        runpy.run_path(str(path), run_name="__main__")
        complaint = None
    except SystemExit as end:
        complaint = end.code
    assert complaint or capsys.readouterr().out


def exit_code(command, monkeypatch, *typed):
    monkeypatch.setattr(sys, "argv", ["command", *typed])
    with pytest.raises(SystemExit) as end:
        command.main()
    return end.value.code


def without_times(text):
    return re.sub(r"in +[\d.]+ s", "in N s", text)


# everywhere

SHOWS_WHERE_IT_IS = """
import os, pathlib, tempfile

def test_it():
    here, temp = pathlib.Path.cwd(), pathlib.Path(tempfile.gettempdir())
    print((os.umask(0o77), here.name, temp.name, os.environ["LC_ALL"], "PYTHONWARNINGS" in os.environ))
"""


@needs_permissions
def test_all_at_once_is_another_mask_path_and_locale_and_not_strict(monkeypatch, tmp_path):
    (tmp_path / "test_it.py").write_text(SHOWS_WHERE_IT_IS, encoding="utf-8")
    monkeypatch.setattr(everywhere, "PROJECT", tmp_path)
    condition = next(condition for condition in everywhere.CONDITIONS if condition.name == "all-at-once")
    # Not every locale can spell the name of its temp folder, and other tests are running.
    code, output, left = everywhere.run(replace(condition, temp="other temp", busy=False), ["-s", "-p", "no:nbval"])
    assert (code, left) == (0, []), output
    assert str((0o77, "my check out", "other temp", "C", False)) in output


def test_a_suite_that_is_not_done_in_time_is_ended_and_told(monkeypatch, tmp_path):
    monkeypatch.setattr(everywhere, "PROJECT", tmp_path)
    monkeypatch.setattr(everywhere, "SUITE_SECONDS", 0.01)
    code, output, _ = everywhere.run(everywhere.Condition("slow"), [])
    assert code is None and output.endswith("not done after 0.01 seconds")


@pytest.mark.parametrize("found, code, told", [
    ((0, "3 passed", []), 0, "passed in N s: 3 passed"),
    ((1, "1 failed", []), 1, "FAILED in N s: 1 failed"),
    ((0, "3 passed", ["a.csv"]), 1, "FAILED in N s: 3 passed; left in the temp folder: ['a.csv']"),
    ((None, "not done", []), 1, "FAILED in N s: not done"),
])
def test_a_condition_fails_if_its_suite_fails_hangs_or_leaves_something_behind(monkeypatch, capsys, found, code, told):
    monkeypatch.setattr(everywhere, "run", lambda condition, options: found)
    assert exit_code(everywhere, monkeypatch, "umask") == code
    assert without_times(capsys.readouterr().out).splitlines()[0] == f"{'umask':<23}{told}"


@pytest.mark.parametrize("typed, code", [(["not-root"], everywhere.NOT_MADE), ([], 0)])
def test_a_condition_that_was_asked_for_and_cannot_be_made_fails_and_one_of_all_does_not(monkeypatch, capsys, typed, code):
    monkeypatch.setattr(everywhere, "IS_ROOT", False)
    monkeypatch.setattr(everywhere, "run", lambda condition, options: (0, "3 passed", []))
    assert exit_code(everywhere, monkeypatch, *typed) == code
    assert "not-root               cannot be made here: needs root\n" in capsys.readouterr().out


# learners


def one_learner_of_two_cells():
    """Run a notebook whose second cell shows something else than what is stored; return what one_learner says."""
    stored = [new_output("stream", name="stdout", text="2\n")]
    cells = [new_code_cell(f"print({shown})", id=f"77-{shown}", outputs=stored) for shown in (2, 3)]
    with tempfile.TemporaryDirectory() as folder:
        write_if_changed(new_notebook(cells=cells), Path(folder, "77-small.ipynb"))
        return asyncio.run(learners.one_learner(Path(folder, "77-small.ipynb")))


@pytest.mark.child(runs=one_learner_of_two_cells)
def test_a_learner_tells_the_cell_that_differs_and_what_the_kernel_took(child):
    (told, megabytes), _ = child
    assert [line.partition(":")[0] for line in told] == ["77-3"]
    assert 10 < megabytes < 10_000


@pytest.mark.parametrize("results, leaves, code, told", [
    ([([], 80), ([], 90)], False, 0, ""),
    ([([], 80), (["00-write: differs"], 90)], False, 1, "; 1 differ, such as ['00-write: differs']"),
    ([([], 80), ([], 90)], True, 1, "; left behind: ['a.csv']"),
])
def test_learners_who_differ_or_leave_something_behind_fail_the_command(monkeypatch, capsys, results, leaves, code, told):
    async def all_learners(path, copies):
        if leaves:
            Path(tempfile.gettempdir(), "a.csv").touch()
        return results

    monkeypatch.setattr(learners, "all_learners", all_learners)
    monkeypatch.setattr(learners.conditions, "apply", lambda: None)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert exit_code(learners, monkeypatch, "00") == code
    assert f"90 MB each, all done in N s{told}\n" in without_times(capsys.readouterr().out)


# What measures


def test_the_export_is_measured_beside_one_with_the_same_bytes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench_export", "100", "--rounds", "1"])
    bench_export.main()
    said = capsys.readouterr().out
    assert "same bytes  True\n" in said and "safe / bare_export" in said and "(medians of 1)" in said


def test_the_floor_runs_each_cell_in_the_folder_of_the_notebooks(monkeypatch):
    ran = []

    def start(cwd=None, **options):
        return (SimpleNamespace(shutdown_kernel=lambda now: None),
                SimpleNamespace(execute_interactive=lambda source, **options: ran.append((cwd, source)), stop_channels=lambda: None))

    monkeypatch.setattr(speed, "start_new_kernel", start)
    monkeypatch.setattr(speed, "notebook_paths", lambda: ["77-small.ipynb"])
    monkeypatch.setattr(speed, "read_notebook", lambda path: new_notebook(cells=[new_code_cell("print(2)", id="77-two")]))
    assert list(speed.floor()[1]) == ["77-two"]
    assert ran == [(str(NOTEBOOK_FOLDER), "print(2)")]
