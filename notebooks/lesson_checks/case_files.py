"""Checks for notebook 09, Case files.

Each check runs the repaired program under the condition that broke it and says what was seen there.
The learner's source is read for two purposes only: to run it in a process that may die, and to choose
the sentence that helps.
"""
import ast
import builtins
import contextlib
import csv
import errno
import gc
import inspect
import io
import json
import os
import subprocess
import tempfile
import warnings
from pathlib import Path
from unittest import mock

from lesson_checks.common import (
    NotYet,
    code_of,
    exercise,
    load_orders,
    read_by_another_process,
    run_python,
    temporary_folder,
)

__all__ = ["case_labels", "case_debug", "case_logger", "case_upload", "case_history", "case_archive",
           "case_background", "case_publish"]

NOTEBOOKS = Path(__file__).resolve().parents[1]


# --- What the cases share ---

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


def program_of(function):
    """Return Python source that defines ``function`` and all that it uses of the notebook, for another process."""
    if not code_of(function):
        raise NotYet("the check could not read your function: write it in the cell, with def")
    lines = [f"import sys; sys.path.append({str(NOTEBOOKS)!r})"]
    lines += _definitions(function, function.__globals__, {function.__name__})
    return "\n".join(lines) + f"\nlearner = {function.__name__}\n"


def _definitions(thing, namespace, seen):
    source = _class_source(thing) if inspect.isclass(thing) else code_of(thing)
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    # A notebook's namespace has its own open(); another process uses the one that every Python has.
    for name in sorted((names & namespace.keys()) - seen - set(dir(builtins))):
        seen.add(name)
        value = namespace[name]
        if inspect.ismodule(value):
            yield f"import {value.__name__} as {name}"
        elif getattr(value, "__module__", None) == thing.__module__ and (inspect.isfunction(value) or inspect.isclass(value)):
            yield from _definitions(value, namespace, seen)
        elif inspect.isroutine(value) or inspect.isclass(value):
            yield f"from {value.__module__} import {value.__qualname__} as {name}"
        elif isinstance(value, (int, float, str, bytes, tuple, list, dict, type(None))):
            yield f"{name} = {value!r}"
    yield source


def _class_source(cls):
    # Before Python 3.13 inspect finds no source of a class that was defined in a cell, but that of its methods.
    for method in filter(inspect.isfunction, vars(cls).values()):
        for node in ast.walk(ast.parse("".join(inspect.findsource(method)[0]))):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                return ast.unparse(node)
    return code_of(cls)


ATTEMPT = """
import json, os, sys
def attempt(*arguments):
    try:
        learner(*arguments)
    except NotImplementedError:
        os._exit(70)
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}")
        sys.stderr.flush()
        os._exit(71)
"""


def run_as_program(function, script, *arguments):
    """Run ``function`` in a process of its own, called by ``script`` through attempt(); return the exit code."""
    try:
        ended = run_python(program_of(function) + ATTEMPT + script, *arguments)
    except subprocess.TimeoutExpired:
        raise NotYet("your program does not end") from None
    if ended.returncode == 70:
        raise NotImplementedError
    if ended.returncode == 71:
        raise NotYet(f"your code stopped with {ended.stderr}")
    return ended.returncode


# --- Case 1: labels ---

@exercise
def case_labels(function):
    """Call ``print_labels(orders, send_to_printer)``; the printer is another process that opens the file by name.

    It follows the rule of Windows on every system: a temporary file that is open with delete=True cannot be
    opened a second time. Afterwards no file may be left.
    """
    orders = load_orders()[:40]
    expected = [["shop", "postcode"], *[[order["shop"], order["postcode"]] for order in orders]]
    opened, sent = [], []
    make = tempfile.NamedTemporaryFile

    def remember(*args, **options):
        file = make(*args, **options)
        opened.append((file, options.get("delete", True) and options.get("delete_on_close", True)))
        return file

    def send_to_printer(name):
        if not isinstance(name, (str, os.PathLike)):
            raise NotYet("the printer wants the name of the file")
        locked = any(delete and not file.closed and Path(file.name) == Path(name) for file, delete in opened)
        sent.append((Path(name), locked, read_by_another_process(name)))

    names = getattr(function, "__globals__", {})
    imported = {name: remember for name, value in names.items() if value is make}
    with temporary_folder() as folder, quietly(), mock.patch.object(tempfile, "tempdir", folder), \
            mock.patch.object(tempfile, "NamedTemporaryFile", remember), mock.patch.dict(names, imported):
        function(orders, send_to_printer)
        left = list(Path(folder).iterdir()) + [name for name, _, _ in sent if name.exists()]
    if not sent:
        raise NotYet("nothing was sent to the printer")
    for _, locked, content in sent:
        if locked and ".flush()" in code_of(function):
            raise NotYet("works on Linux and macOS, not on Windows: while it is open with delete=True, no other program "
                         "may open the file there")
        if locked:
            raise NotYet("the printer finds 0 of 40 labels: inside the block they are not flushed, and Windows lets no "
                         "other program open the file")
        if content is None:
            raise NotYet("the printer finds no file of that name: it was removed when the block ended")
        if rows_of(content) != expected:
            raise NotYet(f"the printer finds {orders_in(rows_of(content))} of 40 labels")
    if left:
        raise NotYet("the printer finds 40 of 40 labels, but a file with addresses is left in the temp folder")
    return "the printer finds 40 of 40 labels, and no file is left"


# --- Case 2: debug ---

@exercise
def case_debug(function):
    """Call ``nightly_export(orders, path, upload)`` for a quiet day (2 orders) and a busy one (1,142).

    The uploader is another process that opens the file by name.
    """
    code = code_of(function)
    for day, orders in [("quiet", load_orders()[:2]), ("busy", load_orders())]:
        found = []
        with temporary_folder() as folder, quietly():
            path = Path(folder) / "orders.csv"
            function(orders, path, lambda name: found.append(read_by_another_process(name)))
        if not found:
            raise NotYet("nothing was uploaded")
        rows = rows_of(min((content or b"" for content in found), key=len))
        if rows == table(orders):
            continue
        seen = f"on the {day} day the uploader finds {orders_in(rows):,} of {len(orders):,} orders"
        if "sleep" in code:
            raise NotYet(f"{seen}: it is not the time that debug takes; nobody sends the rows on while you wait")
        if "flush=True" in code:
            raise NotYet(f"{seen}: print(flush=True) flushes the screen, not the export")
        if "fsync" in code and ".flush()" not in code:
            raise NotYet(f"{seen}: fsync works on what the operating system has, and the rows are still in your program")
        if "buffer.flush" in code:
            raise NotYet(f"{seen}: export.buffer.flush() works one layer below the rows")
        if ".flush()" in code:
            raise NotYet(f"{seen}: your flush does not come after the last row")
        raise NotYet(f"{seen}. What does the debug line do besides printing?")
    if ".flush()" not in code and "tell()" in code and "if debug" not in code:
        return "both days arrive whole. tell() has flushed by the way; flush() would say so to the next reader"
    return "the quiet day and the busy day arrive whole, without debug"


# --- Case 3: logger ---

LOGGER = """
path, cooling = sys.argv[1], [("08:%02d" % minute, 4.0 + minute / 10) for minute in range(7)]
def readings():
    yield from cooling
    os._exit(9)  # the plug is pulled: nothing gets a last chance
attempt(readings(), path)
os._exit(72)
"""


@exercise
def case_logger(function):
    """Run ``log_temperatures(readings, path)`` as a program that dies after 7 readings, and read its file."""
    code = code_of(function)
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        died = run_as_program(function, LOGGER, path)
        rows = rows_of(read_by_another_process(path) or b"")
    if died == 72:
        raise NotYet("your program returned before it had taken all readings")
    survived = [row for row in rows if row != ["time", "celsius"]]
    expected = [[f"08:{minute:02}", str(4.0 + minute / 10)] for minute in range(7)]
    if survived == expected and ["time", "celsius"] in rows:
        return "the program was killed after 7 readings, and 7 are in the file"
    seen = f"the program was killed after 7 readings, and {len(survived)} of 7 are in the file"
    if "atexit" in code or "finally" in code:
        raise NotYet(f"{seen}: a killed process runs neither finally nor atexit")
    if "signal" in code:
        raise NotYet(f"{seen}: there are ends that no signal handler sees, such as a pulled plug")
    if "fsync" in code and ".flush()" not in code:
        raise NotYet(f"{seen}: fsync works on what the operating system has, and the rows are still in your program")
    if "buffering=" in code and "buffering=1," not in code and "buffering=1)" not in code:
        raise NotYet(f"{seen}: buffering= sets the byte buffer, and the text layer above it still keeps the rows")
    if ".flush()" in code:
        raise NotYet(f"{seen}: your flush does not run after every reading")
    raise NotYet(f"{seen}: a killed process does not get to the end of its with block")


# --- Case 4: upload ---

@exercise
def case_upload(function):
    """Call ``upload_report(orders, upload)`` with an upload that reads the rest of the open binary file."""
    orders = load_orders()
    received = []

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
        return len(content)

    with quietly():
        function(orders, upload)
    if not received:
        raise NotYet("nothing was uploaded")
    content, in_package = received[-1]
    if rows_of(content) == table(orders):
        return "the upload received 1,142 of 1,142 orders"
    complete = rows_of(in_package) == table(orders)
    if not content and complete:
        raise NotYet("the upload received 0 of 1,142 orders: all are in the package, but it stands at its end, "
                     "and from there nothing is left to read")
    if not content:
        raise NotYet("the upload received 0 of 1,142 orders: the package stands at its end, and the last rows are not "
                     "even in it: they wait in the text layer")
    if table(orders)[:2] == rows_of(in_package)[:2]:
        raise NotYet("the upload lacks the last orders: they still wait in the text layer, above the package")
    raise NotYet("the upload received orders without their beginning: the package went back to its start, and then "
                 "the last rows were written over the first")


# --- Case 5: history ---

@exercise
def case_history(function):
    """Call ``append_day(orders, path)`` on histories as people have them: missing, whole, empty, edited by hand."""
    orders = load_orders()
    monday, tuesday, wednesday = orders[:3], orders[3:5], orders[5:7]
    whole = _as_bytes(table(monday))
    for start, before, days in [
        ("missing", None, [tuesday, wednesday]),
        ("whole", whole, [tuesday, wednesday]),
        ("empty", b"", [tuesday]),
        ("edited", whole.rstrip(b"\r\n"), [tuesday, wednesday]),
    ]:
        with temporary_folder() as folder, quietly():
            path = Path(folder) / "history.csv"
            if before is not None:
                path.write_bytes(before)
            for day in days:
                function(day, path)
            content = path.read_bytes() if path.exists() else b""
        expected = table(([*monday] if before else []) + [order for day in days for order in day])
        _judge_history(start, list(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))), expected)
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
    if [] in rows:
        raise NotYet("there is an empty line in the history: the last row had its line end already")
    if any(len(row) > len(expected[0]) for row in rows):
        raise NotYet("after an edit by hand the first new order is glued to the last old one: that row had no line end")
    if len(rows) < len(expected):
        raise NotYet(f"the history holds {orders_in(rows)} of {orders_in(expected)} orders: old ones are gone")
    raise NotYet(f"the history that was {start} does not hold the orders in their rows and columns")


def _as_bytes(rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8")


# --- Case 6: archive ---

UNPACK = """
import gzip, json, sys
answer = {"bytes": len(open(sys.argv[1], "rb").read())}
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
        seen = f"of {len(orders):,} orders"
        if "fileobj" in code or "open(" in code.replace("gzip.open(", ""):
            raise NotYet(f"the archive server cannot unpack all {seen}: closing the archive has not closed "
                         "the file below it")
        if found[0]["bytes"] == 0:
            raise NotYet(f"the archive server finds 0 bytes {seen}: nothing has been sent when you announce it")
        if found[0].get("error") == "EOFError" and "fsync" in code:
            raise NotYet(f"the archive server stops with EOFError {seen}: fsync sends what is there, and the end is not")
        if found[0].get("error") == "EOFError":
            raise NotYet(f"the archive server stops with EOFError {seen}: the end of an archive is written by close()")
        raise NotYet(f"the archive server cannot unpack all {seen}")
    return "the archive server unpacks 2 of 2 and 1,142 of 1,142 orders"


# --- Case 7: background ---

BACKGROUND = """
import builtins, io, threading, time
path, orders = sys.argv[1], json.loads(sys.argv[2])
class SlowFile(io.TextIOWrapper):  # on a network drive, closing takes a moment
    def close(self):
        if not self.closed:
            time.sleep(0.3)
        super().close()
plain_open = builtins.open
def slow_open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **others):
    if str(file) != path or "b" in mode or not set(mode) & set("wax"):
        return plain_open(file, mode, buffering, encoding, errors, newline, **others)
    below = plain_open(file, mode.replace("t", "") + "b", -1 if buffering == 1 else buffering)
    return SlowFile(below, encoding, errors, newline, line_buffering=buffering == 1)
builtins.open = slow_open
def give_up():
    time.sleep(3)
    os._exit(73)
threading.Thread(target=give_up, daemon=True).start()
attempt(orders, path)
"""


@exercise
def case_background(function):
    """Run ``save_in_background(orders, path)`` as a program of its own, let it end, and count its rows.

    Closing the file takes 0.3 seconds there, as on a network drive. A program that has not ended after 3
    seconds is stopped.
    """
    code = code_of(function)
    orders = load_orders()[:25]
    with temporary_folder() as folder:
        path = Path(folder) / "orders.csv"
        ended = run_as_program(function, BACKGROUND, path, json.dumps(orders))
        rows = rows_of(read_by_another_process(path) or b"")
    if ended == 73:
        raise NotYet("your program does not end: a thread waits for a row, or join() for a task_done(), that never comes")
    if rows == table(orders):
        return "the program ended by itself, and 25 of 25 orders are in the file"
    seen = f"the program ended with exit code {ended}, and the file holds {orders_in(rows)} of 25 orders"
    if "None" in code or "break" in code:
        raise NotYet(f"{seen}: your thread learns that it is over, but the program does not wait until it has closed the file")
    if "sleep" in code:
        raise NotYet(f"{seen}: however long you wait, nobody flushes")
    if ".flush()" in code:
        raise NotYet(f"{seen}: your flush does not run after the last row")
    raise NotYet(f"{seen}: join() on a queue waits until the rows were taken, not until they are in the file")


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
            content = _content(self.target)
            if content != self.old and self.part_seen is None and rows_of(content) != self.new:
                self.part_seen = content
            yield order


def _content(path):
    return path.read_bytes() if path.exists() else b""


class SmallDisk(io.FileIO):
    """A file on a disk with room for 3,000 bytes; what does not fit is refused, as a full disk does."""

    def write(self, data):
        room = 3000 - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:room])


_plain_open = io.open


def open_on_small_disk(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """Do what open() does, on a SmallDisk."""
    if not set(mode) & set("wax+"):
        return _plain_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw = SmallDisk(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    below = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
    return below if "b" in mode else io.TextIOWrapper(below, encoding, errors, newline, line_buffering=buffering == 1)


@exercise
def case_publish(function):
    """Call ``publish(orders, target)`` where it went wrong, and look at the target as its readers do.

    The temp folder lies on another disk than the target. A second reader looks at the target after every
    order. The rules of Windows hold on every system: an open file is not moved, and os.rename does not
    replace. Then the same on a disk with little room, where the old target must stay and nothing else.
    """
    with temporary_folder() as folder, quietly():
        _publish_normally(function, Path(folder))
    with temporary_folder() as folder, quietly():
        _publish_on_small_disk(function, Path(folder))
    return "readers see the old file or the new one with 1,142 orders; on a full disk the old one stays, and nothing else"


@contextlib.contextmanager
def _shop(folder):
    """Make a folder with a target in it, and a temp folder elsewhere; give both."""
    (folder / "shop").mkdir()
    (folder / "temp").mkdir()
    target = folder / "shop" / "orders.csv"
    target.write_bytes(_as_bytes(table(load_orders()[:3])))
    with mock.patch.object(tempfile, "tempdir", str(folder / "temp")):
        yield target, folder / "temp"


def _publish_normally(function, folder):
    with _shop(folder) as (target, temp):
        orders = WatchedOrders(load_orders(), target)
        moves = []
        replace = os.replace

        def watched_replace(source, destination, **others):
            if not Path(source).exists():
                raise NotYet("the new file is gone when you want to move it: with delete=True the block removes it")
            if not Path(source).resolve().is_relative_to(target.parent.resolve()):
                moves.append("other disk")
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            rows = rows_of(Path(source).read_bytes())
            if rows != orders.new:
                raise NotYet(f"the new file held {orders_in(rows):,} of 1,142 orders when it was moved: "
                             "the rest was still in your program")
            if _is_open(source):
                raise NotYet("all 1,142 orders are there, but the file is still open when it is moved: "
                             "Windows refuses that")
            replace(source, destination, **others)
            moves.append("done")

        def watched_rename(source, destination, **others):
            moves.append("renamed")
            raise FileExistsError(errno.EEXIST, "os.rename does not replace a file on Windows")

        stopped = None
        with mock.patch.object(os, "replace", watched_replace), mock.patch.object(os, "rename", watched_rename):
            try:
                function(orders, target)
            except OSError as error:
                stopped = error
        if stopped is not None and "done" not in moves:
            if "other disk" in moves:
                raise NotYet("os.replace stopped with Invalid cross-device link: the new file lies on another disk "
                             "than the target")
            if "renamed" in moves:
                raise NotYet("os.rename does not replace a file on Windows; os.replace does, everywhere")
        if stopped is not None:
            raise stopped
        if orders.part_seen is not None:
            raise NotYet(f"a reader in the middle finds {orders_in(rows_of(orders.part_seen)):,} of 1,142 orders "
                         "in the target: you write where others read")
        rows = rows_of(_content(target))
        if rows == orders.new and "done" not in moves:
            raise NotYet("the target was copied together piece by piece: a reader in the middle finds a part of it")
        if rows != orders.new:
            raise NotYet(f"the target holds {orders_in(rows):,} orders afterwards, not the new 1,142")
        _nothing_left(target, temp, "afterwards")


def _publish_on_small_disk(function, folder):
    with _shop(folder) as (target, temp):
        old, stopped = target.read_bytes(), False
        # A notebook's namespace has its own open(), beside the one that every Python has.
        names = getattr(function, "__globals__", {})
        with mock.patch.object(io, "open", open_on_small_disk), mock.patch.object(builtins, "open", open_on_small_disk), \
                mock.patch.dict(names, open=open_on_small_disk):
            try:
                function(load_orders(), target)
            except OSError:
                stopped = True
        if _content(target) != old:
            raise NotYet(f"the disk was full, and readers now find {orders_in(rows_of(_content(target))):,} of 1,142 "
                         "orders in the target: the old file is lost")
        _nothing_left(target, temp, "after the disk was full")
        if not stopped:
            raise NotYet("the disk was full, and publish() did not say so: let the error through")


def _nothing_left(target, temp, when):
    left = [path for path in [*target.parent.iterdir(), *temp.iterdir()] if path != target]
    if left:
        raise NotYet(f"{when} an unfinished file is left beside the target" if left[0].parent == target.parent
                     else f"{when} a file is left in the temp folder")


def _is_open(path):
    """Say whether this process still has the file ``path`` open."""
    wanted = os.stat(path)
    for thing in gc.get_objects():
        if isinstance(thing, io.FileIO) and not thing.closed:
            with contextlib.suppress(OSError, ValueError):
                if os.path.samestat(os.fstat(thing.fileno()), wanted):
                    return True
    return False
