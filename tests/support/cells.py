"""Run a notebook's cells without a kernel: in a child process each, in which IPython's own shell executes them.

A kernel for each question would cost a second a time; this takes milliseconds. ``in_child`` makes the process, with an
empty temp folder, so that nothing of a notebook stays behind in the tests. ``comparison.difference`` compares.
"""
import contextlib
import gc
import io
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import from_dict
from traitlets import Type
from traitlets.config import Config

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, read_notebook

IMPORTED_AHEAD = ["tests.support.cells", "matplotlib.backends.backend_svg", "matplotlib.figure", "pandas"]
REFERENCE_PAGES = ("02b", "10")  # what people copy from
TRIES_TO_BEGIN = 10
CHILD_SECONDS = 3600  # a child that takes longer hangs; the answers to 06 took 17 minutes where processes start slowly


class _Values(DisplayHook):
    """Keeps the value that a cell ends in, as a kernel would send it."""

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.shown.append({"output_type": "display_data", "data": format_dict, "metadata": {}})

    def finish_displayhook(self):
        pass


class _Displays(DisplayPublisher):
    """Keeps what a cell gives to display()."""

    def publish(self, data, metadata=None, **options):
        self.shell.shown.append({"output_type": "display_data", "data": data, "metadata": {}})


class _Shell(InteractiveShell):
    displayhook_class = Type(_Values)
    display_pub_class = Type(_Displays)

    def showtraceback(self, *args, **kwargs):
        pass


class Session:
    """One run of a notebook: a fresh namespace, the notebooks folder as working directory."""

    def __init__(self):
        os.chdir(NOTEBOOK_FOLDER)
        if str(NOTEBOOK_FOLDER) not in sys.path:
            sys.path.insert(0, str(NOTEBOOK_FOLDER))
        InteractiveShell.clear_instance()
        _Shell.clear_instance()
        self.shell = _Shell.instance(config=Config({"HistoryManager": {"enabled": False, "hist_file": ":memory:"}}))

    def run(self, source):
        """Execute ``source`` as one cell and return its outputs in the notebook format."""
        self.shell.shown = outputs = []
        with contextlib.redirect_stdout(io.StringIO()) as stdout, contextlib.redirect_stderr(io.StringIO()) as stderr:
            result = self.shell.run_cell(source, store_history=False)
            gc.collect(0)
        streams = [{"output_type": "stream", "name": name, "text": stream.getvalue()}
                   for name, stream in (("stdout", stdout), ("stderr", stderr)) if stream.getvalue()]
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            outputs.append({"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []})
        return from_dict([*streams, *outputs])


def texts_shown(path):
    """Run the notebook at ``path`` in a new Session; return the text that each code cell prints: {cell id: text}."""
    session = Session()
    return {cell.id: "".join(output.get("text", "") for output in session.run(cell.source)) for cell in code_cells(read_notebook(path))}


def here_lines_of(path):
    """Run the notebook at ``path``; return what follows here: on each such line: {cell id: lines}, for cells that have some."""
    found = {cell: re.findall("^here: (.*)$", text, re.M) for cell, text in texts_shown(path).items()}
    return {cell: lines for cell, lines in found.items() if lines}


def warn_of_encodings(path):
    """Let a cell of a reference page that opens text without encoding= say so on stderr, where it differs from what is stored.

    To be called in a process of its own, before a notebook is run. A lesson may open three plain rows as everybody does.
    """
    if path.name.startswith(REFERENCE_PAGES):
        warnings.filterwarnings("always", category=EncodingWarning, module="__main__|IPython.core.interactiveshell")


def open_files():
    """Return the suffixes of the files that Python still holds open, and the classes of the notebooks' own that play a disk.

    A file open for reading counts only where a notebook has its files: Python and its packages read some of their own.
    """
    gc.collect()
    still_open = [thing for thing in gc.get_objects()  # their types, because isinstance() wakes matplotlib's lazy objects
                  if issubclass(type(thing), io.RawIOBase) and not thing.closed]
    return sorted(found for found in map(_is_of_a_notebook, still_open) if found)


def _is_of_a_notebook(raw):
    """Return the suffix of the open file ``raw``, the name of its class if it is in memory, or None if no notebook opened it."""
    if not isinstance(raw, io.FileIO):
        return None if type(raw).__module__ in sys.stdlib_module_names else type(raw).__name__
    if isinstance(raw.name, int):
        return None
    name = os.fsdecode(raw.name)
    ours = raw.writable() or not os.path.isabs(name) or Path(name).is_relative_to(tempfile.gettempdir())
    return None if name.startswith("<") or name == os.devnull or not ours else Path(name).suffix or "(no suffix)"


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
    os.chdir(PROJECT)
    pipe.send("begun")
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
    for _ in range(TRIES_TO_BEGIN):
        if begun := _begun(function, arguments):
            break
        time.sleep(0.1)
    else:
        raise RuntimeError(f"the child process of {function.__name__}{arguments} cannot begin, {TRIES_TO_BEGIN} times in a row")
    child, here = begun
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


def _begun(function, arguments):
    """Start a child process; return it and the pipe from it, or None when it could not begin.

    It begins in the current folder of this process, in which another thread may run a test at this moment that stands in a
    folder of its own and takes it away.
    """
    context = multiprocessing.get_context("forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there, function, arguments))
    try:
        child.start()
        there.close()
        if here.poll(CHILD_SECONDS):
            here.recv()
        return child, here
    except (EOFError, FileNotFoundError):
        here.close()
        return None
