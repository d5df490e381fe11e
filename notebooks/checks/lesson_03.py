"""Checks for notebook 03, Meet the empty file."""
import ast
import contextlib
import csv
import io
import json
import os
import re
import shutil
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from checks.common import (
    NotYet,
    call_arguments,
    calls_in,
    code_of,
    csv_bytes,
    exercise,
    first_difference,
    load_orders,
    names_called,
    one_letter,
    open_files,
    order_of,
    read_by_another_process,
    run_python,
    some_letters,
    temporary_folder,
    whole_numbers,
    whole_rows,
    why_still_waiting,
)
from checks.windows import as_on_windows, open_replaced

__all__ = ["why_empty", "leave_block", "where_to_flush", "copy_out", "order_of_lines", "trace_reader", "find_the_line"]

# Plain letters, because the functions of this lesson name no encoding; the same item twice, a comma, and no order in id.
PLAIN_ORDERS = [
    {"id": f"{number:06}", "item": item, "price": price}
    for number, (item, price) in enumerate([
        ("Tea", "2.50"), ("Grapes", "4.20"), ("Bananas", "1.80"), ("Tea", "2.50"), ("Olives, green", "3.40"),
        ("Milk", "1.20"), ("Bread", "3.10"), ("Tea", "2.75"), ("Rice 5 kg", "9.90"), ("Apples", "2.20")], start=1)
][::-1]
TEN = len(PLAIN_ORDERS)
EMPTY_LINES = 'an empty line follows each row: say newline="" wherever you open a file for writing'


def _as_lists(orders):
    """Return ``orders``, a list of dictionaries, as the list of lists that a csv.writer takes, the header first."""
    return [list(orders[0]), *(list(order.values()) for order in orders)]


def _written(export, orders):
    writer = csv.DictWriter(export, fieldnames=list(orders[0]))
    writer.writeheader()
    writer.writerows(orders)
    return writer


@exercise
def why_empty(my_choice):
    """Try what A and D claim with a file of our own, and answer for each letter with what was seen."""
    choice = one_letter(my_choice, "ABCD")
    with temporary_folder() as folder:
        path = Path(folder) / "export.csv"
        with open(path, "w", newline="", encoding="utf-8") as export:
            _written(export, PLAIN_ORDERS)
            found = len(path.read_bytes())
            time.sleep(0.2)
            found_later = len(path.read_bytes())
    if choice == "A":
        raise NotYet(f"the check has just waited before it looked, and it found {found_later} bytes: waiting moves nothing")
    if choice == "C":
        raise NotYet("a writer collects nothing: it gives each row to the file object at once, and the rows wait there; "
                     "with many more orders a part of them goes out, and the last ones still wait")
    if choice == "D":
        raise NotYet(f"the check has just done the same with an ordinary file from open(), and it found {found} bytes, too")
    return "the copy was made while the rows were inside the program; the end of the block came later"


@exercise
def leave_block(function):
    """Call ``by_hand(rows, path, target)`` with ten orders, and note whether the export is open when it is read."""
    with temporary_folder() as folder:
        path, target = Path(folder) / "export.csv", Path(folder) / "copy.csv"
        with _noting_readers_of(path, function) as noted:
            try:
                function(_as_lists(PLAIN_ORDERS), path, target)
            except FileNotFoundError as error:
                if error.filename is None or Path(error.filename) != path or noted.opened_to_write:
                    raise
                raise NotYet("your function stops with FileNotFoundError: it reads the export, and nobody has written it yet") from None
        _look_at_the_copy(target, path, noted)
        export, copied = (file.read_bytes() if file.exists() else None for file in (path, target))
    wanted, still_open = csv_bytes(PLAIN_ORDERS), noted.still_open
    if copied is None:
        raise NotYet("there is no copy: nothing was written to target")
    if copied != wanted and still_open and still_open[-1]:
        raise NotYet(f"the copy holds {whole_rows(copied)} of {TEN} orders: {_why_read_too_early(function)}")
    if export is None and noted.opened_to_write:
        raise NotYet("path is gone: you moved or removed it; copy what is in it, and let it stay")
    if export is None:
        raise NotYet("nothing was written to path: write the rows to path first, and copy what you read there")
    if "os.open" in calls_in(function) and {"os.read", "os.write"} & calls_in(function) and "O_BINARY" not in code_of(function):
        raise NotYet("on Windows os.read and os.write change the line ends, unless os.open is given os.O_BINARY: "
                     "take open() for both files")
    _compare_line_ends(wanted, copied, export)
    if difference := first_difference(wanted, copied, "the copy", as_rows=True) \
            or first_difference(wanted, export, "the export", as_rows=True):
        raise NotYet(difference)
    if not still_open and {"run", "Popen", "system", "check_call", "check_output"} & names_called(function):
        raise NotYet("both files hold the orders, but this check cannot see when another program reads: read the export in Python")
    if not still_open and noted.opened_for_both and {"read", "readline", "readlines", "copyfileobj"} & names_called(function):
        raise NotYet(f"the copy is complete, but the export was read through the file object that wrote it{_by('seek', function)}: "
                     "leave the block first, and open the export by its name")
    if not still_open:
        raise NotYet("both files hold the orders, but you wrote them twice: read the export by its name instead")
    if still_open[-1]:
        by = next((f"{name}() did it" for name in ("flush", "tell", "seek") if name in names_called(function)),
                  "the export was still open when it was read")
        raise NotYet(f"the copy is complete, but {by}: this time leave the block first, by moving lines alone")
    _must_be_closed_by_somebody(noted.closed_by_nobody)
    with temporary_folder() as folder, as_on_windows(function):
        function(_as_lists(PLAIN_ORDERS), Path(folder) / "export.csv", copy := Path(folder) / "copy.csv")
        _compare_on_windows(copy)
    flushed = any(name.endswith(".flush") and "stdout" not in name for name in calls_in(function))
    how = "closed before it was read" if "close" in names_called(function) else "read after its block"
    return f"the copy holds all {TEN} orders, because the export was {how}{'; no flush was needed' if flushed else ''}"


def _by(name, function):
    return f", and {name}() flushed" if name in names_called(function) else ""


def _look_at_the_copy(target, path, noted):
    """Raise NotYet when ``target`` is still open for writing, or is no copy but a second name of the export at ``path``."""
    if path.exists() and target.exists() and os.path.samefile(path, target):
        raise NotYet("target is no copy: it is a second name of the export, and what is written there later stands in both")
    if any(writer.writable() for writer in open_files(target)):
        raise NotYet("the copy is still open, so what you wrote to it may wait: close it, or open it with a block")
    noted.closed_by_nobody &= {"export.csv", "copy.csv"}


def _must_be_closed_by_somebody(names):
    """Raise NotYet when one of the files in ``names`` was written and never closed."""
    what, it = ("the export", "before it is read") if "export.csv" in names else ("target", "before your function ends")
    if names:
        raise NotYet(f"the copy is complete, but only because CPython closes a file that nobody can use any more: close {what} {it}, "
                     "or open it with a block")


def _compare_line_ends(wanted, copied, export):
    """Raise NotYet when ``copied``, made from ``export``, differs from ``wanted`` in its line ends alone."""
    if copied != wanted and re.sub(rb"\r*\n", b"\n", copied) == re.sub(rb"\r*\n", b"\n", wanted):
        if export == copied and b"\r" not in export:
            raise NotYet(f"the copy has all {TEN} orders, but in both files the rows end in \\n alone: csv ends them with \\r\\n, "
                         'and to_csv of pandas does so with lineterminator="\\r\\n"')
        if b"\r\r\n" in copied:
            raise NotYet(f"the copy has all {TEN} orders, but {EMPTY_LINES}")
        raise NotYet(f"the copy has all {TEN} orders, but its line ends changed on the way: "
                     'open both files with newline="" (02 says why)')


def _compare_on_windows(copy):
    """Raise NotYet unless ``copy``, made as on Windows, holds the ten orders with the line ends of csv."""
    if b"\r\r\n" in copy.read_bytes():
        raise NotYet(f"here the copy is complete, but on Windows {EMPTY_LINES}")
    if difference := first_difference(csv_bytes(PLAIN_ORDERS), copy, "the copy"):
        raise NotYet(f"here the copy is complete, but on Windows {difference}")


@contextlib.contextmanager
def _noting_readers_of(path, function):
    """Note, inside this block, how ``function`` opens ``path``, and which files it wrote and did not close.

    ``still_open`` gets for each opening of the file for reading whether somebody then had it open for writing;
    ``opened_for_both`` says that it was written and could be read through one file object. Such a file counts as a
    reader when there was something to read, or somebody else had it open.
    """
    noted = SimpleNamespace(still_open=[], opened_to_write=False, opened_for_both=False, closed_by_nobody=set())
    real_open, real_os_open = open, os.open

    def note(file, mode):
        with contextlib.suppress(TypeError, ValueError):
            if Path(file).absolute() != path:
                return
            writes, both = bool(set("wax+") & set(mode)), "+" in mode
            written_to = any(writer.writable() for writer in open_files(path))
            if not writes or both and "w" not in mode and (written_to or path.exists() and path.stat().st_size):
                noted.still_open.append(written_to)
            elif writes:
                noted.opened_to_write, noted.opened_for_both = True, noted.opened_for_both or both

    def noting_open(file, mode="r", *arguments, **options):
        note(file, mode)
        return real_open(file, mode, *arguments, **_in_utf_8(mode, arguments, options))

    def noting_os_open(file, flags, *arguments, **options):
        note(file, "w" if flags & (os.O_WRONLY | os.O_RDWR) else "r")
        return real_os_open(file, flags, *arguments, **options)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)  # Python's word for a file that nobody closed
        with (open_replaced(function, noting_open), mock.patch.object(os, "open", noting_os_open),
              mock.patch.object(io, "open_code", lambda file: noting_open(file, "rb"))):
            yield noted
    for text in (str(warning.message) for warning in told if issubclass(warning.category, ResourceWarning)):
        if path.parent.name in text and re.search(r"BufferedWriter|BufferedRandom|mode='[^']*[wax+]", text):
            noted.closed_by_nobody.update(re.findall(r"[\w-]+\.csv", text))


def _in_utf_8(mode, arguments, options):
    """Return ``options`` of open() with an encoding, where text is opened without one; ``arguments`` follow the mode."""
    return options if "b" in mode or len(arguments) > 1 else {"encoding": "utf-8", **options}


def _why_read_too_early(function):
    if why := why_still_waiting(function):
        return why
    if any(name.endswith(".flush") and not name.startswith("export.") for name in calls_in(function)):
        return "that flush belongs to the second file, and the text that was read was empty already"
    if "flush" in names_called(function):
        return "your flush does not stand between the last row and the reading"
    writing, reading = _lines_that_write_and_read(function)
    if writing and reading and max(reading) < min(writing):
        return "the export was read before the rows were written"
    if "with" not in re.findall(r"\w+", code_of(function).partition("writerow")[0]):
        return "the export was read before it was closed"
    return "the export was read inside its block, where the rows still wait; move the lines that read"


READING = {"read", "readline", "readlines", "reader", "DictReader", "read_text", "read_bytes", "copyfile", "copyfileobj", "copy", "copy2"}


def _lines_that_write_and_read(function):
    """Return the numbers of the lines that call writerow() or writerows(), and of those that open a file or read it."""
    writing, reading = [], []
    for node in _calls(function):
        name = _name_of(node)
        if name in ("writerow", "writerows"):
            writing.append(node.lineno)
        if name in READING or name == "open" and not _opens_to_write(node):
            reading.append(node.lineno)
    return writing, reading


def _calls(function):
    return [node for node in ast.walk(ast.parse(code_of(function))) if isinstance(node, ast.Call)]


def _name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _opens_to_write(call):
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(set("wax+") & set(mode.value) for mode in modes if isinstance(mode, ast.Constant))


@exercise
def where_to_flush(my_places):
    """Run the loop once for each of the places A to E and compare with the answer."""
    if isinstance(my_places, str):
        my_places = re.sub(r"(?i)\bor\b", " ", my_places)
    answer = some_letters(my_places, "ABCDE")
    rows = {place: _rows_with_flush_at(place) for place in "ABCDE"}
    right = {place for place, count in rows.items() if count == TEN}
    if answer == right:
        return f"C and D give all {TEN} orders; D makes one trip, and C makes one for each order"
    missing = "" if right <= answer else "; and a right place is missing"
    if "A" in answer:
        raise NotYet(f"with A alone the copy holds the header and {rows['A']} of {TEN} orders: "
                     f"A comes before the first row{missing}")
    if "B" in answer:
        raise NotYet(f"with B alone the copy holds {rows['B']} of {TEN} orders: "
                     f"B flushes before each row, so the last one still waits{missing}")
    if "E" in answer:
        raise NotYet(f"with E alone the copy holds {rows['E']} of {TEN} orders: E comes after the copy was made{missing}")
    if answer == {"D"}:
        raise NotYet("D is right, but it is not the only one: what has C sent after the last turn of the loop?")
    raise NotYet("C is right, but it is not the only one: what is still waiting when D runs?")


def _rows_with_flush_at(place):
    with temporary_folder() as folder:
        path, target = Path(folder) / "export.csv", Path(folder) / "copy.csv"
        with open(path, "w", newline="", encoding="utf-8") as export:
            writer = csv.DictWriter(export, fieldnames=list(PLAIN_ORDERS[0]))
            writer.writeheader()
            if place == "A":
                export.flush()
            for order in PLAIN_ORDERS:
                if place == "B":
                    export.flush()
                writer.writerow(order)
                if place == "C":
                    export.flush()
            if place == "D":
                export.flush()
            shutil.copyfile(path, target)
            if place == "E":
                export.flush()
        return whole_rows(target.read_bytes())


@exercise
def copy_out(function):
    """Call ``copy_out(rows, export, target)`` with three numbers of orders, and look at the copy and at ``export``.

    Ten orders are too few to be sent by luck, and so are the others; a flush every few rows comes after the last row by
    luck with one of the numbers, and not with the next. Another process reads the first copy. Afterwards the caller
    writes one more row to ``export``: it must stand behind the others.
    """
    _copy_out(function, load_orders()[:TEN], read_by_another_process)
    for count in (17, 22):
        _copy_out(function, load_orders()[:count], lambda file: Path(file).read_bytes() if Path(file).exists() else None)
    called = names_called(function)
    for name in () if "flush" in called or _prints_with_flush(function) else ("tell", "seek", "truncate"):
        if name in called:
            return f"all {TEN} orders, because {name}() flushes as a side effect; flush() says what you mean"
    return f"another program finds all {TEN} orders in the copy, and the caller could go on writing"


def _prints_with_flush(function):
    return any("flush" in given for given in call_arguments(function, "print"))


def _copy_out(function, orders, read):
    """Call ``function`` with ``orders`` and raise NotYet unless the copy is whole and the caller can go on writing."""
    wanted = csv_bytes(orders)
    with temporary_folder() as folder:
        path, target = Path(folder) / "export.csv", Path(folder) / "copy.csv"
        export = open(path, "w", newline="", encoding="utf-8")  # noqa: SIM115 (it may come back detached, and is closed below)
        try:
            status = os.fstat(export.fileno())
            with _noting_readers_of(path, function) as noted:
                function(_as_lists(orders), export, target)
            closed = _is_closed(export, status)
            if not target.exists():
                raise NotYet("there is no copy: nothing was written to target")
            if not (path.exists() and os.path.samestat(path.stat(), status)):
                raise NotYet("the export is gone under its name: copy it, and do not move, remove or replace it, "
                             "for the caller goes on writing to it")
            seen, copied = read(path), read(target)
            _look_at_the_copy(target, path, noted)
            if not closed:
                export.write("one more row\r\n")
        finally:
            with contextlib.suppress(OSError, ValueError):
                export.close()
        written = read(path)
    if not copied.startswith(wanted) and wanted.startswith(copied):
        raise NotYet(f"the copy holds {whole_rows(copied)} of {len(orders)} orders{_why_short(function, closed)}")
    _compare_line_ends(wanted, copied, seen)
    if difference := first_difference(wanted, copied, "the copy", as_rows=True):
        raise NotYet(difference)
    if closed:
        raise NotYet("the copy is complete, but you closed export: the caller can no longer write to it")
    if written.startswith(b"one more row"):
        if not seen:
            raise NotYet("target holds the orders, but export holds none of them: write them to export, and copy that")
        if "seek" not in names_called(function):
            raise NotYet("the rows went through a second file object, and export knows nothing of them: "
                         "the caller's next row is written over your first ones")
        raise NotYet("the copy is complete, but export stands at its start again, as after seek(0): "
                     "the caller's next row is written over your first ones")
    if difference := first_difference(wanted + b"one more row\r\n", written, "export", as_rows=True):
        raise NotYet(f"the copy is complete, but export is not as the caller expects: {difference}")
    if seen != wanted:
        raise NotYet("you wrote the rows twice, and those in export still wait: flush export, and copy it by its name")
    if not noted.still_open and any(_opens_to_write(node) for node in _calls(function) if _name_of(node) == "open"):
        raise NotYet("both files hold the orders, but you wrote them twice: copy the export by its name instead")
    _must_be_closed_by_somebody(noted.closed_by_nobody)


def _is_closed(export, status):
    """Tell whether ``export``, which had ``status``, is closed; raise NotYet when it is open, and nobody can write to it."""
    try:
        if export.closed:
            return True
        if os.path.samestat(os.fstat(export.fileno()), status):
            return False
    except (OSError, ValueError):  # after os.close(), or after detach()
        pass
    raise NotYet("you took from export what it writes to, as detach() and os.close() do: the caller can no longer write to it")


def _why_short(function, closed):
    """Return the rest of a sentence for a short copy: why what the learner did does not help."""
    if closed:
        return ": the file was closed after the copy was made, and closed it must not be"
    if why := why_still_waiting(function):
        return f": {why}"
    flushes = [node.lineno for node in _calls(function) if _name_of(node) == "flush"]
    if not flushes:
        return ": the rows are still waiting when the copy is made"
    writing, reading = _lines_that_write_and_read(function)
    if any(max(writing, default=0) < line < max(reading, default=0) for line in flushes):
        return ": your flush did not run after the last row, so what was written behind it still waits"
    if reading and max(flushes) > max(reading):
        return ": your flush comes after the copy was made"
    return ": your flush comes before the last row; what is written later waits again"


LINES = {
    "A": "shutil.copyfile(export.name, target)",
    "B": 'with tempfile.NamedTemporaryFile("w", newline="") as export:',
    "C": "os.remove(export.name)",
    "D": 'with tempfile.NamedTemporaryFile("w", newline="", delete=False) as export:',
    "E": "    csv.writer(export).writerows(rows)",
    "F": "    shutil.copyfile(export.name, target)",
}
INSIDE = "F copies inside the block, where the rows still wait"
BEFORE_LINES = """
import csv, json, os, shutil, sys, tempfile
rows, target, tempfile.tempdir = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
"""


@exercise
def order_of_lines(my_order):
    """Run the lines in the order of the answer as a program of its own, and look at the copy and for what is left."""
    order = order_of(my_order)
    if not order or not set(order) <= set(LINES):
        raise NotYet('answer with letters from A to F in your order, such as "FEB"')
    if len(set(order)) < len(order):
        raise NotYet("there is only one of each line, so use a letter once at most")
    if "E" not in order:
        raise NotYet("no line of your program writes the rows")
    if not set("AF") & set(order):
        raise NotYet("no line of your program makes the copy")
    if set("BD") <= set(order):
        raise NotYet("B and D make two temporary files: which of the two is still there after its block?")
    program = "\n".join(LINES[letter] for letter in order)
    with temporary_folder() as folder, temporary_folder() as temp_folder:
        target = Path(folder) / "copy.csv"
        process = run_python(BEFORE_LINES + program, json.dumps(_as_lists(PLAIN_ORDERS)), target, temp_folder)
        copied = target.read_bytes() if target.exists() else b""
        left = any(Path(temp_folder).iterdir())
    if process.returncode:
        raise NotYet(_why_stopped(order, re.sub(r" on line \d+$", "", process.stderr.strip().splitlines()[-1])))
    if copied != csv_bytes(PLAIN_ORDERS):
        raise NotYet(f"the copy holds {whole_rows(copied)} of {TEN} orders: {INSIDE}")
    if left:
        raise NotYet("the copy is complete, but a temporary file is left behind: with delete=False, who removes it?")
    spare = "; F was not needed: it made an empty copy, and A replaced it" if "F" in order else ""
    return f"the copy holds all {TEN} orders, and no temporary file is left behind{spare}"


def _why_stopped(order, error):
    """Return a sentence for a program that stopped with ``error``, the last line of what Python said."""
    if error.startswith(("IndentationError", "SyntaxError")):
        return f"Python cannot read your program: {error}. E and F stand inside a block, after the line that opens it"
    if error.startswith("NameError"):
        return f"your program stops with {error}: which line makes the file object?"
    if error.startswith("PermissionError") and "F" in order:  # Windows, with B
        return f"{INSIDE}; and on Windows nobody else may open the file there"
    if error.startswith("FileNotFoundError") and "B" in order:
        return "your program stops with FileNotFoundError: a file from B is removed at the end of its block"
    if error.startswith("FileNotFoundError"):
        return "your program stops with FileNotFoundError: the file was removed before it was copied"
    return f"your program stops with {error}"


@exercise
def trace_reader(my_rows):
    """Run the numbered program, count the rows in the file at each number, and compare with the five numbers."""
    answer = whole_numbers(my_rows)
    if answer is None or len(answer) != 5:
        raise NotYet("answer with a list of five numbers of rows, such as [4, 3, 2, 1, 0]")
    seen = []
    with temporary_folder() as folder:
        path = Path(folder) / "export.csv"

        def look():
            seen.append(path.read_bytes().count(b"\n"))

        with open(path, "w", newline="", encoding="utf-8") as export:
            writer = csv.writer(export)
            writer.writerow(["Tea"])
            look()
            export.flush()
            look()
            writer.writerow(["Grapes"])
            look()
            writer.writerow(["Bananas"])
            export.tell()
            look()
            writer.writerow(["Milk"])
        look()
    for number, (right, given) in enumerate(zip(seen, answer), start=1):
        if given != right:
            raise NotYet(f"at {number} another reader does not find {given}: {_why_that_many(number, given)}")
    return "another reader finds 0, 1, 1, 3 and 4 rows"


def _why_that_many(number, given):
    written = (1, 1, 2, 3, 4)[number - 1]
    if given > written:
        return f"the program has written {written} {'row' if written == 1 else 'rows'} by then, and no header"
    if number == 1:
        return "the tea has been written, but nothing has sent it to the file yet"
    if number == 2:
        return "the flush has sent what was waiting, which is the tea"
    if number == 3 and given == 2:
        return "a flush is no switch: it has sent the tea, and the grapes came later"
    if number == 3:
        return "the tea was sent and stays in the file, and the grapes wait"
    if number == 4:
        return "which rows wait here, and what does tell() do before it answers?"
    return "the end of the block closes the file, and closing sends what still waits"


SCRIPT = """
def write_orders(orders, path):
    export = open(path, "w", newline="")
    writer = csv.DictWriter(export, fieldnames=list(orders[0]))
    writer.writeheader()
    for order in orders:
        writer.writerow(order)
    return export

export = write_orders(orders, "export.csv")
print("written", flush=True)
shutil.copyfile("export.csv", "for-accounting.csv")
export.close()
""".strip().splitlines()
NEVER_RUN = {  # what follows when the line stands behind line 7
    4: ": the header is not written",
    10: ': "written" is no longer printed, and the copy is still empty',
    11: ": no copy is made",
    12: ": the file is closed by nobody",
}
BEFORE_SCRIPT = "import csv, json, os, shutil, sys\norders = json.loads(sys.argv[1])\nos.chdir(sys.argv[2])\n"


@exercise
def find_the_line(my_move):
    """Move one line of the script as the answer says, run it as a program of its own, and look at the copy.

    Where the lines before and after the new place are indented differently, both indentations are tried.
    """
    line, after = _move_in(my_move)
    if line == 8:
        raise NotYet("line 8 is empty: move a line that does something")
    if after == line:
        raise NotYet(f"a line cannot stand after itself: after which other line does line {line} stand then?")
    if after == line - 1:
        raise NotYet(f"line {line} stands after line {line - 1} already")
    told = []
    for script in _moved(line, after):
        copied, error = _copy_made_by(script)
        if error is None and copied == csv_bytes(PLAIN_ORDERS):
            where = ", when it stands after the loop and not in it," if after == 6 else ""
            return f"with line {line} after line {after}{where} the copy holds all {TEN} orders"
        told.append((copied, error))
    copied, error = told[0]
    move = f"with line {line} after line {after}"
    if after == 7 and not error:
        raise NotYet(f"{move} it never runs, because line 7 leaves the function{NEVER_RUN.get(line, '')}")
    if error:
        raise NotYet(f"{move} the script stops with {error.rstrip('.')}{_why_it_stops(error)}")
    rows = whole_rows(copied or b"")
    why = ": line 10 flushes the screen, not the file" if line == 10 else ": when is the file closed, and when is it copied?"
    if line == 7:
        why = ": line 7 leaves the function before the loop has written the rows"
    raise NotYet(f"{move} the copy still holds {rows} of {TEN} orders{why}")


def _why_it_stops(error):
    """Return the rest of a sentence for ``error``, the last line of what Python said of the script."""
    if error.startswith(("NameError", "UnboundLocalError")):
        return ": a line uses a name before it is made, or outside the function that has it"
    if error.startswith("IndentationError"):
        return ": an indented line needs its def or for above it, and a def or for needs an indented line below it"
    if "closed file" in error:
        return ": it is closed before all rows are written"
    return ""


def _move_in(my_move):
    """Return (line, after which line) of such as "12 after 9", "line 12 before line 10" or [12, 9]."""
    numbers = re.findall(r"\d+", my_move) if isinstance(my_move, str) else my_move
    numbers = whole_numbers(numbers) or []
    if isinstance(my_move, str) and re.search(r"(?i)\bto\b", my_move) and not re.search(r"(?i)after|before", my_move):
        raise NotYet('say after which line it stands then, such as "10 after 4"')
    if len(numbers) != 2:
        raise NotYet('answer with two numbers of lines, such as "10 after 4"')
    line, after = numbers
    if isinstance(my_move, str) and "before" in my_move.lower():
        after -= 1
    if not (1 <= line <= len(SCRIPT) and 0 <= after <= len(SCRIPT)):
        raise NotYet(f"the script has the lines 1 to {len(SCRIPT)}")
    return line, after


def _moved(line, after):
    """Return the scripts that the move can mean, one for each indentation of the new place."""
    before = next((text for text in reversed(SCRIPT[:after]) if text.strip()), "") if after != 8 else ""
    behind = next((text for number, text in enumerate(SCRIPT, start=1) if number > after and number != line and text.strip()), "")
    indents = [_indent(before) + 4 * before.endswith(":"), _indent(behind)]
    scripts = []
    for indent in dict.fromkeys(indents):
        numbered = [(number, text) for number, text in enumerate(SCRIPT, start=1) if number != line]
        place = sum(number <= after for number, _ in numbered)
        texts = [text for _, text in numbered]
        scripts.append("\n".join([*texts[:place], " " * indent + SCRIPT[line - 1].strip(), *texts[place:]]))
    return scripts


def _indent(text):
    return len(text) - len(text.lstrip())


def _copy_made_by(script):
    """Return the bytes of the copy that ``script`` makes, or None, and the last line of its complaint, or None."""
    with temporary_folder() as folder:
        process = run_python(BEFORE_SCRIPT + script, json.dumps(PLAIN_ORDERS), folder)
        copy = Path(folder) / "for-accounting.csv"
        copied = copy.read_bytes() if copy.exists() else None
    return copied, process.stderr.strip().splitlines()[-1] if process.returncode else None
