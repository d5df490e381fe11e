"""The workbench of a lesson: an empty folder of the notebook's own, in which its cells may write as one writes at work.

    import workbench
    workbench.start("03")     # the first cell: makes the folder, moves into it, lays orders.csv ready
    workbench.clear()         # the last cell: moves back and clears it away

A cell can then say ``open("export.csv", "w")``, and nothing of it lands in the project. Where the folder is cleared:

    by the last cell, by a restart and when the kernel ends   everything that is in it
    after a kill                                              by the next start() of any notebook

The same goes for files that ``tempfile`` made meanwhile and that a cell left behind: Python announces each of them to
audit hooks ("Audit events table" of the library reference), and the workbench keeps a list.

A cell that is run before the first one or after the last one would write into whatever folder is current. So it is not run:
it answers with a sentence (``guard``). After the last cell that works in every Jupyter; before the first one where the
kernel ran kernel_start.py, which ``python3 notebooks`` sees to.
"""
import atexit
import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import psutil
from IPython import get_ipython

NOTEBOOKS = Path(__file__).resolve().parent
ORDERS = NOTEBOOKS.parent / "data" / "orders.csv"
BENCH_FILES = NOTEBOOKS / "bench"
TEMP_VARIABLES = ("TMPDIR", "TEMP", "TMP")

BEFORE = ("This cell was not run, so that it writes nothing into the project: "
          "first run the first code cell of this notebook. It makes a folder for the notebook's files.")
AFTER = ("This cell was not run: the last cell has cleared the notebook's folder away. "
         "Run the first code cell of this notebook again, then this one.")


class _Bench:
    """One folder, ``room``, with ``desk`` inside it, where the cells work. The room holds what is not the lesson's."""

    def __init__(self, lesson):
        self.lesson = lesson
        self.process = os.getpid()
        self.folder_before = os.getcwd()
        self.variables_before = {name: os.environ.get(name) for name in TEMP_VARIABLES}
        self.room = Path(tempfile.mkdtemp(prefix="rows-"))
        self.desk = self.room / lesson
        self.made = self.room / "made.txt"
        self.desk.mkdir()
        owner = {"pid": self.process, "started": psutil.Process().create_time()}
        (self.room / "owner.json").write_text(json.dumps(owner), encoding="utf-8")
        os.environ.update(dict.fromkeys(TEMP_VARIABLES, str(self.room)))  # for the programs that the lesson starts

    def note(self, path):
        with contextlib.suppress(OSError), open(self.made, "a", encoding="utf-8") as made:
            made.write(f"{os.path.abspath(os.fsdecode(path))}\n")

    def clear(self):
        os.chdir(self.folder_before)
        for name, value in self.variables_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _remove_room(self.room)


_bench = None
_guarded = None     # the sentence for a cell that must not be run now
_listening = False  # an audit hook cannot be taken off again, so one is enough


def start(lesson, orders=True, copy=()):
    """Make the notebook's folder, or find it again, and move into it; print one sentence.

    Parameters: ``lesson`` is the notebook's number, such as "03"; with ``orders`` a copy of data/orders.csv is laid
    ready; ``copy`` names further files to lay ready, from the folder bench beside this file. What the cells have made
    stays when the first cell is run again; what was laid ready is laid anew. Raises FileNotFoundError for a file that
    the project lacks.
    """
    global _bench, _guarded
    if str(NOTEBOOKS) not in sys.path:  # the kernel's own entry means the current folder, which is about to change
        sys.path.insert(0, str(NOTEBOOKS))
    if _bench and (_bench.lesson != lesson or not _bench.desk.is_dir()):
        _leave()
    if _bench is None:
        tempfile.gettempdir()  # settled before the variables for other programs change
        sweep()
        _bench = _Bench(lesson)
        _listen()
    _guarded = None
    guard(None)
    os.chdir(_bench.desk)
    ready = [ORDERS] * orders + [BENCH_FILES / name for name in copy]
    for path in ready:
        shutil.copyfile(path, path.name)
    names = " and ".join(", ".join(path.name for path in ready).rsplit(", ", 1))
    print("A folder of its own is ready for this notebook"
          + (f". In it: {names}." if names else ". It is empty."))


def clear():
    """Clear the notebook's folder away, with all that is in it, and print one sentence."""
    global _guarded
    _leave()
    _guarded = AFTER
    guard(AFTER)
    print("The folder of this notebook is cleared away.")


def guard(sentence):
    """From here on answer with ``sentence`` in place of running a cell, until a cell that starts the workbench.

    ``None`` lets cells run again. Outside IPython nothing is guarded, for nobody runs cells there.
    """
    global _guarded
    _guarded = sentence
    shell = get_ipython()
    if shell is not None and _refuse not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_refuse)


def sweep():
    """Remove the rooms of kernels that no longer run, as a killed one leaves them, with the temporary files they list."""
    for owner in Path(tempfile.gettempdir()).glob("rows-*/owner.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            if _is_mine(owner.parent) and not _runs(**json.loads(owner.read_text(encoding="utf-8"))):
                _remove_room(owner.parent)


def _refuse(lines):
    if _guarded is None or any("workbench.start(" in line for line in lines) or not "".join(lines).strip():
        return lines
    return [f"print({_guarded!r})\n"]


def _leave():
    global _bench
    if _bench and _bench.process == os.getpid():  # a forked child must not clear its parent's folder
        _bench.clear()
    _bench = None


atexit.register(_leave)


def _listen():
    global _listening
    if not _listening:
        sys.addaudithook(_hear)
        _listening = True


def _hear(event, arguments):
    if event in ("tempfile.mkstemp", "tempfile.mkdtemp") and _bench:
        _bench.note(arguments[0])


def _runs(pid, started):
    try:
        return abs(psutil.Process(pid).create_time() - started) < 2  # seconds; numbers of processes are used again
    except psutil.Error:
        return False


def _is_mine(path):
    return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()


def _remove_room(room):
    made = room / "made.txt"
    paths = made.read_text(encoding="utf-8").splitlines() if made.exists() else []
    for path in map(Path, paths):
        # Only what lies in the temp folder itself: a list that somebody tampered with reaches no further.
        with contextlib.suppress(OSError):
            if path.parent == room.parent and _is_mine(path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
    shutil.rmtree(room, ignore_errors=True)  # on Windows a file that is still open stays until the next sweep
