"""Checks for notebook 08, Recognise it elsewhere."""
import contextlib
import csv
import io
import re
import subprocess
import sys
from pathlib import Path

from checks.common import NotYet, code_of, exercise, load_orders, temporary_folder

__all__ = ["sort_reports", "predict_the_log", "upload_orders"]

# The causes of the eight reports, each with the question that leads to it.
REPORTS = [
    ("A", "the name is used in the line after to_csv: who has flushed the open file by then?"),
    ("C", "the flush was made, and the library gets the open file, not its name: from where does it read on?"),
    ("B", "the rows were flushed, and the reader misses the end of the archive: who writes that?"),
    ("D", "the tool wrote to the same file while the command line was waiting: how many writers are there?"),
    ("E", "each worker began as a copy of the first process: what was waiting in it at that moment?"),
    ("D", "the first run's file object was still alive when the second opened the file: how many writers are there?"),
    ("A", "nothing is lost, it only comes late, and a terminal is different: where are the lines for that hour?"),
    ("E", "the object held itself, so the garbage collector had to free it: what became of its waiting rows?"),
]


@exercise
def sort_reports(my_letters):
    """Compare eight letters, A to E, with the causes of the eight reports, and help with the first wrong one."""
    letters = my_letters.values() if isinstance(my_letters, dict) else my_letters
    try:
        answer = [letter for letter in "".join(letters).upper() if letter.isalpha()]  # "1. A, 2. C" is as good as "AC"
    except TypeError:
        answer = []
    if len(answer) != len(REPORTS) or not set(answer) <= set("ABCDE"):
        raise NotYet('answer with eight letters from A to E, such as "ABCDEABC"')
    wrong = [number for number, (given, (cause, _)) in enumerate(zip(answer, REPORTS), start=1) if given != cause]
    if not wrong:
        return "all eight reports have their cause"
    first = wrong[0]
    raise NotYet(f"{len(REPORTS) - len(wrong)} of 8 are right. Look at report {first} again: {REPORTS[first - 1][1]}")


@exercise
def predict_the_log(my_lines):
    """Run the program with a real child process and compare the lines of its log with the answer, a list."""
    if isinstance(my_lines, str):
        my_lines = re.split(r"\n|,|;|\||->|→", my_lines.strip())
    try:
        answer = [str(line).strip(" \t\r\n.'\"").lower() for line in my_lines]
    except TypeError:
        answer = []
    found = _run_the_logging_program()
    if answer == found:
        return "the log holds: " + ", ".join(found)
    if sorted(answer) != sorted(found):
        raise NotYet('answer with these four in the right order: "start", "sort now", "sorting", "end"')
    if answer == ["start", "sort now", "sorting", "end"]:
        raise NotYet('this is the order of the program, but "sort now" was written after the flush: where is it in line 5?')
    if answer[0] == "sorting":
        raise NotYet('"sorting" is not the first line: what has line 3 done with "start"?')
    if answer[-1] == "sorting":
        raise NotYet('"sorting" is not the last line: the child writes to the file at once, and what still waits comes later')
    raise NotYet("your program writes its own three lines in their order; where does the child come in between?")


def _run_the_logging_program():
    sort_orders = [sys.executable, "-I", "-c", "print('sorting')"]
    with temporary_folder() as folder:
        path = Path(folder) / "job.log"
        with open(path, "w", newline="", encoding="utf-8") as log:
            log.write("start\n")
            log.flush()
            log.write("sort now\n")
            subprocess.run(sort_orders, stdout=log, check=True)
            log.write("end\n")
        return path.read_text(encoding="utf-8").splitlines()


@exercise
def upload_orders(function):
    """Call ``upload_orders(orders, upload)`` with a data frame of 2 orders, then of all 1,142, and read afterwards.

    ``upload`` keeps the stream, as a library does that sends in the background. It is read when the function
    has returned, from where it stood when it was passed on.
    """
    orders = load_orders()
    code = code_of(function)
    _try_upload(function, orders[:2], code)
    _try_upload(function, orders, code)
    return "the library finds all 1,142 rows"


def _try_upload(function, orders, code):
    uploads = []

    def upload(stream, *_, **__):
        uploads.append(_Upload(stream))

    from pandas import DataFrame  # here, so that the other notebooks need not wait for pandas

    try:
        function(DataFrame(orders), upload)
        if not uploads:
            raise NotYet("upload was never called")
        if len(uploads) > 1:
            raise NotYet(f"upload was called {len(uploads)} times: the shop would have every order more than once")
        uploads[0].judge(orders, code)
    finally:
        for used in uploads:
            with contextlib.suppress(Exception):
                used.stream.close()


class _Upload:
    """One call of the library: what it was passed, and how that looked at this moment."""

    def __init__(self, stream):
        self.stream = stream
        self.is_stream = hasattr(stream, "read") and hasattr(stream, "seek") and hasattr(stream, "tell")
        self.is_text = isinstance(stream, io.TextIOBase)
        self.closed = self.is_stream and bool(getattr(stream, "closed", False))
        if self.is_stream and not self.is_text and not self.closed:
            start = stream.tell()
            self.from_here = stream.read()
            stream.seek(0)
            self.from_start = stream.read()
            stream.seek(start)

    def judge(self, orders, code):
        total = f"{len(orders):,}"
        if not self.is_stream:
            raise NotYet("the library takes an open stream: pass the memory itself, not what is in it")
        if self.is_text:
            raise NotYet("the library takes bytes, and you passed it a text stream: pass the memory below")
        if self.closed:
            raise NotYet("the memory was closed before it was passed on: closing the text layer closes what is below it")
        if len(_rows(self.from_start)) < len(orders):
            if "sleep" in code:
                raise NotYet(f"not all of the {total} rows are in the memory: they wait in the text layer, and waiting longer "
                             "does not move them")
            if "memory.flush()" in code:
                raise NotYet(f"not all of the {total} rows are in the memory: memory.flush() works on the lowest place, and "
                             "the rows wait in the text layer above it")
            raise NotYet(f"not all of the {total} rows are in the memory: some wait in the text layer")
        if len(_rows(self.from_here)) < len(orders):
            raise NotYet(f"the memory holds all of the {total} rows, but it does not stand at its start when you "
                         "pass it on: the library reads on from there")
        try:
            sent = _rows(self.stream.read())
        except ValueError:
            raise NotYet("the memory was closed when the library came to read it: the text layer went with your function, "
                         "and it closes what is below it") from None
        if sent != orders:
            raise NotYet("the rows that arrive are not the orders that you were given: header and rows, each once, as UTF-8")


def _rows(content):
    text = bytes(content).decode("utf-8-sig", errors="replace")
    return list(csv.DictReader(io.StringIO(text, newline="")))
