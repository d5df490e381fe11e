"""A notebook can be run in every way that people run it, and leaves nothing behind."""
import functools

import pytest

from tests.inprocess import in_child
from tests.notebook_files import notebook_paths
from tests.rerun import run_twice

ALL = pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)


@functools.cache
def rerun(path):
    return in_child(run_twice, path)


@ALL
def test_any_cell_twice_and_the_notebook_twice_give_the_stored_outputs(path):
    (differences, _), _ = rerun(path)
    assert not differences, "\n".join(differences)


@ALL
def test_no_file_is_left_open_at_the_end(path):
    (_, left_open), _ = rerun(path)
    assert not left_open


@ALL
def test_nothing_is_left_in_the_temp_folder(path):
    _, left_behind = rerun(path)
    assert not left_behind
