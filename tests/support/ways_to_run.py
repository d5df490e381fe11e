"""What a notebook does when it is run in the ways that people run it."""
import os
import runpy
import signal
import sys
import tempfile
import warnings

from tests.support.cells import Session, open_files, warn_of_encodings
from tests.support.comparison import difference
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, read_notebook


def run_twice(path):
    """Run each cell of the notebook at ``path`` twice in a row, then the whole notebook once more.

    Returns the list of what differed from the stored outputs, and the files left open at the end.
    """
    # Running a cell again drops the files of its first run. A learner's Python says nothing about that.
    warnings.simplefilter("ignore", ResourceWarning)
    warn_of_encodings(path)
    cells = code_cells(read_notebook(path))
    session = Session()
    differences = []
    for cell in cells:
        for time in ("first", "second") if "workbench.clear()" not in cell.source else ("first",):  # after it no cell runs
            how = difference(session.run(cell.source), cell.outputs)
            if how:
                differences.append(f"{cell.id}, {time} time in a row: {how}")
    for cell in cells:
        how = difference(session.run(cell.source), cell.outputs)
        if how:
            differences.append(f"{cell.id}, when the notebook runs again: {how}")
    hint = " (on a page of the field guide each open() says encoding=)"
    return [told + hint if "EncodingWarning" in told else told for told in differences], open_files()


def run_out_of_order(path):
    """Run each cell of a lesson before its first one, and each again after its last one.

    Returns (when, cell id, what it showed) for each, and the files of the project that were opened for writing meanwhile.
    To be called in a process of its own: an audit hook stays.
    """
    os.environ["JPY_SESSION_NAME"] = str(path)  # as Jupyter's server tells a kernel
    written = []
    sys.addaudithook(lambda event, arguments: written.extend(_in_the_project(event, arguments)))
    cells = code_cells(read_notebook(path))
    session = Session()
    runpy.run_path(str(NOTEBOOK_FOLDER / "kernel_start.py"))
    shown = [("before the first cell", cell.id, _text(session.run(cell.source))) for cell in cells[1:]]
    for cell in cells:
        session.run(cell.source)
    shown += [("after the last cell", cell.id, _text(session.run(cell.source))) for cell in cells[1:]]
    return shown, written


def _in_the_project(event, arguments):
    """Return the path that an audit ``event`` writes, in a list, if it lies in the project; else an empty list."""
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or bool(mode and set(mode) & set("wax+"))
    else:  # with a dir_fd at its end the path says nothing alone: so shutil.rmtree clears a folder
        writes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir") and arguments[-1] == -1
        path = arguments[1 if event == "os.rename" else 0] if writes else None
    if not writes or not isinstance(path, (str, bytes, os.PathLike)):
        return []
    path = os.path.realpath(os.fsdecode(path))
    return [path] if path.startswith(f"{PROJECT}{os.sep}") and "__pycache__" not in path else []


def _text(outputs):
    return "".join(output.get("text", "") or output.get("evalue", "") for output in outputs)


def run_after_a_kill(path):
    """Run the first half of a lesson in a process that is then killed, and the whole lesson in another.

    Returns what the killed process left in the temp folder, so that one sees that the experiment is one.
    """
    cells = code_cells(read_notebook(path))
    child = os.fork()
    if child == 0:
        try:
            session = Session()
            for cell in cells[:-1][:len(cells) // 2 + 1]:
                session.run(cell.source)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    left = os.listdir(tempfile.gettempdir())
    session = Session()
    for cell in cells:
        session.run(cell.source)
    return left
