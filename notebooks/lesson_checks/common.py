"""What all checks share: the three verdicts, and the real conditions under which code is tried."""
import ast
import contextlib
import csv
import functools
import gc
import inspect
import io
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ORDERS_FILE = Path(__file__).resolve().parents[2] / "data" / "orders.csv"


@dataclass(frozen=True)
class Verdict:
    """What a check answers: ``state`` is one of the three below, ``sentence`` says what was seen."""

    state: str
    sentence: str = ""

    def __repr__(self):
        return f"{self.state}: {self.sentence}" if self.sentence else self.state


DONE, NOT_THERE_YET, NOT_ATTEMPTED = "done", "not there yet", "not attempted yet"


class NotYet(Exception):
    """Raised inside a check when the answer is not right; the message is the sentence that helps."""


def exercise(check):
    """Turn a function that tries an answer into a check that always answers with a Verdict.

    The function gets the answer and returns the sentence for *done*, or raises NotYet. An answer that is
    still ``None`` or ``...``, or that raises NotImplementedError, counts as not attempted. Any other
    exception of the learner's code is reported in one line.
    """
    @functools.wraps(check)
    def answer_with_verdict(answer):
        if answer is None or answer is ...:
            return Verdict(NOT_ATTEMPTED)
        try:
            return Verdict(DONE, check(answer))
        except NotImplementedError:
            return Verdict(NOT_ATTEMPTED)  # the stub's own line; its message says to take it out
        except NotYet as reason:
            return Verdict(NOT_THERE_YET, str(reason))
        except (Exception, SystemExit) as error:
            return Verdict(NOT_THERE_YET, what_stopped(error))
    return answer_with_verdict


def what_stopped(error, who="your code"):
    """Return the sentence for an exception that the learner's code has raised."""
    if isinstance(error, AttributeError) and error.name in ("flush", "close") \
            and "writer" in type(error.obj).__name__.lower():
        return f"a csv writer has no {error.name}: call it on the file that you gave the writer"
    return f"{who} stopped with {type(error).__name__}: {error}"


def whole_number(answer):
    """Return ``answer`` as an int if it is one in any clothes (52, 52.0, '52'), else None."""
    try:
        return int(answer) if not isinstance(answer, bool) and float(answer) == int(float(answer)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def letters(answer):
    """Return the set of capital letters in ``answer``, which may be a text such as "B, C" or a collection of texts."""
    try:
        return {str(place).strip(" ,.;").upper() for place in answer} - {""}
    except TypeError:
        return set()


def load_orders():
    """Return the 1,142 orders of data/orders.csv as a list of dictionaries."""
    with open(ORDERS_FILE, newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def temporary_folder():
    """Return a TemporaryDirectory for one try; use it in a ``with`` block, which gives its name."""
    return tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True)


def plain_environment():
    """Return the environment for a child process, without what asks it to colour its messages.

    A notebook's kernel sets FORCE_COLOR, and from Python 3.14 tracebacks comply.
    """
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "CLICOLOR_FORCE")}
    return {**plain, "NO_COLOR": "1"}


def run_python(program, *arguments):
    """Run ``program`` (Python source) in a fresh Python process and return its CompletedProcess.

    The process ignores the environment's PYTHON... variables, and colours nothing, so that it behaves the same
    everywhere.
    """
    return subprocess.run([sys.executable, "-I", "-X", "utf8", "-c", textwrap.dedent(program), *map(str, arguments)],
                          capture_output=True, text=True, encoding="utf-8", timeout=30, env=plain_environment())


def read_by_another_process(path):
    """Return the bytes that another process finds when it opens ``path`` by name, or None without a file."""
    reader = """
        import sys
        from pathlib import Path
        path = Path(sys.argv[1])
        print(path.read_bytes().hex() if path.exists() else "missing")
    """
    answer = run_python(reader, path).stdout.strip()
    return None if answer == "missing" else bytes.fromhex(answer)


def whole_rows(content, **csv_options):
    """Count the whole data rows in ``content`` (bytes of a CSV file), header not counted."""
    # One letter more at the end: it sticks to a row that is not whole, and else stands alone.
    text = content.decode("utf-8", errors="replace") + "x"
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), **csv_options) if row]
    return max(0, len(rows) - 2)


def code_of(function):
    """Return the source of the learner's ``function`` without comments, or '' when there is none to read."""
    try:
        return ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError):
        return ""


def why_still_waiting(code):
    """Return why what ``code`` tries sends no rows on, or None when it tries nothing, or a flush in the wrong place."""
    if below := re.search(r"\w+\.buffer\.flush", code):
        return f"{below[0]}() empties the byte buffer, and the last rows are in the text layer above it"
    if re.search(r"^\s*[\w.]+\.flush$", code, re.MULTILINE):
        return "you named flush but did not call it; it needs its ()"
    if ".flush()" in code:
        return None
    if "flush=True" in code:
        return "print(flush=True) flushes the screen, not your file"
    if "write_through=True" in code:
        return "write_through empties the text layer alone, and the rows are now in the byte buffer"
    if "fsync" in code:
        return "fsync works on what the operating system has, and the rows are still in your program"
    if "sleep" in code:
        return "nobody sends the rows on while you wait"
    return None


# --- What Windows forbids, on every system ---

class RemovalRefused(NotYet):
    """Stands for Windows' PermissionError; no OSError, because tempfile would try again and again."""

    def __init__(self):
        super().__init__("Windows refuses to remove a file that is open: close it first")


def open_files(path, dir_fd=None):
    """Return the file objects of this process that have the file ``path`` open."""
    try:
        wanted = os.stat(path) if dir_fd is None else os.stat(path, dir_fd=dir_fd)
    except OSError:
        return []
    found = []
    for thing in gc.get_objects():
        # Below each open file, text or binary, lies a FileIO. Others are not touched: some act when they are asked.
        if issubclass(type(thing), io.FileIO) and not thing.closed:
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(thing.fileno()), wanted):
                    found.append(thing)
    return found


def is_open_and_marked(path):
    """Tell whether ``path`` is an open NamedTemporaryFile that closing removes: Windows gives it to no one else."""
    for thing in gc.get_objects():
        if type(thing) is tempfile._TemporaryFileWrapper and not thing.file.closed:
            closer = thing._closer
            if closer.delete and getattr(closer, "delete_on_close", True):
                with contextlib.suppress(OSError, ValueError, TypeError):
                    if os.path.samefile(thing.name, path):
                        return True
    return False


@contextlib.contextmanager
def removal_as_on_windows():
    """Refuse, inside this block, to remove a file that is open; give the list of the refusals."""
    refused = []  # because a refusal may be lost: a block that it leaves may raise an error of its own

    def refusing(remove):
        def remove_if_closed(path, *, dir_fd=None):
            if open_files(path, dir_fd):
                refused.append(RemovalRefused())
                raise refused[-1]
            return remove(path, dir_fd=dir_fd)
        return remove_if_closed

    with mock.patch.object(os, "unlink", refusing(os.unlink)), mock.patch.object(os, "remove", refusing(os.remove)):
        yield refused


# --- A file that is not as fast, or not as large, as others ---

def open_with(raw=io.FileIO, text=io.TextIOWrapper):
    """Return a function like open() whose files for writing have these classes as lowest and highest layer.

    The byte buffer between them holds 1 MiB on every Python, so that nothing comes through it by luck.
    """
    plain_open = io.open

    def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if not set(mode) & set("wax+"):
            return plain_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        lowest = raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        below = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(lowest, 1 << 20)
        return below if "b" in mode else text(below, encoding, errors, newline, line_buffering=buffering == 1)
    return open_file
