"""Checks for notebook 09, Case files.

Each check runs the repaired program under the condition that broke it and says what was seen there.
The learner's source is read for two purposes only: to run it in a process that may die, and to choose
the sentence that helps.
"""
import contextlib
import csv
import errno
import gc
import inspect
import io
import json
import os
import re
import tempfile
import warnings
from pathlib import Path
from unittest import mock

from checks.common import (
    NotYet,
    as_program,
    code_of,
    csv_bytes,
    exercise,
    load_orders,
    read_by_another_process,
    run_python,
    temporary_folder,
    why_still_waiting,
)
from checks.threads import READINGS, log_until_the_plug_is_pulled, open_with, save_with_bad_luck
from checks.windows import is_open_and_marked, open_files, open_replaced, removal_as_on_windows

__all__ = ["case_labels", "case_debug", "case_logger", "case_upload", "case_history", "case_archive",
           "case_background", "case_publish"]

CHILD_SECONDS = 300  # a child process that takes longer hangs, on any machine


# --- What the cases share ---

def content_of(path):
    """Return the bytes of the file ``path``, none when there is no such file."""
    return path.read_bytes() if path.exists() else b""


def rows_of(content):
    """Return the rows (lists) in ``content``, the bytes of a CSV file, header first, blank lines left out."""
    text = content.decode("utf-8", errors="replace")
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row]


def table(orders):
    """Return ``orders`` (dictionaries) as the rows that a complete CSV file holds, header first."""
    return [list(orders[0]), *[list(order.values()) for order in orders]]


def orders_in(rows):
    """Count the data rows among ``rows``, the header not counted."""
    return max(0, len(rows) - 1)


@contextlib.contextmanager
def quietly():
    """Keep Python from reporting the files that a broken program leaves open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect(0)


def run_as_program(function, runner, *arguments):
    """Give ``function`` to ``runner``, a function of threads.py, in another process; return the exit code."""
    return as_program(function, *arguments, runner=runner, seconds=CHILD_SECONDS).exit_code


# --- Case 1: labels ---

class PrinterFails(Exception):
    """Raised by the printer of the second try."""


@exercise
def case_labels(function):
    """Call ``print_labels(orders, send_to_printer)``; the printer is another process that opens the file by name.

    It follows the rules of Windows on every system: a temporary file that is open with delete=True cannot be
    opened a second time, and an open file cannot be removed. Afterwards no file may be left, nor after a
    second call, whose printer fails.
    """
    orders = load_orders()[:40]
    sent = []

    def send_to_printer(name):
        if not isinstance(name, (str, os.PathLike)):
            raise NotYet("the printer wants the name of the file")
        sent.append((Path(name).absolute(), is_open_and_marked(name), read_by_another_process(name)))

    def failing_printer(name):
        sent.append((Path(name).absolute(), False, None))
        raise PrinterFails("no paper")

    with temporary_folder() as folder, quietly(), _packing_table(Path(folder)) as (temp, beside), \
            removal_as_on_windows():
        try:
            function(orders, send_to_printer)
        except TypeError as error:
            if "delete_on_close" in str(error):
                raise NotYet("delete_on_close is new in Python 3.12, and this Python is older") from None
            raise
        _judge_labels(sent, orders, temp, code_of(function))
        left = _remove_labels(sent, temp, beside)
        if left:
            raise NotYet(f"the printer finds 40 of 40 labels, but a file with addresses is left {left}")
        with contextlib.suppress(PrinterFails):
            function(orders, failing_printer)
        if _remove_labels(sent, temp, beside):
            raise NotYet("when the printer fails, the file with the addresses is left behind")
    return "the printer finds 40 of 40 labels, and no file is left, not even when the printer fails"


@contextlib.contextmanager
def _packing_table(folder):
    """Make a temp folder and one that stands for the folder of the notebook, and work there; give both."""
    temp, beside = folder / "temp", folder / "beside"
    temp.mkdir()
    beside.mkdir()
    with mock.patch.object(tempfile, "tempdir", str(temp)), contextlib.chdir(beside):
        yield temp, beside


def _judge_labels(sent, orders, temp, code):
    expected = [["shop", "postcode"], *[[order["shop"], order["postcode"]] for order in orders]]
    if not sent:
        raise NotYet("nothing was sent to the printer")
    for path, locked, content in sent:
        if locked and ".flush()" in code:
            raise NotYet("works on Linux and macOS, not on Windows: while it is open with delete=True, no other "
                         "program may open the file there")
        if locked:
            raise NotYet("the printer finds 0 of 40 labels: inside the block they are not flushed, and Windows lets no "
                         "other program open the file")
        if content is None and "delete_on_close" in code:
            raise NotYet("the printer finds no file of that name: delete_on_close is new in Python 3.12, and keeps the "
                         "file after close(), but not after the block")
        if content is None and path.parent == temp:
            raise NotYet("the printer finds no file of that name: it was removed before, when the file was closed or "
                         "by you")
        if content is None:
            raise NotYet("the printer finds no file of that name")
        if rows_of(content) != expected:
            raise NotYet(f"the printer finds {orders_in(rows_of(content))} of 40 labels")


def _remove_labels(sent, temp, beside):
    """Remove the files that the program has left; say where the first was, or return None."""
    left = [*temp.iterdir(), *beside.iterdir(), *[path for path, _, _ in sent if path.exists()]]
    for path in filter(Path.is_file, left):
        for file in open_files(path):
            file.close()
        path.unlink(missing_ok=True)
    places = {temp: "in the temp folder", beside: "beside the notebook"}
    return places.get(left[0].parent, f"in {left[0].parent}") if left else None


# --- Case 2: debug ---

@exercise
def case_debug(function):
    """Call ``nightly_export(orders, path, upload)`` for a quiet day (2 orders) and a busy one (1,142), without debug.

    The uploader is another process that opens the file by name.
    """
    code = code_of(function)
    debug = inspect.signature(function).parameters.get("debug")
    for day, orders in [("quiet", load_orders()[:2]), ("busy", load_orders())]:
        found = []

        def upload(name):
            if not isinstance(name, (str, os.PathLike)):
                raise NotYet("the uploader wants the name of the file")
            found.append(read_by_another_process(name))

        with temporary_folder() as folder, quietly():
            path = Path(folder) / "orders.csv"
            function(orders, path, upload, **({"debug": False} if debug else {}))
        if not found:
            raise NotYet("nothing was uploaded")
        rows = rows_of(min((content or b"" for content in found), key=len))
        if rows == table(orders):
            continue
        seen = f"on the {day} day the uploader finds {orders_in(rows):,} of {len(orders):,} orders"
        if debug and debug.default is True:
            raise NotYet(f"{seen} as soon as debug is off again: debug=True hides the fault")
        if why_still_waiting(code):
            raise NotYet(f"{seen}: {why_still_waiting(code)}")
        if ".flush()" in code:
            raise NotYet(f"{seen}: no flush of the export runs between the last row and upload")
        raise NotYet(f"{seen}. What does the debug line do besides printing?")
    if ".flush()" not in code and "tell()" in code and "if debug" not in code:
        return "both days arrive whole. tell() has flushed by the way; flush() would say so to the next reader"
    return "the quiet day and the busy day arrive whole, without debug"


# --- Case 3: logger ---

@exercise
def case_logger(function):
    """Run ``log_temperatures(readings, path)`` as a program that dies after 7 readings, and read its file."""
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        run_as_program(function, log_until_the_plug_is_pulled, path)
        rows = rows_of(content_of(path))
    expected = [[moment, str(celsius)] for moment, celsius in READINGS]
    survived = [row for row in rows if row in expected]
    if rows == [["time", "celsius"], *expected]:
        return "the program was killed after 7 readings, and 7 are in the file"
    if survived == expected and rows[0] != ["time", "celsius"]:
        raise NotYet("the 7 readings are there, but the first line is not time,celsius")
    if survived == expected:
        raise NotYet("the 7 readings are there, but the file holds more than them and the header")
    raise NotYet(f"the program was killed after 7 readings, and {len(survived)} of 7 are in the file: "
                 f"{_why_log_is_short(code_of(function))}")


def _why_log_is_short(code):
    if "atexit" in code or "finally" in code:
        return "a killed process runs neither finally nor atexit"
    if "signal" in code:
        return "there are ends that no signal handler sees, such as a pulled plug"
    if why_still_waiting(code):
        return why_still_waiting(code)
    if "buffering=" in code and "buffering=1," not in code and "buffering=1)" not in code:
        return "buffering= sets the byte buffer, and the text layer above it still keeps the rows"
    if ".flush()" in code:
        return "your flush does not run after every reading"
    return "a killed process does not get to the end of its with block"


# --- Case 4: upload ---

@exercise
def case_upload(function):
    """Call ``upload_report(orders, upload)`` with an upload that reads the rest of the open binary file."""
    orders = load_orders()
    received, receipt = [], "receipt 4711"

    def upload(open_file):
        if getattr(open_file, "closed", False):
            raise NotYet("upload got a closed file: closing the text layer closes the package below it too")
        if not hasattr(open_file, "read"):
            raise NotYet("upload wants an open file")
        content = open_file.read()
        if isinstance(content, str):
            raise NotYet("upload got text: the storage wants the binary file, package")
        open_file.seek(0)
        received.append((content, open_file.read()))
        return receipt

    with quietly():
        returned = function(orders, upload)
    if not received:
        raise NotYet("nothing was uploaded")
    content, in_package = received[-1]
    if rows_of(content) == table(orders) and returned != receipt:
        raise NotYet(f"the upload received 1,142 of 1,142 orders, but you return {returned!r}: return the receipt, "
                     "which is what upload returns")
    if rows_of(content) == table(orders):
        return "the upload received 1,142 of 1,142 orders"
    complete = rows_of(in_package) == table(orders)
    if not content and complete:
        raise NotYet("the upload received 0 of 1,142 orders: all are in the package, but it stands at its end, "
                     "and from there nothing is left to read")
    if not content:
        raise NotYet("the upload received 0 of 1,142 orders: the package stands at its end, and the last rows are not "
                     f"even in it: {why_still_waiting(code_of(function)) or 'they wait in the text layer'}")
    if table(orders)[:2] == rows_of(in_package)[:2]:
        why = why_still_waiting(code_of(function)) or "they still wait in the text layer, above the package"
        raise NotYet(f"the upload lacks the last orders: {why}")
    raise NotYet("the upload received orders without their beginning: the package went back to its start, and then "
                 "the last rows were written over the first")


# --- Case 5: history ---

@exercise
def case_history(function):
    """Call ``append_day(orders, path)`` on histories as people have them.

    They are missing, whole, empty, edited by hand (the last line end is gone), or saved with Unix line ends.
    """
    orders = load_orders()
    monday, tuesday, wednesday = orders[:3], orders[3:5], orders[5:7]
    whole = csv_bytes(monday)
    for start, before, days in [
        ("missing", None, [tuesday, wednesday]),
        ("whole", whole, [tuesday, wednesday]),
        ("empty", b"", [tuesday]),
        ("edited", whole.rstrip(b"\r\n"), [tuesday, wednesday]),
        ("saved with \\n", whole.replace(b"\r\n", b"\n"), [tuesday]),
    ]:
        with temporary_folder() as folder, quietly():
            path = Path(folder) / "history.csv"
            if before is not None:
                path.write_bytes(before)
            returned = [function(day, path) for day in days]
            content = content_of(path)
        expected = table(([*monday] if before else []) + [order for day in days for order in day])
        _judge_history(start, list(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))), expected)
        if returned != [len(day) for day in days]:
            raise NotYet(f"the history is right, but append_day returned {returned[0]!r}, not the number of orders")
    return "missing, empty, whole or edited by hand: one header, and every order in a row of its own"


def _judge_history(start, rows, expected):
    if rows == expected:
        return
    if start in ("missing", "empty") and expected[0] not in rows:
        raise NotYet(f"a history that was {start} has no header afterwards" + (
            ": when you ask whether the file exists, open() has just made it" if start == "missing"
            else ": such a file exists, and still it needs one"))
    if rows.count(expected[0]) > 1:
        raise NotYet("the history has a second header in the middle: it is not new on the second day")
    if [] in rows and start == "saved with \\n":
        raise NotYet("there is an empty line in the history: an editor had saved it with \\n, which is a line end too")
    if [] in rows:
        raise NotYet("there is an empty line in the history: the last row had its line end already")
    if any(len(row) > len(expected[0]) for row in rows):
        raise NotYet("after an edit by hand the first new order is glued to the last old one: that row had no line end")
    if len(rows) < len(expected):
        raise NotYet(f"the history holds {orders_in(rows)} of {orders_in(expected)} orders: old ones are gone")
    raise NotYet(f"the history that was {start} does not hold the orders in their rows and columns")


# --- Case 6: archive ---

UNPACK = """
import gzip, json, sys
content = open(sys.argv[1], "rb").read()
answer = {"bytes": len(content), "compressed": content.startswith(b"\\x1f\\x8b")}
try:
    answer["content"] = gzip.open(sys.argv[1]).read().hex()
except Exception as error:
    answer["error"] = type(error).__name__
print(json.dumps(answer))
"""


@exercise
def case_archive(function):
    """Call ``archive_day(orders, path, announce)``; once it is announced, another process unpacks the archive."""
    code = code_of(function)
    for orders in [load_orders()[:2], load_orders()]:
        found = []
        with temporary_folder() as folder, quietly():
            path = Path(folder) / "orders.csv.gz"
            function(orders, path, lambda name: found.append(json.loads(run_python(UNPACK, name).stdout or "{}")))
        if not found:
            raise NotYet("the archive was never announced")
        if not found[0]:
            raise NotYet("the archive server finds no such file")
        if rows_of(bytes.fromhex(found[0].get("content", ""))) == table(orders):
            continue
        raise NotYet(f"with {len(orders):,} orders, the archive server {_why_not_unpacked(found[0], code)}")
    return "the archive server unpacks 2 of 2 and 1,142 of 1,142 orders"


def _why_not_unpacked(found, code):
    if found["bytes"] and not found["compressed"]:
        return "finds a file that is not compressed: gzip.open makes the archive"
    if "gzip" in code and ("fileobj" in code or "open(" in code.replace("gzip.open(", "")):
        return "cannot unpack all of them: closing the archive has not closed the file below it"
    if found["bytes"] == 0:
        return "finds 0 bytes: nothing has been sent when you announce it"
    if found.get("error") == "EOFError" and "fsync" in code:
        return "stops with EOFError: fsync sends what is there, and the end is not"
    if found.get("error") == "EOFError":
        return "stops with EOFError: the end of an archive is written by close()"
    return "cannot unpack all of them"


# --- Case 7: background ---

@exercise
def case_background(function):
    """Run ``save_in_background(orders, path)`` as a program of its own, let it end, and count its rows.

    A thread that the program does not wait for comes too late there: other_process.py says how.
    """
    orders = load_orders()[:25]
    with temporary_folder() as folder:
        path = Path(folder) / "orders.csv"
        ended = run_as_program(function, save_with_bad_luck, path, json.dumps(orders))
        rows = rows_of(content_of(path))
    if rows == table(orders):
        return "the program ended by itself, and 25 of 25 orders are in the file"
    raise NotYet(f"the program ended with exit code {ended}, and the file holds {orders_in(rows)} of 25 orders: "
                 f"{_why_left_early(code_of(function))}")


def _why_left_early(code):
    if ".empty()" in code:
        return "an empty queue does not say that no more orders will come; the thread may look too early"
    if "put(None" in code or "break" in code:
        return "your thread learns that it is over, but the program does not wait until it has closed the file"
    if re.search(r"\.join\((timeout|\d)", code):
        return "join() with a timeout gives up, and the thread still waits for another order"
    if "sleep" in code:
        return "however long you wait, nobody flushes"
    if ".flush()" in code and "task_done()" in code and code.rindex(".flush()") > code.index("task_done()"):
        return "after the last task_done() the program goes on and ends; your flush comes behind it"
    if ".flush()" in code:
        return "your flush does not run after the last row"
    return "join() on a queue waits until task_done() was called for each row, not until the rows are in the file"


# --- Case 8: publish ---

class WatchedOrders(list):
    """Orders that let a second reader look at ``target`` each time one of them is taken.

    ``part_seen`` is what the reader found there that was neither the old file nor the whole new one.
    """

    def __init__(self, orders, target):
        super().__init__(orders)
        self.target, self.old, self.new, self.part_seen = target, target.read_bytes(), table(orders), None

    def __iter__(self):
        for order in list.__iter__(self):
            content = content_of(self.target)
            if content != self.old and self.part_seen is None and rows_of(content) != self.new:
                self.part_seen = content
            yield order


class SmallDisk(io.FileIO):
    """A file on a disk with room for 3,000 bytes; what does not fit is refused, as a full disk does."""

    def write(self, data):
        room = 3000 - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:room])


@exercise
def case_publish(function):
    """Call ``publish(orders, target)`` where it went wrong, and look at the target as its readers do.

    The temp folder lies on another disk than the target. A second reader looks at the target after every
    order. The rules of Windows hold on every system: an open file is neither moved nor removed, and os.rename
    does not replace. Then the same on a disk with little room, where the old target must stay and nothing else.
    """
    for publish in (_publish_normally, _publish_on_small_disk):
        with temporary_folder() as folder, quietly(), _shop(Path(folder)) as (target, temp), \
                removal_as_on_windows() as refused:
            publish(function, target, temp, refused)
    return ("readers see the old file or the new one with 1,142 orders; on a full disk the old one stays, and nothing "
            "else")


@contextlib.contextmanager
def _shop(folder):
    """Make a folder with a target in it, and a temp folder elsewhere; give both."""
    (folder / "shop").mkdir()
    (folder / "temp").mkdir()
    target = folder / "shop" / "orders.csv"
    target.write_bytes(csv_bytes(load_orders()[:3]))
    with mock.patch.object(tempfile, "tempdir", str(folder / "temp")):
        yield target, folder / "temp"


class WatchedMoves:
    """os.replace and os.rename as Windows has them, between two disks; what they refuse is added to ``refused``."""

    def __init__(self, orders, refused):
        self.orders, self.target, self.refused = orders, orders.target, refused
        self.done, self.from_other_disk, self.renamed = False, False, False
        self.really_replace = os.replace

    def replace(self, src, dst, **others):
        self._look_before(src)
        if not Path(src).resolve().is_relative_to(self.target.parent.resolve()):
            self.from_other_disk = True
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rows = rows_of(Path(src).read_bytes())
        if rows != self.orders.new:
            self._refuse(f"the new file held {orders_in(rows):,} of 1,142 orders when it was moved: "
                         "the rest was still in your program")
        if open_files(src):
            self._refuse("all 1,142 orders are there, but the file is still open when it is moved: "
                         "Windows refuses that")
        self.really_replace(src, dst, **others)
        self.done = True

    def rename(self, src, dst, **others):
        self._look_before(src)
        if open_files(src):
            self._refuse("the file is still open when it is moved: Windows refuses that, and its last rows may still "
                         "be in your program")
        self.renamed = True
        raise FileExistsError(errno.EEXIST, "os.rename does not replace a file on Windows")

    def _look_before(self, source):
        if not Path(source).exists():
            self._refuse("the new file is gone when you want to move it: with delete=True the block removes it")
        moved_away = self.target.exists() and os.path.samefile(source, self.target)
        if not self.done and (moved_away or content_of(self.target) != self.orders.old):
            self._refuse("just before the move readers no longer find the old file in the target: os.replace needs no "
                         "such gap")

    def _refuse(self, sentence):
        self.refused.append(sentence)
        raise NotYet(sentence)


def _publish_normally(function, target, temp, refused):
    orders, stopped = WatchedOrders(load_orders(), target), None
    moves = WatchedMoves(orders, refused)
    with mock.patch.object(os, "replace", moves.replace), mock.patch.object(os, "rename", moves.rename):
        try:
            function(orders, target)
        except Exception as error:
            stopped = error
    if refused:
        raise NotYet(refused[0])
    if moves.done and isinstance(stopped, FileNotFoundError):
        raise NotYet("after a good move nothing has the new file's first name any more: remove it only when something "
                     "failed")
    if stopped and not moves.done and moves.from_other_disk:
        raise NotYet("os.replace stopped with Invalid cross-device link: the new file lies on another disk "
                     "than the target")
    if stopped and not moves.done and moves.renamed:
        raise NotYet("os.rename does not replace a file on Windows; os.replace does, everywhere")
    if stopped:
        raise stopped
    if orders.part_seen is not None:
        raise NotYet(f"a reader in the middle finds {orders_in(rows_of(orders.part_seen)):,} of 1,142 orders "
                     "in the target: you write where others read")
    rows = rows_of(content_of(target))
    if rows == orders.new and not moves.done:
        raise NotYet("the target was copied together piece by piece: a reader in the middle finds a part of it")
    if rows != orders.new:
        raise NotYet(f"the target holds {orders_in(rows):,} orders afterwards, not the new 1,142")
    _nothing_left(target, temp, "afterwards")


def _publish_on_small_disk(function, target, temp, refused):
    old, stopped, small_open = target.read_bytes(), False, open_with(raw=SmallDisk)
    with open_replaced(function, small_open):
        try:
            function(load_orders(), target)
        except (Exception, SystemExit):
            stopped = True
    if refused:
        raise NotYet(refused[0])
    if content_of(target) != old:
        raise NotYet(f"the disk was full, and readers now find {orders_in(rows_of(content_of(target))):,} of 1,142 "
                     "orders in the target: the old file is lost")
    _nothing_left(target, temp, "after the disk was full")
    if not stopped:
        raise NotYet("the disk was full, and publish() did not say so: let the error through")


def _nothing_left(target, temp, when):
    left = [path for path in [*target.parent.iterdir(), *temp.iterdir()] if path != target]
    if left:
        raise NotYet(f"{when} an unfinished file is left beside the target" if left[0].parent == target.parent
                     else f"{when} a file is left in the temp folder")
