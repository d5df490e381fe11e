"""Run a notebook's cells in this process, without a kernel, and compare as nbval does.

A kernel for each question would cost a second a time. IPython's own shell, with nbval's own comparison,
gives the same answers in milliseconds. Each run happens in a child process (see ``in_child``), so that
nothing of a notebook stays behind in the tests.
"""
import contextlib
import gc
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from types import SimpleNamespace

from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat import from_dict
from nbval.plugin import IPyNbCell, coalesce_streams, nocolors
from traitlets.config import Config

from tests.support.notebook_files import NOTEBOOK_FOLDER

IMPORTED_AHEAD = ["tests.support.cells", "matplotlib.backends.backend_svg", "matplotlib.figure", "pandas"]
CHILD_SECONDS = 600  # a child that takes longer hangs, on any machine

NOT_COMPARED = ("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count",
                "image/png", "image/jpeg")


class Session:
    """One run of a notebook: a fresh namespace, the notebooks folder as working directory."""

    def __init__(self):
        os.chdir(NOTEBOOK_FOLDER)
        if str(NOTEBOOK_FOLDER) not in sys.path:
            sys.path.insert(0, str(NOTEBOOK_FOLDER))
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}}))
        self.shell.showtraceback = lambda *args, **kwargs: None

    def run(self, source):
        """Execute ``source`` as one cell and return its outputs in the notebook format."""
        with capture_output() as captured:
            self.shell.display_trap.hook = CapturingDisplayHook(shell=self.shell, outputs=captured._outputs)
            result = self.shell.run_cell(source, store_history=False)
            gc.collect(0)
        outputs = []
        for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr)):
            if text:
                outputs.append({"output_type": "stream", "name": name, "text": text})
        for shown in captured.outputs:
            outputs.append({"output_type": "display_data", "data": shown.data, "metadata": {}})
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            outputs.append({"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []})
        return from_dict(outputs)


def difference(outputs, stored):
    """Return None when ``outputs`` equal the ``stored`` ones for nbval, else a text that says how not."""
    # nbval merges streams in place, so it gets copies.
    stored, outputs = from_dict([dict(o) for o in stored]), from_dict([dict(o) for o in outputs])
    cell = SimpleNamespace(parent=SimpleNamespace(skip_compare=NOT_COMPARED), colors=nocolors,
                           sanitize=lambda text: text, comparison_traceback=[])
    cell.format_output_compare = lambda key, left, right: cell.comparison_traceback.append(
        f"{key}: stored {_cut(left)}, now {_cut(right)}")
    if IPyNbCell.compare_outputs(cell, coalesce_streams(outputs), coalesce_streams(stored)):
        return None
    return "\n".join(map(str, cell.comparison_traceback))


def _cut(value):
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."


def open_files():
    """Return the suffixes of the files that Python still holds open for writing."""
    gc.collect()
    still_open = [thing for thing in gc.get_objects()  # their types, because isinstance() wakes matplotlib's lazy objects
                  if issubclass(type(thing), io.FileIO) and not thing.closed and thing.writable()
                  and not isinstance(thing.name, int)]
    names = [os.fsdecode(thing.name) for thing in still_open]
    return sorted(Path(name).suffix or "(no suffix)" for name in names if not name.startswith("<") and name != os.devnull)


@contextlib.contextmanager
def own_temp_folder():
    """Give this process, and those that it starts, an empty temp folder for the length of a ``with`` block."""
    before = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="notebook-run-")
    try:
        os.environ["TMPDIR"] = os.environ["TEMP"] = os.environ["TMP"] = tempfile.tempdir = folder
        yield Path(folder)
    finally:
        os.environ["TMPDIR"] = os.environ["TEMP"] = os.environ["TMP"] = tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def _child(pipe, function, arguments):
    gc.freeze()  # what was imported ahead is nobody's open file: the searches through all objects leave it out
    try:
        with own_temp_folder() as folder:
            answer = function(*arguments)
            left = sorted(entry.name for entry in folder.iterdir())
        pipe.send((answer, left, None))
    except BaseException:
        pipe.send((None, [], traceback.format_exc()))
    pipe.close()
    os._exit(0)  # as nbval ends a kernel: nothing gets a last chance to tidy up


def import_ahead(modules=()):
    """Let the children of this process begin with pandas, matplotlib and ``modules``, an iterable of names, imported.

    Where the system can fork, one process imports them once, and each child is a copy of it; up to Python 3.13 that
    process knows only the current folder, and leaves out what lies elsewhere. To be called before the first child starts.
    """
    if "forkserver" in multiprocessing.get_all_start_methods():
        multiprocessing.get_context("forkserver").set_forkserver_preload([*IMPORTED_AHEAD, *modules])


def in_child(function, *arguments):
    """Call ``function`` in a process of its own with an empty temp folder.

    Returns its answer and the names left behind in the temp folder. Raises RuntimeError with the
    child's traceback when the function raises, and when it dies or hangs.
    """
    forkserver = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forkserver else "spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there, function, arguments))
    child.start()
    there.close()
    answer, left, problem = None, [], None
    try:
        if here.poll(CHILD_SECONDS):
            answer, left, problem = here.recv()
        else:
            child.kill()
            problem = f"{function.__name__}{arguments} had no answer after {CHILD_SECONDS} seconds"
    except EOFError:
        problem = f"the child process of {function.__name__}{arguments} died without an answer"
    child.join()
    here.close()
    if problem:
        raise RuntimeError(problem)
    return answer, left
