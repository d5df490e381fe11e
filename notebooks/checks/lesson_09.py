"""Checks for notebook 09, Case files.

Each check runs the repaired program under the condition that broke it and says what was seen there.
The learner's source is read only to choose the sentence that helps.
"""
import ast
import contextlib
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
    call_arguments,
    calls_in,
    code_of,
    csv_bytes,
    csv_rows,
    exercise,
    first_difference,
    load_orders,
    named_but_not_called,
    names_called,
    one_letter,
    open_files,
    read_by_another_process,
    run_python,
    temporary_folder,
    what_stopped,
    why_still_waiting,
)
from checks.induced_failures import (
    error_from,
    let_orders_fail,
    let_step_fail,
    must_come_out,
    must_end,
    reason_of,
    times_failed,
    waiting_takes_no_time,
)
from checks.own_process import (
    AT_MOST,
    CANNOT_BE_WRITTEN,
    SENSOR_FAILS,
    STILL_AT_WORK,
    TOO_QUIET,
    OneBadOrder,
    OrdersThatFail,
    SmallDisk,
    log_on_disk_that_stays_full,
    log_on_full_disk,
    log_until_the_plug_hurts,
    log_until_the_plug_is_pulled,
    log_until_the_sensor_fails,
    open_with,
    save_a_bad_order,
    save_many_on_full_disk,
    save_on_full_disk,
    save_until_the_orders_fail,
    save_with_bad_luck,
    save_without_folder,
)
from checks.windows import (
    HAS_PERMISSIONS,
    as_on_windows,
    handles_watched,
    is_open_and_marked,
    moves_as_on_windows,
    open_handles,
    open_replaced,
    removal_as_on_windows,
)

__all__ = ["price_list", "case_debug", "case_logger", "archive_check", "case_archive", "case_upload", "case_labels",
           "case_history", "case_background", "case_publish"]


# --- What the cases share ---

GZIP = b"\x1f\x8b"  # the first bytes of what gzip has compressed

def content_of(path):
    """Return the bytes of the file ``path``, none when there is no such file."""
    return path.read_bytes() if path.exists() else b""


def rows_of(content):
    """Return the rows (lists) in ``content``, the bytes of a CSV file, header first, blank lines left out.

    What Windows makes of each \\n in a file opened without newline= is told in a remark, everywhere: see not_on_windows().
    """
    if b"\r\r\n" in content:
        content = content.replace(b"\r\n", b"\n")
    return csv_rows(content.decode("utf-8", errors="replace"), blank_lines=False)


def lines_of(content):
    """Return the rows (lists) in ``content``, the bytes of a CSV file, with an empty list for each blank line."""
    return csv_rows(content.decode("utf-8", errors="replace"))


def table(orders):
    """Return ``orders`` (dictionaries) as the rows that a complete CSV file holds, header first."""
    return rows_of(csv_bytes(orders))


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
        raise NotYet(f"{what} 0 times before your function returned: call it once, and from no thread that nobody waits for")
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
    if os.path.isdir(name):
        raise NotYet(f"{who} wants the name of the file, and you gave it the folder")
    if "\n" in os.fspath(name):
        raise NotYet(f"{who} wants the name of the file, and you gave it what is in the file")


def must_be_there(path, name, step):
    """Raise NotYet when ``step`` was called with the ``name`` of another file, and there is none at ``path``."""
    if not path.exists() and Path(name).exists():
        raise NotYet(f"{step} was called with {Path(name).name}, and there is no file at path: give the file that name before")


OPENERS = ("open", "TextIOWrapper", "NamedTemporaryFile", "TemporaryFile", "fdopen", "write_text")


def not_on_windows(function):
    """Return a remark for the done sentence about what Windows would make of a forgotten newline= or encoding=, or ''."""
    calls = [given for name in OPENERS for given in call_arguments(function, name) if _writes_text(name, given)]
    if any("newline" not in given for given in calls):
        return '. (On Windows there would be an empty line after each row: say newline="")'
    calls += [given for given in call_arguments(function, "read_text") if 0 not in given]
    calls += [given for given in call_arguments(function, "open") if given.get(1, given.get("mode")) in ("'r'", "'rt'")]
    if any("encoding" not in given for given in calls):
        return '. (On Windows the text might not be UTF-8: say encoding="utf-8")'
    return ""


def _writes_text(name, given):
    """Tell whether a call, with arguments as call_arguments() gives them, opens a file to write text into it."""
    if name in ("TextIOWrapper", "write_text"):
        return True
    modes = [value for value in given.values() if re.fullmatch("'[rwaxbt+]{1,3}'", value)]
    return len(modes) == 1 and "b" not in modes[0] and bool(set("wax+") & set(modes[0]))


# --- The worked case: the price list ---

STOCK = Path(__file__).resolve().parents[1] / "bench" / "stock.py"
LINES = {"A": lambda prices: os.fsync(prices.fileno()), "B": lambda prices: prices.buffer.flush(), "C": lambda prices: prices.flush(),
         "D": lambda prices: None}  # what D flushes after the program, the end of the block sends as well
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
        lines = path.read_text(encoding="utf-8").splitlines()
    if lines[0] != "item,price":
        raise NotYet(f"with {letter} the first line is {lines[0]}, and the last is {lines[-1]}: {WHY_NOT[letter]}")
    return f"with {letter} the first line is {lines[0]}, and the rows follow it"


# --- It works when I look ---

ONLY_THE_SCREEN = "sys.stdout.flush() sends on what goes to the screen, not your file"


@exercise
def case_debug(function):
    """Call ``nightly_export(orders, path, upload)`` for a quiet day and a busy one, without debug and with it.

    The uploader is another process that opens the file by name. Then an order fails, and nothing may be uploaded; then the
    upload fails.
    """
    debug = inspect.signature(function).parameters.get("debug")
    for looking in [False, True] if debug else [False]:
        for day, orders in [("quiet", load_orders()[:3]), ("busy", load_orders()[:1141])]:
            _export_by_night(function, orders, day, debug, looking)
    uploaded = []
    with temporary_folder() as folder, quietly():
        path = Path(folder) / "orders.csv"
        let_orders_fail(lambda orders: function(orders, path, uploaded.append), uploaded, "uploads the file")
        let_step_fail(lambda upload: function(load_orders()[:3], path, upload), "the upload")
    return "3 of 3 and 1,141 of 1,141 orders arrive" + (", with debug and without" if debug else "") + (
        _by_a_side_effect(function) or not_on_windows(function))


BY_A_SIDE_EFFECT = ". (It is a side effect of {}() that sends them, and the next reader will tidy it away: write flush())"


def _by_a_side_effect(function):
    """Return a remark about a repair that sends the rows with tell(), seek() or truncate(), or ''."""
    tree, still_open = ast.parse(code_of(function)), []
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "debug" in ast.unparse(node.test):
            node.body = [ast.Pass()]
    without_debug = names_called(ast.unparse(tree))
    with temporary_folder() as folder, quietly():
        function(load_orders()[:3], Path(folder) / "orders.csv", lambda name: still_open.extend(open_files(name)))
    sends = sorted(without_debug & {"tell", "seek", "truncate"})
    if not still_open or "flush" in without_debug or not sends:
        return ""
    return BY_A_SIDE_EFFECT.format(sends[0])


def _export_by_night(function, orders, day, debug, looking):
    found = []

    def upload(name):
        wants_a_name(name, "the uploader")
        must_be_there(path, name, "upload")
        if not Path(name).exists():
            raise NotYet(f"on the {day} day the uploader finds no such file: upload it after you have written it")
        found.append(read_by_another_process(name))

    with temporary_folder() as folder, quietly():
        path = Path(folder) / "orders.csv"
        try:
            function(orders, path, upload, **({"debug": looking} if debug else {}))
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
    if named_but_not_called(function, "close"):
        raise NotYet(f"{seen}: you named close but did not call it; it needs its ()")
    if flushes_the_screen(function):
        raise NotYet(f"{seen}: {ONLY_THE_SCREEN}")
    if "flush" in names_called(function):
        raise NotYet(f"{seen}: no flush of the export runs between the last row and upload")
    raise NotYet(f"{seen}. What does the debug line do besides printing?")


# --- The cold store remembers nothing ---

WARM_AT_LAST = [("08:00", 4.0), ("08:01", 4.5), ("08:02", 8.5), ("08:03", 6.0), ("08:04", 7.5), ("08:05", 8.0), ("08:06", 9.5)]
COOL_AT_LAST = [("09:00", 8.5), ("09:01", 9.0), ("09:02", 8.0), ("09:03", 7.5), ("09:04", 4.0)]


def in_a_thread(function):
    """Tell whether ``function`` does something in a thread."""
    return bool({"Thread", "Timer", "submit"} & names_called(function))


def takes_all_first(function):
    """Tell whether ``function`` makes a list of the readings."""
    return bool(re.search(r"\b(list|tuple|sorted)\(readings\b|\[\*readings\b", code_of(function)))


@exercise
def case_logger(function):
    """Run ``log_temperatures(readings, path)`` as a program that dies after some readings; read its file and its screen.

    It dies after 7, after 5, and at the first moment when a reading would be lost. Then the disk is full for a while, and to stay
    so; and then the sensor fails: the error must come out.
    """
    for readings in [WARM_AT_LAST, COOL_AT_LAST]:
        with temporary_folder() as folder:
            path = Path(folder) / "log.csv"
            ended = as_program(function, path, readings, runner=log_until_the_plug_is_pulled)
            if not path.exists() and not (in_a_thread(function) or takes_all_first(function)):
                raise NotYet(f"the program was killed after {len(readings)} readings, and there is no file at path")
            content = content_of(path)
        if content.startswith(GZIP):
            raise NotYet("the log is a compressed archive, and the screen beside it reads text: open(path, …)")
        rows = rows_of(content)
        _judge_log(function, readings, rows)
        _judge_screen(readings, ended.printed)
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        as_program(function, path, WARM_AT_LAST, runner=log_until_the_plug_hurts)
        number = int(path.with_name("readings").read_text())
        _judge_log(function, WARM_AT_LAST[:number], rows_of(content_of(path)))
    _judge_full_disk(function)
    _judge_failing_sensor(function)
    return ("the program was killed after 7 readings, and 7 are in the file; after 5, and 5 are in it; and after each one it would "
            "have been so. Neither a full disk nor an error of the sensor is hidden"
            + (_started_twice(function) or not_on_windows(function)))


def _started_twice(function):
    """Start the program two times with the same path; return a remark about what is there, or was sent by luck, or ''."""
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        for _ in "once", "and again":
            with contextlib.suppress(NotYet):  # a program may refuse to start where a log is
                as_program(function, path, COOL_AT_LAST, runner=log_until_the_plug_is_pulled)
        headers, still_open = rows_of(content_of(path)).count(["time", "celsius"]), path.with_name("open").exists()
    called = names_called(function)
    if headers > 1:
        return '. (Each start adds another header: with mode "a", write it only into an empty file)'
    if still_open and "tell" in called and "flush" not in called and "buffering" not in code_of(function):
        return BY_A_SIDE_EFFECT.format("tell")
    return ""


def _judge_full_disk(function):
    """Let the disk be full for two readings: the error must come out, or all readings must be in the file at the end."""
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        ended = as_program(function, path, WARM_AT_LAST, runner=log_on_full_disk)
        rows = rows_of(content_of(path))
    held = sum([moment, str(celsius)] in rows for moment, celsius in WARM_AT_LAST)
    if ended.exit_code == 0 and held < len(WARM_AT_LAST):
        raise NotYet("when the disk is full for two readings, your program ends with exit code 0, and "
                     f"{held} of {len(WARM_AT_LAST)} are in the file: let the error through")
    _must_say("No space left on device", "when the disk is full", ended)

    with temporary_folder() as folder:
        ended = as_program(function, Path(folder) / "log.csv", WARM_AT_LAST, runner=log_on_disk_that_stays_full)
    told = [line for line in ended.printed.splitlines() if not line.startswith("warning ")] + ended.complaint.split()
    if not told:
        raise NotYet("when the disk stays full, your program goes on as if all went well, and nobody learns that no more readings are "
                     "in the file: let the error through")


def _judge_failing_sensor(function):
    """Let the sensor raise an error after three readings: the program must end with it."""
    with temporary_folder() as folder:
        ended = as_program(function, Path(folder) / "log.csv", WARM_AT_LAST, runner=log_until_the_sensor_fails)
    if ended.exit_code == 0:
        raise NotYet("when the sensor fails after 3 readings, your program ends as if all went well: let the error through")
    _must_say(SENSOR_FAILS, "when the sensor fails after 3 readings", ended)


def _must_say(error, when, ended):
    if ended.exit_code and error not in ended.complaint + ended.printed:
        raise NotYet(f"{when}, your program ends with exit code {ended.exit_code}, and nobody learns why: let the error through")


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
    if len(rows) == many + 1 and not survived[1:]:  # as many lines as wanted, and others
        trouble = first_difference([["time", "celsius"], *expected], rows, "the log")
        raise NotYet(f"a line is there for each reading, and not as before: {trouble}")
    readings_in_words = f"{many} reading" + ("" if many == 1 else "s")
    raise NotYet(f"the program was killed after {readings_in_words}, and {len(survived)} of {many} are in the file: "
                 f"{_why_log_is_short(function)}")


def _why_log_is_short(function):
    code, called = code_of(function), names_called(function)
    if "truncate" in called:
        return "truncate() cuts away what is in the file"
    if "seek" in called:
        return "seek() moves to where the next reading is written over another"
    if in_a_thread(function):
        return "a thread comes too late for the last readings: the program takes the next one and does not wait for it"
    if re.search(r"^ +for .*:\n +with open\(path, 'w'", code, re.MULTILINE):
        return 'mode "w" empties the file, and your program opens it so for each reading'
    if re.search(r"^\s*finally:", code, re.MULTILINE) or "register" in called:
        return "a killed process runs neither finally nor atexit"
    if "signal" in called:
        return "the task manager kills without a signal that a handler could see (SIGKILL; on Windows TerminateProcess)"
    if takes_all_first(function):
        return "your program waits for all readings before it writes the first"
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
    """Call ``check_archive(path, orders)`` with two good archives and seventeen bad ones.

    A bad one that can be read must get a ValueError; for the others the error of the reader will do.
    """
    orders = load_orders()
    few, whole = orders[:3], csv_bytes(orders)
    with temporary_folder() as folder, quietly():
        path = Path(folder) / "orders.csv.gz"
        for good in [few, orders]:
            path.write_bytes(gzip.compress(csv_bytes(good)))
            what = f"a good archive with {len(good):,} orders"
            refused = _refusal(function, path, good, what)
            if refused is not None:
                raise NotYet(f"your check refuses {what}: {type(refused).__name__}: {refused}")
        for what, content, can_be_read in [
            ("an empty file, of 0 bytes: gzip reads it as an archive with nothing in it", b"", True),
            ("an archive with a header and no orders", gzip.compress(csv_bytes(orders[:1]).split(b"\r\n")[0] + b"\r\n"), True),
            ("an archive that lacks the last order", gzip.compress(csv_bytes(orders[:-1])), True),
            ("an archive whose last order is torn", gzip.compress(whole[:-12]), True),
            ("an archive with each order twice", gzip.compress(csv_bytes(orders + orders)), True),
            ("an archive with yesterday's orders, as many as today's", gzip.compress(csv_bytes(orders[:1] + orders[:-1])), True),
            ("an archive in which one order stands twice, and another is missing",
             gzip.compress(csv_bytes(orders[:1] + orders[:1] + orders[2:])), True),
            *[(f"an archive in which {what}", gzip.compress(csv_bytes(_changed_in_the_middle(orders, column, change))), True)
              for what, column, change in CHANGES],
            ("an archive in which two names in the header are swapped", gzip.compress(_with_names_swapped(orders)), True),
            ("an archive without an end, as Ben's program leaves it", gzip.compress(whole)[:-8], False),
            ("a file that is not compressed", whole, False),
            ("a file that is not there", None, False),
        ]:
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)
            _must_refuse(function, path, orders, what, can_be_read)
            if content is not None and content_of(path) != content:
                raise NotYet("your check changes the file: open it for reading")
    return f"it passes 2 good archives, and refuses an empty one, short ones, torn ones and others, {11 + len(CHANGES)} in all"


# What is changed in one order in the middle: in which column, and how.
CHANGES = [
    ("one price in the middle is another", "price", lambda price: "9999.00"),
    ("one shop in the middle is another", "shop", lambda shop: "Nobody's Shop"),
    ("one item in the middle is another", "item", lambda item: f"{item} (large)"),
    ("one note in the middle is another", "note", lambda note: f"{note}!"),
    ("one item in the middle has capital letters", "item", str.upper),
    ("one item in the middle has a space more at its end", "item", lambda item: f"{item} "),
]


def _changed_in_the_middle(orders, column, change):
    place = len(orders) // 2
    changed = {**orders[place], column: change(orders[place][column])}
    return [*orders[:place], changed, *orders[place + 1:]]


def _with_names_swapped(orders):
    """Return ``orders`` as CSV in which the first two columns have each other's names."""
    first, second, *others = list(orders[0])
    header, rows = csv_bytes(orders).split(b"\r\n", 1)
    return ",".join([second, first, *others]).encode() + b"\r\n" + rows


def _refusal(function, path, orders, what):
    """Return the error that ``function`` raises against the archive, or None when it passes it."""
    try:
        function(path, orders)
    except (NameError, AttributeError, TypeError) as error:  # no refusal but a slip
        raise NotYet(f"with {what.partition(':')[0]}, {what_stopped(error, function)}") from None
    except (Exception, SystemExit) as error:
        return error
    return None


def _must_refuse(function, path, orders, what, can_be_read):
    answers = []

    def asked(*arguments):
        answers.append(function(*arguments))

    error, which = _refusal(asked, path, orders, what), what.partition(":")[0]
    if error is None and answers[0] is False:
        raise NotYet(f"for {which}, your check returns False, and whoever calls it goes on: raise ValueError")
    if error is None:
        raise NotYet(f"your check passes {what}")
    if isinstance(error, SystemExit):
        raise NotYet(f"for {which}, your check ends the whole program with sys.exit(): raise ValueError, and let the caller decide")
    if isinstance(error, AssertionError):
        raise NotYet(f"for {which}, your check stops at an assert, and python -O skips those: raise ValueError")
    if can_be_read and not isinstance(error, ValueError):
        raise NotYet(f"for {which}, your check raises {type(error).__name__}, and what was asked for is ValueError")


UNPACK = """
import gzip, json, sys
content = open(sys.argv[1], "rb").read()
answer = {"bytes": len(content), "compressed": content.startswith(b"\\x1f\\x8b"), "start": content[:6].decode("latin-1")}
try:
    answer["content"] = gzip.open(sys.argv[1]).read().hex()
except Exception as error:
    answer["error"] = type(error).__name__
print(json.dumps(answer))
"""


@exercise
def case_archive(function):
    """Call ``archive_day(orders, path, announce)``; once it is announced, another process unpacks the archive.

    On the second day an archive of the name is there already. Then an order fails, and nothing may be announced; then the
    announcement fails.
    """
    for orders, before in [(load_orders()[:3], None), (load_orders()[3:], gzip.compress(csv_bytes(load_orders()[:3])))]:
        found = []

        def announce(name):
            wants_a_name(name, "the archive server")
            must_be_there(path, name, "announce")
            found.append(json.loads(run_python(UNPACK, name).stdout or "{}"))

        with temporary_folder() as folder, quietly():
            path = Path(folder) / "orders.csv.gz"
            if before:
                path.write_bytes(before)
            with moves_as_on_windows():
                function(orders, path, announce)
            there = path.exists()
        once(found, "announce was called")
        if not found[0]:
            raise NotYet("the archive server finds no such file")
        rows = rows_of(bytes.fromhex(found[0].get("content", "")))
        if rows != table(orders):
            raise NotYet(f"with {len(orders):,} orders, the archive server {_why_not_unpacked(found[0], rows, orders, before, function)}")
        if not there:
            raise NotYet("the archive server unpacks all orders, and then your function removes the archive: who comes later finds none")
    announced = []
    with temporary_folder() as folder, quietly():
        path = Path(folder) / "orders.csv.gz"
        let_orders_fail(lambda orders: function(orders, path, announced.append), announced, "announces the archive")
        let_step_fail(lambda announce: function(load_orders()[:3], path, announce), "the announcement")
    return ("the archive server unpacks 3 of 3 and 1,139 of 1,139 orders, and an error in an order is not announced"
            + not_on_windows(function))


def _why_not_unpacked(found, rows, orders, before, function):
    if found["bytes"] and not found["compressed"] and found["start"].startswith(("BZh", "PK", "\xfd7zXZ")):
        return "finds no gzip archive, but one of another kind: gzip.open makes one"
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
    if bytes.fromhex(found["content"]).startswith(GZIP):
        return "unpacks another archive: what you have written was compressed twice"
    if not rows and "TextIOWrapper" in names_called(function):
        return f"unpacks 0 of {len(orders):,} orders: they wait in the text layer above the archive: close it, or flush it"
    if rows and rows[:1] != table(orders)[:1]:
        return f"unpacks something else: {first_difference(csv_bytes(orders), bytes.fromhex(found['content']), as_rows=True)}"
    if len(rows) > len(table(orders)):
        return f"unpacks {orders_in(rows):,}" + (": what was in the file before is still there" if before else "")
    return f"unpacks {short_or_other(rows, orders)}"


# --- Uploaded, 0 bytes ---

CLOSES_BOTH = "closing the text layer closes the package below it too, so nothing can be read from it: flush() or detach() instead"


@exercise
def case_upload(function):
    """Call ``upload_report(orders, upload)`` with an upload that reads the rest of the open binary file.

    Then an order fails, and nothing may be uploaded; then the upload fails.
    """
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
    with quietly():
        uploaded = []
        let_orders_fail(lambda some: function(some, uploaded.append), uploaded, "uploads the package")
        let_step_fail(lambda step: function(orders, step), "the upload", lambda package: _look_at_second_try(package, orders))
    return f"the upload received 1,142 of 1,142 orders, and nothing after an error in an order{not_on_windows(function)}"


def _look_at_second_try(package, orders):
    content = package.read()
    if rows_of(content) != table(orders):
        raise NotYet(f"when the upload fails, you try again, and then it receives {orders_in(rows_of(content)):,} of {len(orders):,} "
                     "orders: let the error through")


def _judge_upload(function, orders, content, in_package):
    whole = csv_bytes(orders)
    why = why_still_waiting(function)
    if content.startswith(b"\xef\xbb\xbf"):
        raise NotYet(first_difference(whole, content, what="what the upload received"))
    if content.startswith(GZIP):
        raise NotYet("the upload received a compressed archive: the storage wants the CSV itself")
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
            raise NotYet(f"{count}: the others were never written, or no flush of the text layer came behind them")
        raise NotYet(f"{count}, not the last ones: " + (why or "they still wait in the text layer, above the package"))
    if len(in_package) < len(whole) and rows_of(content) == table(orders)[1:]:
        raise NotYet(first_difference(table(orders), rows_of(content), what="what the upload received"))
    if len(in_package) < len(whole) and content[:20] in whole:
        raise NotYet("the upload received orders without their beginning: the package went back to its start, and then "
                     "the last rows were written over the first")
    raise NotYet(f"the upload received {short_or_other(rows_of(content), orders)}")


# --- Labels for nobody ---

class CtrlC(OrdersThatFail):
    """Orders during which somebody presses Ctrl+C."""

    error = KeyboardInterrupt()


@exercise
def case_labels(function):
    """Call ``print_labels(orders, send_to_printer)``; the printer is another process that opens the file by name.

    It follows the rules of Windows on every system: a temporary file that is open with delete=True cannot be opened a
    second time, an open file cannot be removed, and text without encoding= is cp1252. Called again, it must not take
    the same name. Afterwards no file may be left, nor when the printer fails, or an order, or somebody presses Ctrl+C; an
    order that fails must not be printed without its rest.
    """
    orders = load_orders()[:40]
    sent, still_open = [], []

    def send_to_printer(name):
        wants_a_name(name, "the printer")
        locked = is_open_and_marked(name)
        # On Windows nobody could read it: the sentence about the lock is the one that helps.
        sent.append((Path(name).absolute(), locked, None if locked else read_by_another_process(name)))
        still_open.append(bool(open_files(name)))

    names = []
    with temporary_folder() as folder, quietly(), _packing_table(Path(folder), function) as (temp, beside, refused):
        for _ in "once", "and again":
            sent.clear()
            _print(function, orders, send_to_printer)
            _judge_labels(sent, orders, temp, function, still_open)
            names.append(sent[0][0])
            if left := _remove_labels(sent, temp, beside):
                raise NotYet(f"the printer finds 40 of 40 labels, but a file with addresses is left {left}")
            _no_handle_left()
        if names[0] == names[1]:
            raise NotYet(f"each call takes the same name, {names[0].name}: two packing tables at once write into one file, and "
                         "in a shared temp folder anybody can lay a file there before: let tempfile choose")
        sent.clear()
        let_step_fail(lambda printer: _fails(function, orders, printer, "the printer fails", temp, beside, refused), "the printer")
        for what, some in [("an order lacks its shop", [*orders[:3], {"postcode": "0150"}, orders[4]]),
                           ("somebody presses Ctrl+C", CtrlC(orders))]:
            error = error_from(_fails, function, some, send_to_printer, what, temp, beside, refused, sent)
            must_come_out(error, "", f"when {what}")
    return ("the printer finds 40 of 40 labels, and no file is left, not even when the printer fails, an order lacks its shop or "
            "somebody presses Ctrl+C")


def _print(function, orders, printer):
    with explained(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        function(orders, printer)
    if any("cleaning up" in str(warning.message) for warning in said):
        raise NotYet("nobody removes the folder: Python cleared it away when it found that nobody used it any more, and it promises "
                     "neither that nor when: use it in a with block, or call cleanup()")


@contextlib.contextmanager
def explained():
    """Say which Python has delete_on_close, where this one stops at it."""
    try:
        yield
    except TypeError as error:
        if "delete_on_close" in str(error):
            raise NotYet("delete_on_close is new in Python 3.12, and this Python is older") from None
        raise


def _fails(function, orders, printer, what, temp, beside, refused, sent=()):
    """Print where something fails; whatever error comes out, look at what is left behind, and at what was printed."""
    try:
        function(orders, printer)
    finally:
        must_end(times_failed(orders), f"when {what}")
        if refused:
            raise NotYet(refused[0])
        if _remove_labels([], temp, beside):
            raise NotYet(f"when {what}, the file with the addresses is left behind")
        _no_handle_left()
        if sent:
            many = orders_in(rows_of(sent[0][2] or b""))
            raise NotYet(f"when {what}, your function prints labels all the same, {many} for {len(orders)} orders: let no such label out, "
                         "but an error")


def _no_handle_left():
    if open_handles():
        raise NotYet("mkstemp gives a name and an open handle, and nobody closes the handle: each call keeps one more file open, and "
                     "Windows removes and moves no open file. os.close(handle), or os.fdopen(handle, …) and its close()")


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
            contextlib.chdir(beside), as_on_windows(function), handles_watched(), removal_as_on_windows() as refused:
        yield temp, beside, refused


def _judge_labels(sent, orders, temp, function, still_open):
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
        if not still_open[0]:
            raise NotYet(f"the printer finds {orders_in(rows_of(content))} of 40 labels: the file is closed, so the others were never "
                         "written")
        why = why_still_waiting(function) or "the others wait in the file object: leave the block that closes it, and then print"
        raise NotYet(f"the printer finds {orders_in(rows_of(content))} of 40 labels: {why}")
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
    ends. Monday's orders have notes with spaces and line breaks. Every byte that was there must be there afterwards. Then an
    order fails.
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
        ("edited, with a last letter of two bytes", whole.rstrip(b"\r\n") + "Café".encode(), [tuesday]),
        ("saved with \\n", whole.replace(b"\r\n", b"\n"), [tuesday]),
    ]:
        with temporary_folder() as folder, quietly():
            path = Path(folder) / "history.csv"
            if before is not None:
                path.write_bytes(before)
            for day in days:
                _append(function, day, path, start if day is days[0] else "left by the day before")
    with temporary_folder() as folder, quietly():
        path = Path(folder) / "history.csv"
        path.write_bytes(whole)
        let_orders_fail(lambda orders: function(orders, path), [], "goes on")
        if not content_of(path).startswith(whole):
            raise NotYet("when an order fails, the old orders are gone from the history: do not write them anew")
    return ("missing, empty, a header alone, whole or edited by hand: one header, and every order in a row of its own; what was there "
            f"is there, byte by byte{not_on_windows(function)}")


def _append(function, day, path, start):
    """Append a ``day`` to the history at ``path``, and judge it; ``start`` says what it was like."""
    before, emptied, plain_open = content_of(path), [], io.open

    def open_file(file, mode="r", *others, **named):
        if before and "w" in mode and not isinstance(file, int) and os.path.exists(file) and os.path.samefile(file, path):
            emptied.append(file)
        return plain_open(file, mode, *others, **named)

    with open_replaced(function, open_file), mock.patch.object(os, "linesep", "\r\n"):  # as on Windows
        returned = function(day, path)
    content = content_of(path)
    if content.startswith(b"\xef\xbb\xbf") and not before.startswith(b"\xef\xbb\xbf"):
        raise NotYet(first_difference(before or b"x", content, what="the history"))
    _judge_history(function, start, lines_of(content), (rows_of(before) or table(day)[:1]) + table(day)[1:])
    if not content.startswith(before):
        raise NotYet(_what_was_changed(before, content))
    if re.search(rb"\r(?!\n)", content[len(before):]):
        raise NotYet('the new orders begin behind a lone \\r, which is no line end for most programs: "\\r\\n" is one')
    if emptied:
        raise NotYet('the history is right, but your function has emptied it before it wrote, with mode "w": stopped at that moment, it '
                     'has lost all old orders. Add to it, with mode "a"')
    if returned != len(day):
        raise NotYet(f"the history is right, but append_day returned {returned!r}, not the number of orders")


def _what_was_changed(before, content):
    if before.replace(b"\r\n", b"\n") == content[:len(before)].replace(b"\r\n", b"\n")[:len(before.replace(b"\r\n", b"\n"))]:
        return ("the line ends of the old rows, and of the breaks in their notes, are others now: what is there already stays as it is, "
                'so add to it, with mode "a"')
    return 'the old rows are the same, but not their bytes: what is there already stays as it is, so add to it, with mode "a"'


def _judge_history(function, start, rows, expected):
    if rows == expected:
        return
    called = names_called(function)
    if start in ("missing", "empty") and rows in ([], expected[1:]):
        asked = ": when you ask whether the file exists, open() has just made it" if {"exists", "is_file"} & called else ""
        raise NotYet(f"a history that was {start} has no header afterwards" + (
            asked if start == "missing" else ": such a file exists, and still it needs one"))
    if rows.count(expected[0]) > 1 and start.startswith("a header alone"):
        raise NotYet("a history that held a header alone has two headers afterwards: it was not empty")
    if start in ("missing", "empty") and rows[:1] == [[]]:
        raise NotYet(f"a history that was {start} begins with an empty line: it has no last row that lacks its end")
    if rows.count(expected[0]) > 1 and {"read", "readline", "readlines"} & called and "seek" not in called and "'a+'" in code_of(function):
        raise NotYet("the history has a second header in the middle: a file opened with \"a+\" stands at its end, and read() gives "
                     "nothing there")
    if rows.count(expected[0]) > 1:
        raise NotYet("the history has a second header in the middle: it is not new on the second day")
    if [] in rows and start == "saved with \\n":
        raise NotYet("there is an empty line in the history: an editor had saved it with \\n, which is a line end too")
    if [] in rows and re.search(r"\[-1\] [!=]= b'", code_of(function)):
        raise NotYet('there is an empty line in the history: [-1] of bytes is a number, which never equals b"\\n"; [-1:] gives bytes')
    if [] in rows:
        raise NotYet("there is an empty line in the history: " + ("one line end is enough" if "edited" in start or "without" in start else
                                                                  "the last row had its line end already"))
    if glued := [row[len(expected[0]):] for row in rows if len(row) > len(expected[0])]:
        what = "the first new order" if glued[0] in [row[1:] for row in expected] else "what you write first"
        raise NotYet(f"after an edit by hand {what} is glued to the last old order: that row had no line end")
    if len(rows) == len(expected) and start not in ("missing", "empty"):
        raise NotYet(f"an order is not as it was ({first_difference(expected, rows, what='the history')}): the old rows must "
                     "stay as they are, with their spaces and line breaks")
    if len(rows) < len(expected) and "'r+'" in code_of(function) and "seek" not in called:
        raise NotYet('a file opened with "r+" stands at its start: the new orders are written over the old ones')
    if len(rows) < len(expected):
        gone = rows[1:] == expected[len(expected) - len(rows) + 1:]
        raise NotYet(f"the history holds {orders_in(rows)} of {orders_in(expected)} orders: "
                     + ("old ones are gone" if gone else f"{first_difference(expected, rows, what='it')}"))
    raise NotYet(f"the history that was {start} is not as it should be: {first_difference(expected, rows, what='it')}")


# --- The worker who leaves early ---

@exercise
def case_background(function):
    """Run ``save_in_background(orders, path)`` as a program of its own, let it end, and count its rows.

    A thread that the program does not wait for comes too late there: own_process.py says how. Then the file, or an order, or the
    list of the orders fails, early and late: the program must end, with that error and not with exit code 0.
    """
    few = load_orders()[:5]
    ended, rows = _run_till(function, save_with_bad_luck, few)
    if rows != table(few):
        raise NotYet(f"the program ended with exit code {ended.exit_code}, and the file holds {short_or_other(rows, few)}"
                     f"{_why_left_early(function, ended)}")
    if ended.exit_code:
        raise NotYet(f"all 5 orders are in the file, and still the program ended with exit code {ended.exit_code}")
    for when, runner, orders, error in [
        ("on a full disk", save_on_full_disk, few, "No space left on device"),
        ("on a disk that is full long before the last of 1,142 orders,", save_many_on_full_disk, load_orders(), "No space left on device"),
        ("when the file cannot be opened,", save_without_folder, few, "no such folder"),
        ("when an order cannot be written,", save_a_bad_order, few, CANNOT_BE_WRITTEN),
        ("when the orders stop with an error,", save_until_the_orders_fail, few, "the till was switched off"),
    ]:
        ended, _ = _run_till(function, runner, orders)
        _must_end_with(error, when, ended, function, from_thread=runner is not save_until_the_orders_fail)
    return ("the program ended by itself, and 5 of 5 orders are in the file; on a full disk, without a file, and when an order or "
            f"the list of the orders fails, it ends with that error{not_on_windows(function)}")


def _run_till(function, runner, orders):
    """Run the program with ``runner``; return how it ended, and the rows in its file."""
    with temporary_folder() as folder:
        path = Path(folder) / "orders.csv"
        ended = as_program(function, path, json.dumps(orders), runner=runner)
        return ended, rows_of(content_of(path))


OTHER_QUEUES = {"LifoQueue": "gives out first what came last: None, and the orders put in before it are never taken",
                "PriorityQueue": "gives out first what is smallest, and two orders, or an order and None, cannot be compared"}


def _must_end_with(error, when, ended, function, from_thread):
    if ended.exit_code and error in ended.complaint + ended.printed:
        return
    for kind, deed in OTHER_QUEUES.items():
        if kind in names_called(function):
            raise NotYet(f"a {kind} {deed}")
    if ended.exit_code == 0:
        cure = "an error in a thread stays there, unless you let it out and bring it back" if from_thread else "let the error through"
        raise NotYet(f"5 of 5 orders arrive, but {when} the program ends with exit code 0: {cure}")
    raise NotYet(f"5 of 5 orders arrive, but {when} the program ends with exit code {ended.exit_code}, and nobody learns why: "
                 f"it must end with the error itself, which says {error}")


def _why_left_early(function, ended):
    """Return why rows are missing at the end, beginning with a colon; '' when that is not known."""
    code, called = code_of(function), names_called(function)
    if "empty" in called or "qsize" in called or "get_nowait" in called:
        return ": an empty queue says neither that no more orders will come, nor that those taken are in the file"
    if re.search(r"\bget\((block=)?(True, )?(timeout=)?[\w.]+\)", code) and "Empty" in code:
        return f": {TOO_QUIET}"
    if STILL_AT_WORK not in ended.complaint:
        return ""
    return f": {_why_nobody_waited(code, called)}"


def _why_nobody_waited(code, called):
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


@exercise
def case_publish(function):
    """Call ``publish(orders, target)`` where it went wrong, and look at the target as its readers do.

    The temp folder lies on another disk than the target. A second reader looks at the target after every order. The
    rules of Windows hold on every system: an open file is neither moved nor removed, and os.rename does not replace.
    Then the same on a disk with little room, with orders that fail, with Ctrl+C, and where the move is refused: there
    the old target must stay and nothing else.
    """
    few, names = load_orders()[:10], []
    for publish in (
        _publish_normally(names),
        _publish_normally(names, rights=0o604),
        _publish_and_fail("the disk was full", load_orders()[:80], SmallDisk),
        _publish_and_fail("an order raised an error", OrdersThatFail(few)),
        _publish_and_fail("an order could not be written", OneBadOrder(few)),
        _publish_and_fail("somebody pressed Ctrl+C", CtrlC(few)),
        _publish_where_the_move_is_refused,
    ):
        with temporary_folder() as folder, quietly(), _shop(Path(folder)) as (target, temp), handles_watched(), \
                _locks_may_go() as refused:
            publish(function, target, temp, refused)
            _no_handle_left()
    same = f". (Each call took the same name, {names[0]}: two calls at once would write into one file)" if len(set(names)) == 1 else ""
    rights = ("with the permissions of the old one" if HAS_PERMISSIONS else
              "and your function sets permissions, which this system does not have")
    return (f"readers see the old file or the new one with 1,142 orders, {rights}; after a full disk, an error"
            ", Ctrl+C and a refused move the old one stays, and nothing else" + same + (
                _where_no_file_can_be_made(function) or not_on_windows(function)))


@contextlib.contextmanager
def _shop(folder):
    """Make a folder with a target in it that a group may read, and a temp folder elsewhere; give target and temp folder."""
    (folder / "shop").mkdir()
    (folder / "temp").mkdir()
    target = folder / "shop" / "orders.csv"
    target.write_bytes(csv_bytes(load_orders() + load_orders()[:3]))  # longer than the new one: nothing of its end may be left
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
    """os.replace and os.rename as Windows has them, between two disks; what they refuse is added to ``refused``.

    A program that asks for the system may take os.rename where it replaces, ``by_system``.
    """

    def __init__(self, orders, refused, by_system):
        self.orders, self.target, self.refused, self.by_system, self.tries = orders, orders.target, refused, by_system, 0
        self.done, self.from_other_disk, self.renamed, self.rights, self.name = False, False, False, None, ""
        self.really_replace = os.replace

    def replace(self, src, dst, **others):
        if Path(dst).exists() and Path(src).exists() and os.path.samefile(src, self.target):
            self._refuse("you have swapped the two names: the old file would go over the new one, and the new orders are gone. "
                         "os.replace(new, target)")
        self._look_before(src)
        if not Path(src).resolve().is_relative_to(self.target.parent.resolve()):
            self.from_other_disk = True
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rows = rows_of(Path(src).read_bytes())
        if len(rows) < len(self.orders.new) and rows[:1] in ([], self.orders.new[:1]):
            self._refuse(f"the new file held {orders_in(rows):,} of 1,142 orders when it was moved: "
                         "the rest was still in your program")
        if rows != self.orders.new:
            self._refuse(f"the new file is another one than asked for: {first_difference(self.orders.new, rows)}")
        if open_files(src) or open_handles(src):
            self._refuse("all 1,142 orders are there, but the file is still open when it is moved: "
                         "Windows refuses that" + (". mkstemp gives an open handle: close it, too" if open_handles(src) else ""))
        self.name = os.path.relpath(src, self.target.parent)
        self.rights = stat.S_IMODE(os.stat(src).st_mode)
        self.really_replace(src, dst, **others)
        self.done = True

    def rename(self, src, dst, **others):
        self._look_before(src)
        if open_files(src):
            self._refuse("the file is still open when it is moved: Windows refuses that, and its last rows may still "
                         "be in your program")
        if self.by_system:
            return self.replace(src, dst, **others)
        self.renamed = True
        raise FileExistsError(errno.EEXIST, "os.rename does not replace a file on Windows")

    def _look_before(self, source):
        self.tries += 1
        if self.tries > AT_MOST:
            raise KeyboardInterrupt  # what else would stop a program that tries for ever
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
    with mock.patch.object(os, "replace", moves.replace), mock.patch.object(os, "rename", moves.rename), \
            waiting_takes_no_time():
        namespace.update(stand_ins)
        try:
            yield
        finally:
            namespace.update(own)


def _publish_normally(names, rights=0o640):
    """Return a function that publishes where nothing goes wrong, and adds the name that was moved to ``names``."""
    def publish(function, target, temp, refused):
        target.chmod(rights)
        before = stat.S_IMODE(target.stat().st_mode)
        orders, stopped = WatchedOrders(load_orders(), target), None
        by_system = bool(re.search(r"\bos\.name\b|\bplatform\b", code_of(function)))
        moves = WatchedMoves(orders, refused, by_system)
        with _watched(function, moves):
            try:
                with explained():
                    function(orders, target)
            except NotYet as reason:
                refused.append(str(reason))
            except (Exception, KeyboardInterrupt) as error:
                stopped = error
        if refused:
            raise NotYet(refused[0])
        _judge_end(function, moves, stopped)
        if orders.part_seen is not None:
            raise NotYet(f"a reader in the middle finds {orders_in(rows_of(orders.part_seen)):,} of 1,142 orders "
                         "in the target: you write where others read")
        rows = rows_of(content_of(target))
        if rows == orders.new and not moves.done:
            raise NotYet(_how_it_was_written(function))
        if rows != orders.new:
            raise NotYet(f"the target holds {orders_in(rows):,} orders afterwards, not the new 1,142")
        _nothing_left(target, temp, "afterwards")
        _judge_rights(function, target, before, moves.rights)
        names.append(moves.name)
    return publish


def _judge_end(function, moves, stopped):
    """Raise NotYet, or the error with which the function ``stopped``, if it has."""
    if stopped is None:
        return
    sentence = what_stopped(stopped, function)
    first = what_stopped(stopped.__context__ or stopped, function)  # where the learner's except met the first one
    if moves.done and isinstance(stopped, FileNotFoundError) and re.search(r"copymode|copystat|chmod", first):
        raise NotYet("the permissions come too late: after the move the new file has the target's name. Give them to it before")
    if moves.done and isinstance(stopped, FileNotFoundError):
        raise NotYet("after a good move nothing has the new file's first name any more: remove it only when something "
                     "failed")
    if not moves.done and moves.from_other_disk:
        raise NotYet("os.replace stopped with Invalid cross-device link: the new file lies on another disk "
                     "than the target")
    if not moves.done and moves.renamed:
        raise NotYet("os.rename does not replace a file on Windows; os.replace does, everywhere")
    must_end(moves.tries, "when the move is refused")
    if isinstance(stopped, FileNotFoundError) and not moves.done and "delete=False" not in code_of(function) and (
            "NamedTemporaryFile" in names_called(function)):
        raise NotYet(f"{sentence}. With delete=True the temporary file is removed when it is closed")
    raise stopped


def _how_it_was_written(function):
    called, calls = names_called(function), calls_in(function)
    if "shutil.move" in calls or "move" in called:
        return ("on Windows, and between two disks, shutil.move copies the target together piece by piece: a reader in the middle finds "
                "a part of it")
    if called & {"copy", "copy2", "copyfile", "copyfileobj"}:
        return "the target was copied together piece by piece: a reader in the middle finds a part of it"
    if {"link", "symlink", "symlink_to", "hardlink_to"} & called:
        return "the target was removed and made anew: a reader in between finds no file"
    return "the target was emptied and written anew: a reader in the middle finds a part of it"


REFUSED = "another program has the target open"


def _publish_where_the_move_is_refused(function, target, temp, refused):
    """Let os.replace and os.rename fail, as on Windows while a reader has the target open."""
    old, tries, really_replace = target.read_bytes(), [], os.replace

    def move(src, dst, **others):
        tries.append(src)
        if len(tries) > AT_MOST:
            return really_replace(src, dst)
        raise PermissionError(errno.EACCES, REFUSED, str(dst))

    with _watched(function, mock.Mock(replace=move, rename=move)):
        error = error_from(function, load_orders()[:10], target)
    must_end(len(tries), "when the move is refused, as Windows does while a reader has the target open")
    if not target.exists():
        raise NotYet("the move was refused, as Windows does while a reader has the target open, and afterwards there is no target: your "
                     "function has removed it")
    if content_of(target) != old:
        raise NotYet("the move was refused, as Windows does while a reader has the target open, and your function wrote into the target "
                     "in another way: that reader finds a part of it")
    when = "the move was refused, as Windows does while a reader has the target open, and"
    _nothing_left(target, temp, when)
    must_come_out(error, REFUSED, "when the move was refused")


def _where_no_file_can_be_made(function):
    """Return a remark about an except that stops in its turn where the folder of the target is missing, or ''."""
    with temporary_folder() as folder, quietly():
        error = error_from(function, load_orders()[:10], Path(folder) / "missing" / "orders.csv")
    if isinstance(error, NameError | AttributeError):
        return (f". (Where no file can be made, such as in a folder that is missing, {what_stopped(error, function)}. Make the file "
                "before the try: there is nothing to remove yet)")
    return ""


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
        old = target.read_bytes()
        SmallDisk.was_full = 0
        with open_replaced(function, open_with(raw=disk)), waiting_takes_no_time():
            error = error_from(function, orders, target)
        must_end(max(SmallDisk.was_full, times_failed(orders)), f"when {what}")
        if not (SmallDisk.was_full or getattr(orders, "raised", False)):
            return  # nothing went wrong: the function writes or reads in a way of its own
        if refused:
            raise NotYet(refused[0])
        if content_of(target) != old:
            raise NotYet(f"{what}, and readers now find {orders_in(rows_of(content_of(target))):,} of {len(orders):,} "
                         "orders in the target: the old file is lost")
        _nothing_left(target, temp, f"{what}, and")
        must_come_out(error, "No space left on device" if SmallDisk.was_full else reason_of(orders), f"when {what}")
    return publish


def _nothing_left(target, temp, when):
    left = [path for path in [*target.parent.iterdir(), *temp.iterdir()] if path != target and not _is_lock(path)]
    if not left:
        return
    if left[0].is_dir():
        raise NotYet(f"{when} a folder is left behind, {left[0].name}")
    if left[0].parent != target.parent:
        raise NotYet(f"{when} a file is left in the temp folder")
    whole = "a file" if when == "afterwards" else "an unfinished file"
    raise NotYet(f"{when} {whole} is left beside the target")
