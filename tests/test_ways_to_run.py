"""A notebook can be run in every way that people run it, and leaves nothing behind."""
import io
import os
import signal
import tempfile
from pathlib import Path
from threading import Timer

import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.abilities import needs_open_files_to_move
from tests.support.cells import in_child, open_files
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, notebook_paths, read_notebook, write_if_changed
from tests.support.ways_to_run import run_after_a_kill, run_out_of_order, run_twice

ALL = pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
WORKBENCH = [path for path in notebook_paths() if "workbench.start(" in path.read_text(encoding="utf-8")]
LESSONS = pytest.mark.parametrize("path", WORKBENCH, ids=lambda path: path.stem)
CAN_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

RERUN = pytest.mark.child(runs=run_twice)


@RERUN
@ALL
def test_any_cell_twice_and_the_notebook_twice_give_the_stored_outputs(child, path):
    (differences, _), _ = child
    assert not differences, "\n".join(differences)


@RERUN
@ALL
def test_no_file_is_left_open_at_the_end(child, path):
    (_, left_open), _ = child
    assert not left_open


@RERUN
@ALL
def test_nothing_is_left_in_the_temp_folder(child, path):
    _, left_behind = child
    assert not left_behind


OUT_OF_ORDER = pytest.mark.child(runs=run_out_of_order)


@OUT_OF_ORDER
@LESSONS
def test_a_cell_before_the_first_or_after_the_last_is_answered_with_a_sentence(child, path):
    (shown, _), _ = child
    assert {when for when, _, _ in shown} == {"before the first cell", "after the last cell"}
    assert not [(when, cell, text) for when, cell, text in shown if "was not run" not in text or "first" not in text]


@OUT_OF_ORDER
@LESSONS
def test_no_order_of_its_cells_writes_into_the_project(child, path):
    (_, written), _ = child
    assert not written


def write_into_the_project_in_a_notebook_without_a_workbench():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "77-stray.ipynb")
        stray = str(PROJECT / "stray.csv")
        notebook = new_notebook(cells=[new_code_cell(source) for source in (
            "import os", f"open({stray!r}, 'w', encoding='utf-8').close()", f"os.remove({stray!r})", f"open({str(path)!r}).close()")])
        write_if_changed(notebook, path)
        return run_out_of_order(path)[1], stray


@pytest.mark.child(runs=write_into_the_project_in_a_notebook_without_a_workbench)
def test_a_file_that_is_written_into_the_project_would_be_seen(child):
    (written, stray), _ = child
    assert written and set(written) == {stray}


AFTER_A_KILL = pytest.mark.child(runs=run_after_a_kill)


@CAN_FORK
@AFTER_A_KILL
@LESSONS
def test_nothing_is_left_in_the_temp_folder_when_a_killed_lesson_is_run_again(child, path):
    left_by_the_kill, left_behind = child
    assert left_by_the_kill, "nothing was left to clear away, so this test shows nothing"
    assert not left_behind


def kill_a_kernel_and_open_the_notebook_again():
    """Do with real kernels what run_after_a_kill does in forks. Returns what the killed kernel left."""
    sources = [cell.source for cell in code_cells(read_notebook(WORKBENCH[0]))]
    left = None
    for cells in (sources[:len(sources) // 2], sources):
        manager, client = start_new_kernel(kernel_name="python3", cwd=str(NOTEBOOK_FOLDER))
        for cell in cells:
            client.execute_interactive(cell, allow_stdin=False, output_hook=lambda message: None)
        client.stop_channels()
        if left is None:
            manager.signal_kernel(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            manager.shutdown_kernel(now=True)
            left = os.listdir(tempfile.gettempdir())
        else:
            manager.shutdown_kernel()
    return left


@pytest.mark.child(runs=kill_a_kernel_and_open_the_notebook_again)
def test_nothing_is_left_when_a_kernel_was_killed_and_the_notebook_is_opened_again(child):
    left_by_the_kill, left_behind = child
    assert left_by_the_kill and not left_behind


def run_a_page_that_opens_without_encoding():
    with tempfile.TemporaryDirectory() as folder:
        source = f"open({str(Path(folder, 'a.csv'))!r}, 'w', newline='').close()"
        found = {}
        for name in ("03z-lesson.ipynb", "10z-page.ipynb"):
            write_if_changed(new_notebook(cells=[new_code_cell(source)]), Path(folder, name))
            found[name] = run_twice(Path(folder, name))[0]
    return found


@pytest.mark.child(runs=run_a_page_that_opens_without_encoding)
def test_a_page_of_the_field_guide_must_say_its_encodings_and_a_lesson_need_not(child):
    found, _ = child
    assert "EncodingWarning" in str(found["10z-page.ipynb"]) and not found["03z-lesson.ipynb"]


class Disk(io.RawIOBase):
    """Stands in for the disks in memory of the notebooks."""

    def writable(self):
        return True


def leave_files_open():
    with tempfile.TemporaryDirectory() as folder:
        orders = open(Path(folder, "orders.csv"), "w", newline="", encoding="utf-8")
        log = io.FileIO(Path(folder, "log.bin"), "a")
        with open(Path(folder, "read.txt"), "w", newline="", encoding="utf-8"):
            pass
        read = open(Path(folder, "read.txt"), encoding="utf-8")
        own = open(__file__, encoding="utf-8")  # as Python and its packages have some
        disk = io.TextIOWrapper(io.BufferedWriter(Disk()), encoding="utf-8")
        found = open_files()
        for file in (orders, log, read, own, disk):
            file.close()
    return found, open_files()


@pytest.mark.child(runs=leave_files_open)
def test_a_file_that_is_left_open_would_be_found(child):
    (left_open, closed), _ = child
    assert left_open == [".bin", ".csv", ".txt", "Disk"] and not closed


@needs_open_files_to_move
def test_a_child_begins_although_its_folder_goes_away_at_this_moment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    Timer(0.2, os.chdir, [PROJECT]).start()
    assert in_child(os.getcwd) == (str(PROJECT), [])
