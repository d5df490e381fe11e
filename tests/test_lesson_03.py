"""What must hold on every machine of the here: lines of 03, which nbval does not compare."""
from pathlib import Path

import pytest

from tests.support.cells import Session
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, read_notebook

LESSON = NOTEBOOK_FOLDER / "03-meet-the-empty-file.ipynb"


def _here_lines():
    session, found = Session(), {}
    for cell in code_cells(read_notebook(LESSON)):
        shown = "".join(output.get("text", "") for output in session.run(cell.source))
        found[cell.id] = (shown, Path(shown.removeprefix("here: ").strip()).is_file())
    return found


@pytest.mark.child(runs=_here_lines)
def test_the_here_lines_name_a_file_that_is_there_and_one_that_is_gone(child):
    found, _ = child
    name, is_there = found["03-program"]
    assert name.startswith("here: ") and name.endswith(".csv\n") and is_there
    assert found["03-vanish"][0].startswith("here: FileNotFoundError: ")
