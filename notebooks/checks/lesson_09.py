"""Checks for notebook 09, Case files.

Each check runs the repaired program under the condition that broke it and says what was seen there.
The learner's source is read only to choose the sentence that helps.
"""
import contextlib
import csv
import errno
import gc
import gzip
import inspect
import io
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from unittest import mock

from checks.common import (
    NotYet,
    as_program,
    calls_in,
    code_of,
    csv_bytes,
    exercise,
    first_difference,
    load_orders,
    named_but_not_called,
    names_called,
    one_letter,
    read_by_another_process,
    run_python,
    temporary_folder,
    what_stopped,
    why_still_waiting,
)
from checks.threads import (
    TOO_QUIET,
    OrdersThatFail,
    SmallDisk,
    log_until_the_plug_is_pulled,
    open_with,
    save_on_full_disk,
    save_until_the_orders_fail,
    save_with_bad_luck,
)
from checks.windows import HAS_PERMISSIONS, as_on_windows, is_open_and_marked, open_files, open_replaced, removal_as_on_windows

__all__ = ["price_list", "case_debug", "case_logger", "archive_check", "case_archive", "case_upload", "case_labels",
           "case_history", "case_background", "case_publish"]


# --- What the cases share ---

def content_of(path):
    """Return the bytes of the file ``path``, none when there is no such file."""
    return path.read_bytes() if path.exists() else b""


def rows_of(content):
    """Return the rows (lists) in ``content``, the bytes of a CSV file, header first, blank lines left out."""
    return [row for row in lines_of(content) if row]


def lines_of(content):
    """Return the rows (lists) in ``content``, the bytes of a CSV file, with an empty list for each blank line."""
    return list(csv.reader(io.StringIO(content.decode("utf-8", errors="replace"), newline="")))


def table(orders):
    """Return ``orders`` (dictionaries) as the rows that a complete CSV file holds, header first."""
    return [list(orders[0]), *[list(order.values()) for order in orders]]


def orders_in(rows):
    """Count the data rows among ``rows``, the header not counted."""
    return max(0, len(rows) - 1)


def short_or_other(rows, orders):
    """Return what is wrong with ``rows`` that should be those of ``orders``: how many there are, or the first difference."""
    if len(rows) < len(table(orders)) and rows[:1] in ([], table(orders)[:1]):
        return f"{orders_in(rows):,} of {len(orders):,} orders"
    return f"other rows: {first_difference(table(orders), rows)}"


@contextlib.contextmanager
def quietly():
    """Keep Python from reporting the files that a broken program leaves open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect(0)


def once(calls, what):
    """Raise NotYet unless ``calls`` has exactly one entry; ``what`` was done by each of them."""
    if not calls:
        raise NotYet(f"{what} 0 times: call it once")
    if len(calls) > 1:
        raise NotYet(f"{what} {len(calls)} times: once is what was asked for")


def flushes_the_screen(function):
    """Tell whether ``function`` flushes the screen and no file."""
    flushed = {name.removesuffix(".flush") for name in calls_in(function) if name.endswith(".flush")}
    return bool(flushed) and flushed <= {"sys.stdout", "stdout"}


def wants_a_name(name, who):
    """Raise NotYet unless ``name`` is the name of a file."""
    if not isinstance(name, str | os.PathLike):
        raise NotYet(f"{who} wants the name of the file")


def let_fail(function, *arguments, when, **named):
    """Call ``function`` with an order list that fails; return whether it failed. Raises NotYet when it says nothing."""
    orders = OrdersThatFail(load_orders()[:10])
    try:
        function(orders, *arguments, **named)
    except NotYet:
        raise
    except (Exception, SystemExit):
        return True
    if orders.raised:
        raise NotYet(f"{when} your function returns as if all went well: let the error through")
    return False


# --- The worked case: the price list ---

STOCK = Path(__file__).resolve().parents[1] / "bench" / "stock.py"
LINES = {"A": lambda prices: os.fsync(prices.fileno()), "B": lambda prices: prices.buffer.flush(), "C": lambda prices: prices.flush(),
         "D": lambda prices: None}
WHY_NOT = {"A": "fsync works on what the operating system has, and the header is still in your program",
           "B": "that sends on what is in the byte buffer, and the header is in the text layer above it",
           "D": "by then the rows are in the file already, and the header comes behind them"}


@exercise
def price_list(my_line):
    """Write the price list once more, with the line that was chosen."""
    letter = one_letter(my_line, "ABCD")
    with temporary_folder() as folder:
        path = Path(folder) / "prices.csv"
        with open(path, "w", newline="", encoding="utf-8") as prices:
            prices.write("item,price\r\n")
            LINES[letter](prices)
            subprocess.run([sys.executable, "-I", STOCK], stdout=prices, check=True)
            if letter == "D":
                prices.flush()
        lines = path.read_text(encoding="utf-8").splitlines()
    if lines[0] != "item,price":
        raise NotYet(f"with {letter} the first line is {lines[0]}, and the last is {lines[-1]}: {WHY_NOT[letter]}")
    return f"with {letter} the first line is {lines[0]}, and the rows follow it"


# --- It works when I look ---

ONLY_THE_SCREEN = "sys.stdout.flush() flushes the screen, not your file"


@exercise
def case_debug(function):
    """Call ``nightly_export(orders, path, upload)`` for a quiet day and a busy one, without debug and with it.

    The uploader is another process that opens the file by name. Then an order raises an error, and nothing may be uploaded.
    """
    debug = inspect.signature(function).parameters.get("debug")
    for looking in [False, True] if debug else [False]:
        for day, orders in [("quiet", load_orders()[:3]), ("busy", load_orders()[:1141])]:
            _export_by_night(function, orders, day, debug, looking)
    uploaded = []
    with temporary_folder() as folder, quietly():
        failed = let_fail(function, Path(folder) / "orders.csv", uploaded.append, when="when an order raises an error,")
    if failed and uploaded:
        raise NotYet("when an order raises an error, your function uploads the file all the same, with a part of the orders")
    return "3 of 3 and 1,141 of 1,141 orders arrive" + (", with debug and without" if debug else "")


def _export_by_night(function, orders, day, debug, looking):
    found = []

    def upload(name):
        wants_a_name(name, "the uploader")
        found.append(read_by_another_process(name))

    with temporary_folder() as folder, quietly():
        try:
            function(orders, Path(folder) / "orders.csv", upload, **({"debug": looking} if debug else {}))
        except ValueError as error:
            if not looking or "closed file" not in str(error):
                raise
            raise NotYet(f"with debug=True, {what_stopped(error, function).rstrip('.')}: ask for the size while the file is open") from None
    once(found, "upload was called")
    rows = rows_of(found[0] or b"")
    if rows == table(orders):
        return
    seen = f"on the {day} day the uploader finds {short_or_other(rows, orders)}"
    if debug and debug.default is True:
        raise NotYet(f"{seen} as soon as debug is off again: debug=True hides the fault")
    if "other rows" in seen:
        raise NotYet(seen)
    if why_still_waiting(function):
        raise NotYet(f"{seen}: {why_still_waiting(function)}")
    if flushes_the_screen(function):
        raise NotYet(f"{seen}: {ONLY_THE_SCREEN}")
    if "flush" in names_called(function):
        raise NotYet(f"{seen}: no flush of the export runs between the last row and upload")
    raise NotYet(f"{seen}. What does the debug line do besides printing?")


# --- The cold store remembers nothing ---

WARM_AT_LAST = [("08:00", 4.0), ("08:01", 4.5), ("08:02", 8.5), ("08:03", 6.0), ("08:04", 7.5), ("08:05", 8.0), ("08:06", 9.5)]
COOL_AT_LAST = [("09:00", 8.5), ("09:01", 9.0), ("09:02", 8.0), ("09:03", 7.5), ("09:04", 4.0)]


@exercise
def case_logger(function):
    """Run ``log_temperatures(readings, path)`` as a program that dies after some readings; read its file and its screen."""
    for readings in [WARM_AT_LAST, COOL_AT_LAST]:
        with temporary_folder() as folder:
            path = Path(folder) / "log.csv"
            ended = as_program(function, path, readings, runner=log_until_the_plug_is_pulled)
            if not path.exists():
                raise NotYet(f"the program was killed after {len(readings)} readings, and there is no file at path")
            rows = rows_of(content_of(path))
        _judge_log(function, readings, rows)
        _judge_screen(readings, ended.printed)
    return "the program was killed after 7 readings, and 7 are in the file; after 5, and 5 are in it"


def _judge_log(function, readings, rows):
    expected, many = [[moment, str(celsius)] for moment, celsius in readings], len(readings)
    survived = [row for row in rows if row in expected]
    if rows == [["time", "celsius"], *expected]:
        return
    if survived == expected and rows[0] != ["time", "celsius"]:
        raise NotYet(f"the {many} readings are there, but the first line is {','.join(rows[0])}, not time,celsius")
    if survived == expected:
        raise NotYet(f"the {many} readings are there, but the file holds more than them and the header")
    if survived and rows[:1] != [["time", "celsius"]] and len(survived) < many and rows == survived:
        raise NotYet(f"of {many} readings {len(survived)} are in the file, and no header")
    raise NotYet(f"the program was killed after {many} readings, and {len(survived)} of {many} are in the file: "
                 f"{_why_log_is_short(function)}")


def _why_log_is_short(function):
    code, called = code_of(function), names_called(function)
    if re.search(r"^\s*finally:", code, re.MULTILINE) or "register" in called:
        return "a killed process runs neither finally nor atexit"
    if "signal" in called:
        return "there are ends that no signal handler sees, such as a pulled plug"
    if why_still_waiting(function):
        return why_still_waiting(function)
    if re.search(r"\bbuffering=(?!1\b)", code):
        return "buffering= sets the byte buffer, and the text layer above it still keeps the rows"
    if flushes_the_screen(function):
        return ONLY_THE_SCREEN
    if "flush" in called:
        return "your flush does not run after every reading"
    return "a killed process does not get to the end of its with block"


def _judge_screen(readings, printed):
    warm = [(moment, celsius) for moment, celsius in readings if celsius > 8]
    wanted = [f"warning {number}: {celsius} degrees at {moment}" for number, (moment, celsius) in enumerate(warm, start=1)]
    lines = [line.strip() for line in printed.splitlines()]
    seen = [line for line in lines if line in wanted]
    if seen != wanted:
        missing = next((line for line in wanted if line not in lines), wanted[0])
        raise NotYet("the readings are all in the file, but the screen does not show the warnings as before: "
                     f"missing, or not in its place, is {missing!r}")


# --- The archive without an end: the check, and the case ---

@exercise
def archive_check(function):
    """Call ``check_archive(path, orders)`` with two good archives and ten bad ones."""
    orders = load_orders()
    few, whole = orders[:3], csv_bytes(orders)
    with temporary_folder() as folder, quietly():
        path = Path(folder) / "orders.csv.gz"
        for good in [few, orders]:
            path.write_bytes(gzip.compress(csv_bytes(good)))
            refused = _refusal(function, path, good)
            if refused is not None:
                raise NotYet(f"your check refuses a good archive with {len(good):,} orders: {refused}")
        for what, content in [
            ("an empty file, of 0 bytes: gzip reads it as an archive with nothing in it", b""),
            ("an archive with a header and no orders", gzip.compress(csv_bytes(orders[:1]).split(b"\r\n")[0] + b"\r\n")),
            ("an archive that lacks the last order", gzip.compress(csv_bytes(orders[:-1]))),
            ("an archive whose last order is torn", gzip.compress(whole[:-12])),
            ("an archive with each order twice", gzip.compress(csv_bytes(orders + orders))),
            ("an archive with yesterday's orders, as many as today's", gzip.compress(csv_bytes(orders[:1] + orders[:-1]))),
            ("an archive in which one order stands twice, and another is missing",
             gzip.compress(csv_bytes(orders[:1] + orders[:1] + orders[2:]))),
            ("an archive without an end, as Ben's program leaves it", gzip.compress(whole)[:-8]),
            ("a file that is not compressed", whole),
            ("a file that is not there", None),
        ]:
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)
            if _refusal(function, path, orders) is None:
                raise NotYet(f"your check passes {what}")
            if content is not None and content_of(path) != content:
                raise NotYet("your check changes the file: open it for reading")
    return "it passes 2 good archives, and refuses an empty one, short ones, torn ones and 5 others"


def _refusal(function, path, orders):
    """Return what ``function`` says against the archive, or None when it passes it."""
    try:
        answer = function(path, orders)
    except (NameError, AttributeError, TypeError) as error:  # no refusal but a slip
        raise NotYet(what_stopped(error, function)) from None
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return "it returns False" if answer is False else None


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
    """Call ``archive_day(orders, path, announce)``; once it is announced, another process unpacks the archive.

    On the second day an archive of the name is there already. Then an order raises an error, and nothing may be announced.
    """
    for orders, before in [(load_orders()[:3], None), (load_orders()[3:], gzip.compress(csv_bytes(load_orders()[:3])))]:
        found = []

        def announce(name):
            wants_a_name(name, "the archive server")
            found.append(json.loads(run_python(UNPACK, name).stdout or "{}"))

        with temporary_folder() as folder, quietly():
            path = Path(folder) / "orders.csv.gz"
            if before:
                path.write_bytes(before)
            function(orders, path, announce)
        once(found, "announce was called")
        if not found[0]:
            raise NotYet("the archive server finds no such file")
        rows = rows_of(bytes.fromhex(found[0].get("content", "")))
        if rows != table(orders):
            raise NotYet(f"with {len(orders):,} orders, the archive server {_why_not_unpacked(found[0], rows, orders, function)}")
    announced = []
    with temporary_folder() as folder, quietly():
        failed = let_fail(function, Path(folder) / "orders.csv.gz", announced.append, when="when an order raises an error,")
    if failed and announced:
        raise NotYet("when an order raises an error, your function announces the archive all the same, with a part of the orders")
    return "the archive server unpacks 3 of 3 and 1,139 of 1,139 orders, and an error in an order is not announced"


def _why_not_unpacked(found, rows, orders, function):
    if found["bytes"] and not found["compressed"]:
        return "finds a file that is not compressed: gzip.open makes the archive"
    if named_but_not_called(function, "close"):
        return "finds no end: you named close but did not call it; it needs its ()"
    if found["bytes"] == 0:
        return "finds 0 bytes: nothing has been sent when you announce it"
    if found.get("error") == "EOFError" and "fsync" in names_called(function):
        return "stops with EOFError: fsync sends what is there, and the end is not"
    if found.get("error") == "EOFError" and re.search(r"fileobj|(?<!gzip\.)\bopen\(", code_of(function)):
        return "stops with EOFError: closing the archive has not closed the file below it"
    if found.get("error") == "EOFError":
        return "stops with EOFError: the end of an archive is written by close()"
    if found.get("error"):
        return f"stops with {found['error']}: what it finds is no whole archive"
    if len(rows) > len(table(orders)):
        return f"unpacks {orders_in(rows):,}: what was in the file before is still there"
    return f"unpacks {short_or_other(rows, orders)}"


# --- Uploaded, 0 bytes ---

CLOSES_BOTH = "closing the text layer closes the package below it too, so nothing can be read from it: flush() or detach() instead"


@exercise
def case_upload(function):
    """Call ``upload_report(orders, upload)`` with an upload that reads the rest of the open binary file."""
    orders = load_orders()
    received, receipt = [], "receipt 4711"

    def upload(open_file):
        if getattr(open_file, "closed", False):
            raise NotYet(f"upload got a closed file: {CLOSES_BOTH}")
        if not hasattr(open_file, "read"):
            raise NotYet("upload wants an open file")
        content = open_file.read()
        if isinstance(content, str):
            raise NotYet("upload got text: the storage wants the binary file, package")
        open_file.seek(0)
        received.append((content, open_file.read()))
        return receipt

    with quietly():
        try:
            returned = function(orders, upload)
        except ValueError as error:
            if "closed file" not in str(error):
                raise
            raise NotYet(f"{what_stopped(error, function).rstrip('.')}: {CLOSES_BOTH}") from None
    once(received, "upload was called")
    content, in_package = received[0]
    if rows_of(content) != table(orders):
        _judge_upload(function, orders, content, in_package)
    if returned != receipt:
        raise NotYet(f"the upload received 1,142 of 1,142 orders, but you return {returned!r}: return the receipt, "
                     "which is what upload returns")
    return "the upload received 1,142 of 1,142 orders"


def _judge_upload(function, orders, content, in_package):
    whole = csv_bytes(orders)
    why = why_still_waiting(function)
    if content.startswith(b"\xef\xbb\xbf"):
        raise NotYet(first_difference(whole, content, what="what the upload received"))
    if not in_package:
        raise NotYet("the upload received 0 of 1,142 orders: the package is empty")
    if rows_of(in_package) == table(orders) and not content:
        raise NotYet("the upload received 0 of 1,142 orders: all are in the package, but it stands at its end, "
                     "and from there nothing is left to read")
    if rows_of(in_package) == table(orders):
        raise NotYet(f"all 1,142 orders are in the package, but it stands at byte {len(in_package) - len(content):,}, "
                     "and the upload received what comes after it")
    if not content:
        raise NotYet("the upload received 0 of 1,142 orders: the package stands at its end, and the last rows are not "
                     f"even in it: {why or 'they wait in the text layer'}")
    if whole.startswith(content):
        count = f"the upload received {orders_in(rows_of(content)):,} of 1,142 orders"
        if {"flush", "detach"} & names_called(function):
            raise NotYet(f"{count}: the others wait in the text layer, or were never written; no flush of the text layer came "
                         "behind them")
        raise NotYet(f"{count}, not the last ones: " + (why or "they still wait in the text layer, above the package"))
    if len(in_package) < len(whole):
        raise NotYet("the upload received orders without their beginning: the package went back to its start, and then "
                     "the last rows were written over the first")
    raise NotYet(f"the upload received {short_or_other(rows_of(content), orders)}")


# --- Labels for nobody ---

class PrinterFails(Exception):
    """Raised by the printer of the third try."""


@exercise
def case_labels(function):
    """Call ``print_labels(orders, send_to_printer)``; the printer is another process that opens the file by name.

    It follows the rules of Windows on every system: a temporary file that is open with delete=True cannot be opened a
    second time, an open file cannot be removed, and text without encoding= is cp1252. Called again, it must not take
    the same name. Afterwards no file may be left, nor when the printer fails, or an order.
    """
    orders = load_orders()[:40]
    sent = []

    def send_to_printer(name):
        wants_a_name(name, "the printer")
        locked = is_open_and_marked(name)
        # On Windows nobody could read it: the sentence about the lock is the one that helps.
        sent.append((Path(name).absolute(), locked, None if locked else read_by_another_process(name)))

    def failing_printer(name):
        raise PrinterFails("no paper")

    names = []
    with temporary_folder() as folder, quietly(), _packing_table(Path(folder), function) as (temp, beside, refused):
        for _ in "once", "and again":
            sent.clear()
            _print(function, orders, send_to_printer)
            _judge_labels(sent, orders, temp, function)
            names.append(sent[0][0])
            if left := _remove_labels(sent, temp, beside):
                raise NotYet(f"the printer finds 40 of 40 labels, but a file with addresses is left {left}")
        if names[0] == names[1]:
            raise NotYet(f"each call takes the same name, {names[0].name}: two packing tables at once write into one file, and "
                         "in a shared temp folder anybody can lay a file there before: let tempfile choose")
        _fails(function, orders, failing_printer, "the printer fails", temp, beside, refused)
        _fails(function, [*orders[:3], {"postcode": "0150"}], send_to_printer, "an order lacks its shop", temp, beside, refused)
    return ("the printer finds 40 of 40 labels, and no file is left, not even when the printer fails or an order lacks its shop")


def _print(function, orders, printer):
    try:
        function(orders, printer)
    except TypeError as error:
        if "delete_on_close" in str(error):
            raise NotYet("delete_on_close is new in Python 3.12, and this Python is older") from None
        raise


def _fails(function, orders, printer, what, temp, beside, refused):
    stopped = False
    try:
        function(orders, printer)
    except NotYet:
        raise
    except (Exception, SystemExit):
        stopped = True
    if refused:
        raise NotYet(refused[0])
    if _remove_labels([], temp, beside):
        raise NotYet(f"when {what}, the file with the addresses is left behind")
    if not stopped and (printer.__name__ == "failing_printer"):
        raise NotYet(f"when {what}, print_labels returns as if all went well: let the error through")


@contextlib.contextmanager
def _packing_table(folder, function):
    """Make a temp folder and one that stands for the folder of the notebook, and work there as on Windows."""
    temp, beside = folder / "temp", folder / "beside"
    temp.mkdir()
    beside.mkdir()

    def mktemp(*arguments, **named):
        raise NotYet("mktemp gives a name and makes no file: in the meantime somebody else can make one of that name. "
                     "Let tempfile make the file")

    with mock.patch.object(tempfile, "tempdir", str(temp)), mock.patch.object(tempfile, "mktemp", mktemp), \
            contextlib.chdir(beside), as_on_windows(function), removal_as_on_windows() as refused:
        yield temp, beside, refused


def _judge_labels(sent, orders, temp, function):
    expected = [["shop", "postcode"], *[[order["shop"], order["postcode"]] for order in orders]]
    called, code = names_called(function), code_of(function)
    once(sent, "the labels were sent to the printer")
    path, locked, content = sent[0]
    if locked and "flush" in called:
        raise NotYet("works on Linux and macOS, not on Windows: while it is open with delete=True, no other "
                     "program may open the file there")
    if locked:
        raise NotYet("the printer finds 0 of 40 labels: inside the block they are not flushed, and Windows lets no "
                     "other program open the file")
    if content is None and "delete_on_close" in code:
        raise NotYet("the printer finds no file of that name: delete_on_close is new in Python 3.12, and keeps the "
                     "file after close(), but not after the block")
    if content is None and temp in path.parents:
        raise NotYet("the printer finds no file of that name: it was removed before, when the file was closed or "
                     "by you")
    if content is None:
        raise NotYet("the printer finds no file of that name")
    if lines_of(content) == expected:
        return
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotYet(f"at the packing table, which has Windows, {first_difference(b'x', content, what='the file')}: "
                     'say encoding="utf-8" when you make it') from None
    if [] in lines_of(content):
        raise NotYet('at the packing table, which has Windows, there is an empty line after each label: say newline="" when '
                     "you make the file")
    if len(rows_of(content)) < len(expected):
        raise NotYet(f"the printer finds {orders_in(rows_of(content))} of 40 labels")
    raise NotYet(f"the printer finds other labels: {first_difference(expected, lines_of(content))}")


def _remove_labels(sent, temp, beside):
    """Remove the files that the program has left; say where the first was, or return None."""
    left = [*temp.rglob("*"), *beside.rglob("*"), *[path for path, _, _ in sent if path.exists()]]
    files = list(filter(Path.is_file, left))
    for path in files:
        for file in open_files(path):
            file.close()
        path.unlink(missing_ok=True)
    if not left:
        return None
    where = (files or left)[0]
    return "in the temp folder" if temp in where.parents else "beside the notebook" if beside in where.parents else \
        f"in {where.parent}"


# --- The history without a head ---

@exercise
def case_history(function):
    """Call ``append_day(orders, path)`` on histories as people have them.

    They are missing, whole, empty, with a header alone, edited by hand (the last line end is gone), or saved with Unix line
    ends. Monday's orders have notes with spaces and line breaks.
    """
    orders = load_orders()
    monday, tuesday, wednesday = orders[8:11], orders[11:13], orders[13:15]
    whole = csv_bytes(monday)
    header = whole.split(b"\r\n")[0]
    for start, before, days in [
        ("missing", None, [tuesday, wednesday]),
        ("whole", whole, [tuesday, wednesday]),
        ("whole, with a line break in its last note", csv_bytes(orders[8:12]), [orders[12:15]]),
        ("empty", b"", [tuesday]),
        ("a header alone", header + b"\r\n", [tuesday]),
        ("a header alone, without a line end", header, [tuesday]),
        ("edited", whole.rstrip(b"\r\n"), [tuesday, wednesday]),
        ("saved with \\n", whole.replace(b"\r\n", b"\n"), [tuesday]),
    ]:
        with temporary_folder() as folder, quietly():
            path = Path(folder) / "history.csv"
            if before is not None:
                path.write_bytes(before)
            returned = [function(day, path) for day in days]
            content = content_of(path)
        expected = (rows_of(before or b"") or table(orders)[:1]) + [row for day in days for row in table(day)[1:]]
        _judge_history(start, lines_of(content), expected)
        if returned != [len(day) for day in days]:
            raise NotYet(f"the history is right, but append_day returned {returned[0]!r}, not the number of orders")
    return "missing, empty, a header alone, whole or edited by hand: one header, and every order in a row of its own"


def _judge_history(start, rows, expected):
    if rows == expected:
        return
    if start in ("missing", "empty") and expected[0] not in rows:
        raise NotYet(f"a history that was {start} has no header afterwards" + (
            ": when you ask whether the file exists, open() has just made it" if start == "missing"
            else ": such a file exists, and still it needs one"))
    if rows.count(expected[0]) > 1 and start.startswith("a header alone"):
        raise NotYet("a history that held a header alone has two headers afterwards: it was not empty")
    if rows.count(expected[0]) > 1:
        raise NotYet("the history has a second header in the middle: it is not new on the second day")
    if [] in rows and start == "saved with \\n":
        raise NotYet("there is an empty line in the history: an editor had saved it with \\n, which is a line end too")
    if [] in rows:
        raise NotYet("there is an empty line in the history: the last row had its line end already")
    if any(len(row) > len(expected[0]) for row in rows):
        raise NotYet("after an edit by hand the first new order is glued to the last old one: that row had no line end")
    if len(rows) == len(expected):
        raise NotYet(f"an order is not as it was ({first_difference(expected, rows, what='the history')}): the old rows must "
                     "stay as they are, with their spaces and line breaks")
    if len(rows) < len(expected):
        gone = rows[1:] == expected[len(expected) - len(rows) + 1:]
        raise NotYet(f"the history holds {orders_in(rows)} of {orders_in(expected)} orders: "
                     + ("old ones are gone" if gone else f"{first_difference(expected, rows, what='it')}"))
    raise NotYet(f"the history that was {start} is not as it should be: {first_difference(expected, rows, what='it')}")


# --- The worker who leaves early ---

@exercise
def case_background(function):
    """Run ``save_in_background(orders, path)`` as a program of its own, let it end, and count its rows.

    A thread that the program does not wait for comes too late there: threads.py says how. Then on a full disk, and
    with orders that fail: the program must end, and not with exit code 0.
    """
    orders = load_orders()[:5]

    def run(runner):
        with temporary_folder() as folder:
            path = Path(folder) / "orders.csv"
            ended = as_program(function, path, json.dumps(orders), runner=runner)
            return ended.exit_code, rows_of(content_of(path))

    code, rows = run(save_with_bad_luck)
    if rows != table(orders):
        raise NotYet(f"the program ended with exit code {code}, and the file holds {short_or_other(rows, orders)}: "
                     f"{_why_left_early(function)}")
    if code:
        raise NotYet(f"all 5 orders are in the file, and still the program ended with exit code {code}")
    code, _ = run(save_on_full_disk)
    if code == 0:
        raise NotYet("5 of 5 orders arrive, but on a full disk the program ends with exit code 0: an error in a thread stays there, "
                     "unless you bring it back")
    code, _ = run(save_until_the_orders_fail)
    if code == 0:
        raise NotYet("5 of 5 orders arrive, but when the orders stop with an error, the program ends with exit code 0: let the "
                     "error through")
    return ("the program ended by itself, and 5 of 5 orders are in the file; on a full disk, and when the orders fail, it ends "
            "with an error")


def _why_left_early(function):
    code, called = code_of(function), names_called(function)
    if "empty" in called or "qsize" in called or "get_nowait" in called:
        return "an empty queue says neither that no more orders will come, nor that those taken are in the file"
    if re.search(r"\bget\((block=)?(True, )?(timeout=)?[\w.]+\)", code) and "Empty" in code:
        return TOO_QUIET
    if "put(None" in code or re.search(r"^\s*break$", code, re.MULTILINE):
        return "your thread learns that it is over, but the program does not wait until it has closed the file"
    if re.search(r"\.join\((timeout|\d)", code):
        return "join() with a timeout gives up, and the thread still waits for another order"
    if "sleep" in called:
        return "however long you wait, nobody flushes"
    if ".flush()" in code and "task_done()" in code and code.rindex(".flush()") > code.index("task_done()"):
        return "after the last task_done() the program goes on and ends; your flush comes behind it"
    if "flush" in called:
        return "your flush does not run after the last row"
    if "task_done" in called:
        return "join() on a queue waits until task_done() was called for each row, not until the rows are in the file"
    return "nothing waits until the thread has closed the file"


# --- Published, sometimes ---

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


class CtrlC(OrdersThatFail):
    """Orders during which somebody presses Ctrl+C."""

    error = KeyboardInterrupt()


@exercise
def case_publish(function):
    """Call ``publish(orders, target)`` where it went wrong, and look at the target as its readers do.

    The temp folder lies on another disk than the target. A second reader looks at the target after every order. The
    rules of Windows hold on every system: an open file is neither moved nor removed, and os.rename does not replace.
    Then the same on a disk with little room, with orders that fail, and with Ctrl+C: there the old target must stay
    and nothing else.
    """
    few = load_orders()[:10]
    for publish in (
        _publish_normally,
        _publish_and_fail("the disk was full", load_orders(), SmallDisk),
        _publish_and_fail("an order raised an error", OrdersThatFail(few)),
        _publish_and_fail("somebody pressed Ctrl+C", CtrlC(few)),
    ):
        with temporary_folder() as folder, quietly(), _shop(Path(folder)) as (target, temp), _locks_may_go() as refused:
            publish(function, target, temp, refused)
    return ("readers see the old file or the new one with 1,142 orders, with the permissions of the old one; after a full disk, an error "
            "and Ctrl+C the old one stays, and nothing else")


@contextlib.contextmanager
def _shop(folder):
    """Make a folder with a target in it that a group may read, and a temp folder elsewhere; give target and temp folder."""
    (folder / "shop").mkdir()
    (folder / "temp").mkdir()
    target = folder / "shop" / "orders.csv"
    target.write_bytes(csv_bytes(load_orders()[:3]))
    target.chmod(0o640)
    with mock.patch.object(tempfile, "tempdir", str(folder / "temp")):
        yield target, folder / "temp"


@contextlib.contextmanager
def _locks_may_go():
    """Refuse to remove open files, as Windows does, but for lock files: safe_export.py knows how to treat them there."""
    real = os.unlink
    with removal_as_on_windows() as refused:
        refusing = os.unlink

        def remove(path, *, dir_fd=None):
            return (real if _is_lock(path) else refusing)(path, dir_fd=dir_fd)

        with mock.patch.object(os, "unlink", remove), mock.patch.object(os, "remove", remove):
            yield refused


def _is_lock(path):
    return "lock" in os.path.basename(os.fsdecode(path)).lower()


class WatchedMoves:
    """os.replace and os.rename as Windows has them, between two disks; what they refuse is added to ``refused``."""

    def __init__(self, orders, refused):
        self.orders, self.target, self.refused = orders, orders.target, refused
        self.done, self.from_other_disk, self.renamed, self.rights = False, False, False, None
        self.really_replace = os.replace

    def replace(self, src, dst, **others):
        self._look_before(src)
        if not Path(src).resolve().is_relative_to(self.target.parent.resolve()):
            self.from_other_disk = True
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rows = rows_of(Path(src).read_bytes())
        if rows != self.orders.new and len(rows) < len(self.orders.new):
            self._refuse(f"the new file held {orders_in(rows):,} of 1,142 orders when it was moved: "
                         "the rest was still in your program")
        if rows != self.orders.new:
            self._refuse(f"the new file is another one than asked for: {first_difference(self.orders.new, rows)}")
        if open_files(src):
            self._refuse("all 1,142 orders are there, but the file is still open when it is moved: "
                         "Windows refuses that")
        self.rights = stat.S_IMODE(os.stat(src).st_mode)
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


@contextlib.contextmanager
def _watched(function, moves):
    """Let ``moves`` stand for os.replace and os.rename, also where the notebook has imported them by name."""
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    own = {name: value for name, value in namespace.items() if value is os.replace or value is os.rename}
    stand_ins = {name: moves.replace if value is os.replace else moves.rename for name, value in own.items()}
    with mock.patch.object(os, "replace", moves.replace), mock.patch.object(os, "rename", moves.rename):
        namespace.update(stand_ins)
        try:
            yield
        finally:
            namespace.update(own)


def _publish_normally(function, target, temp, refused):
    orders, stopped = WatchedOrders(load_orders(), target), None
    rights = stat.S_IMODE(target.stat().st_mode)
    moves = WatchedMoves(orders, refused)
    with _watched(function, moves):
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
    _judge_rights(function, target, rights, moves.rights)


def _judge_rights(function, target, before, when_moved):
    if not HAS_PERMISSIONS:  # no such bits to look at
        if not names_called(function) & {"copymode", "copystat", "chmod", "fchmod", "safe_export", "unfinished_file"}:
            raise NotYet("the page is whole, but nothing in your function gives the new file the permissions of the target")
        return
    now = stat.S_IMODE(target.stat().st_mode)
    if now != before:
        raise NotYet(f"the page is whole, but the permissions of the target were {stat.filemode(before)[1:]} and are now "
                     f"{stat.filemode(now)[1:]}: " + ("the web server may not read it any more" if before & ~now else
                                                      "others may read it who could not before"))
    if when_moved != before:
        raise NotYet(f"in the end the permissions are right, but for a moment after os.replace they were {stat.filemode(when_moved)[1:]}: "
                     "give them to the new file before")


def _publish_and_fail(what, orders, disk=io.FileIO):
    def publish(function, target, temp, refused):
        old, stopped = target.read_bytes(), False
        SmallDisk.was_full = False
        with open_replaced(function, open_with(raw=disk)):
            try:
                function(orders, target)
            except (Exception, SystemExit, KeyboardInterrupt):
                stopped = True
        if not (SmallDisk.was_full or getattr(orders, "raised", False)):
            return  # nothing went wrong: the function writes or reads in a way of its own
        if refused:
            raise NotYet(refused[0])
        if content_of(target) != old:
            raise NotYet(f"{what}, and readers now find {orders_in(rows_of(content_of(target))):,} of {len(orders):,} "
                         "orders in the target: the old file is lost")
        _nothing_left(target, temp, f"{what}, and")
        if not stopped:
            raise NotYet(f"{what}, and publish() did not say so: let the error through")
    return publish


def _nothing_left(target, temp, when):
    left = [path for path in [*target.parent.iterdir(), *temp.iterdir()] if path != target and not _is_lock(path)]
    if left:
        raise NotYet(f"{when} an unfinished file is left beside the target" if left[0].parent == target.parent
                     else f"{when} a file is left in the temp folder")
