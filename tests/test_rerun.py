"""A notebook can be run in every way that people run it, and leaves nothing behind."""
import io
import tempfile
from pathlib import Path

import pytest

from tests.support.cells import open_files
from tests.support.notebook_files import notebook_paths
from tests.support.rerun import run_twice

ALL = pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)


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


def leave_two_of_three_files_open():
    with tempfile.TemporaryDirectory() as folder:
        orders = open(Path(folder, "orders.csv"), "w", newline="", encoding="utf-8")
        log = io.FileIO(Path(folder, "log.bin"), "a")
        with open(Path(folder, "closed.csv"), "w", newline="", encoding="utf-8"):
            pass
        found = open_files()
        orders.close()
        log.close()
    return found


@pytest.mark.child(runs=leave_two_of_three_files_open)
def test_a_file_that_is_left_open_would_be_found(child):
    found, _ = child
    assert found == [".bin", ".csv"]
