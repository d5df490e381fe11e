"""What a notebook does when it is run in the ways that people run it."""
import warnings

from tests.support.cells import Session, open_files
from tests.support.comparison import difference
from tests.support.notebook_files import code_cells, read_notebook


def run_twice(path):
    """Run each cell of the notebook at ``path`` twice in a row, then the whole notebook once more.

    Returns the list of what differed from the stored outputs, and the files left open at the end.
    """
    # Running a cell again drops the files of its first run. A learner's Python says nothing about that.
    warnings.simplefilter("ignore", ResourceWarning)
    cells = code_cells(read_notebook(path))
    session = Session()
    differences = []
    for cell in cells:
        for time in ("first", "second"):
            how = difference(session.run(cell.source), cell.outputs)
            if how:
                differences.append(f"{cell.id}, {time} time in a row: {how}")
    for cell in cells:
        how = difference(session.run(cell.source), cell.outputs)
        if how:
            differences.append(f"{cell.id}, when the notebook runs again: {how}")
    return differences, open_files()
