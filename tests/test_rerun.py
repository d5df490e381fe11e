"""A notebook can be run in every way that people run it, and leaves nothing behind."""
import pytest

from tests.notebook_files import notebook_paths
from tests.rerun import run_twice

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
