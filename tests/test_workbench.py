"""The workbench gives a lesson a folder of its own, and nothing of the lesson stays behind, however it ends."""
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT


def lesson(temp, program, **more_environment):
    """Run ``program`` as a kernel's cells would run, with the temp folder ``temp``; return its CompletedProcess."""
    environment = {**os.environ, "TMPDIR": str(temp), "TEMP": str(temp), "TMP": str(temp), **more_environment}
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=NOTEBOOK_FOLDER, env=environment,
                          capture_output=True, text=True, encoding="utf-8", timeout=300)


def what_is_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_the_cells_work_in_an_empty_folder_with_the_orders(tmp_path):
    run = lesson(tmp_path, """
        import os, workbench
        workbench.start("03")
        print(os.listdir(), os.path.basename(os.getcwd()))
    """)
    assert run.stdout.splitlines() == ["A folder of its own is ready for this notebook. In it: orders.csv.",
                                       "['orders.csv'] 03"], run.stderr


def test_it_can_be_empty_or_hold_another_program_too(tmp_path):
    program = next((NOTEBOOK_FOLDER / "bench").glob("*.py")).name
    run = lesson(tmp_path, f"""
        import os, workbench
        workbench.start("01", orders=False)
        print(os.listdir())
        workbench.start("01", orders=False, copy=[{program!r}])
        print(os.listdir())
    """)
    assert run.stdout.splitlines()[1::2] == ["[]", f"[{program!r}]"], run.stderr


def test_starting_again_keeps_what_the_cells_have_made(tmp_path):
    run = lesson(tmp_path, """
        import os, workbench
        workbench.start("03")
        open("export.csv", "w").close()
        open("orders.csv", "w").close()
        workbench.start("03")
        print(sorted(os.listdir()), os.path.getsize("orders.csv") > 0)
    """)
    assert run.stdout.splitlines()[-1] == "['export.csv', 'orders.csv'] True", run.stderr


def test_modules_of_the_project_can_still_be_imported(tmp_path):
    run = lesson(tmp_path, """
        import sys, workbench
        sys.path[:] = [path for path in sys.path if path]
        workbench.start("03")
        import checks, gauge
        print("imported")
    """)
    assert run.stdout.splitlines()[-1] == "imported", run.stderr


def left_by_a_program_that_ends(ending):
    temp = tempfile.mkdtemp()
    run = lesson(temp, f"""
        import tempfile, workbench
        workbench.start("03")
        open("export.csv", "w").close()
        tempfile.NamedTemporaryFile(delete=False).close()
        tempfile.mkdtemp()
        {ending}
    """)
    return run.stdout, what_is_in(temp)


@pytest.mark.child(runs=left_by_a_program_that_ends)
@pytest.mark.parametrize("ending", ["workbench.clear()", "pass", "raise SystemExit(1)", "1 / 0"])
def test_nothing_is_left_when_the_program_ends(child, ending):
    (said, left), _ = child
    assert said.startswith("A folder of its own is ready") and left == []


KILLED = """
    import os, tempfile, workbench
    workbench.start("03")
    open("export.csv", "w").close()
    tempfile.NamedTemporaryFile(delete=False).close()
    os._exit(1)
"""


def test_what_a_killed_kernel_left_is_gone_after_the_next_start(tmp_path):
    lesson(tmp_path, KILLED)
    assert len(what_is_in(tmp_path)) == 2, "the experiment leaves a room and a temporary file"
    lesson(tmp_path, "import workbench\nworkbench.start('04')")
    assert what_is_in(tmp_path) == []


def test_the_folder_of_a_kernel_that_runs_is_left_alone(tmp_path):
    lesson(tmp_path, KILLED)
    room = next(tmp_path.glob("rows-*"))
    import psutil
    owner = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    (room / "owner.json").write_text(json.dumps(owner), encoding="utf-8")
    lesson(tmp_path, "import workbench\nworkbench.start('04')")
    assert room.name in what_is_in(tmp_path)


def test_a_list_that_was_tampered_with_reaches_no_further(tmp_path):
    temp, elsewhere = tmp_path / "temp", tmp_path / "precious.txt"
    temp.mkdir()
    elsewhere.touch()
    lesson(temp, KILLED)
    with open(next(temp.glob("rows-*")) / "made.txt", "a", encoding="utf-8") as made:
        made.write(f"{elsewhere}\n")
    lesson(temp, "import workbench\nworkbench.start('04')")
    assert what_is_in(tmp_path) == ["precious.txt", "temp"] and what_is_in(temp) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_does_not_clear_its_parents_folder(tmp_path):
    run = lesson(tmp_path, """
        import os, sys, workbench
        workbench.start("03")
        if os.fork() == 0:
            sys.exit()
        os.wait()
        print(os.listdir())
    """)
    assert run.stdout.splitlines()[-1] == "['orders.csv']", run.stderr


def test_programs_that_a_lesson_starts_make_their_temporary_files_in_its_room(tmp_path):
    run = lesson(tmp_path, """
        import subprocess, sys, tempfile, workbench
        workbench.start("03")
        program = "import tempfile; print(tempfile.gettempdir())"
        print(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip())
        print(tempfile.gettempdir())
    """)
    for_children, own = run.stdout.splitlines()[-2:]
    assert Path(for_children).parent == Path(own) == tmp_path, run.stderr


CELLS = """
    import os
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    os.chdir({folder!r})
    for cell in {cells!r}:
        shell.run_cell(cell)
"""


def cells(temp, folder, *sources):
    return lesson(temp, CELLS.format(folder=str(folder), cells=sources), IPYTHONDIR=str(temp / "ipython"),
                  PYTHONPATH=str(NOTEBOOK_FOLDER)).stdout


def test_a_cell_after_the_last_one_is_answered_and_not_run(tmp_path):
    shown = cells(tmp_path, tmp_path, "import workbench", "workbench.start('03')", "workbench.clear()",
                  "open('stray.csv', 'w').close()", "workbench.start('03')", "print('it runs again')")
    assert "the last cell has cleared the notebook's folder away" in shown and "it runs again" in shown
    assert "stray.csv" not in what_is_in(tmp_path)


@pytest.mark.parametrize("notebook, guarded", [("00-start-here.ipynb", True), ("Untitled.ipynb", False)])
def test_a_cell_before_the_first_one_is_answered_in_the_series_alone(tmp_path, notebook, guarded):
    start_up = (NOTEBOOK_FOLDER / "kernel_start.py").read_text(encoding="utf-8")
    file = str(NOTEBOOK_FOLDER / "kernel_start.py")
    program = CELLS.format(folder=str(tmp_path), cells=(
        f"__file__ = {file!r}\n{start_up}", "open('stray.csv', 'w').close()"))
    shown = lesson(tmp_path, program, IPYTHONDIR=str(tmp_path / "ipython"), JPY_SESSION_NAME=f"notebooks/{notebook}").stdout
    assert ("first run the first code cell" in shown) is guarded
    assert ("stray.csv" not in what_is_in(tmp_path)) is guarded


def test_the_first_and_the_last_code_cell_of_each_lesson_use_the_workbench():
    for path in (PROJECT / "notebooks").glob("0*.ipynb"):
        codes = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        assert "workbench.start(" in "".join(codes[0]["source"]), path.name
        assert "workbench.clear()" in "".join(codes[-1]["source"]), path.name
