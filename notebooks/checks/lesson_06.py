"""Checks for notebook 06, Know what survives."""
import ast
import builtins
import contextlib
import csv
import errno
import inspect
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

from accidents import InterruptedDisk
from processes import stop, stop_for, used_from_notebook

from checks.common import (
    NotYet,
    a_number,
    as_program,
    call_arguments,
    calls_in,
    code_of,
    exercise,
    first_difference,
    names_called,
    one_letter,
    order_of,
    some_letters,
    temporary_folder,
    whole_number,
    why_still_waiting,
)

__all__ = ["which_end", "rows_after_the_kill", "write_log", "why_lost", "survive_sigterm", "first_alarm", "background_code",
           "which_exits", "safe_order"]

# --- Ways out --------------------------------------------------------------------------------------------------

BEGIN = """
import atexit, csv, os, signal, sys, threading, time
def start(**options):
    return open(sys.argv[1], "w", newline="", encoding="utf-8", **options)
def fill(export):
    csv.writer(export).writerows([["order_id", "item"], ["000001", "Bananas"], ["000002", "Grapes"]])
def kill():
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""
THREE_ROWS = """
with start() as export:
    writer = csv.writer(export)
    writer.writerow(["Tea"])
    writer.writerow(["Grapes"])
    export.flush()
    writer.writerow(["Bananas"])
    kill()
"""
EXITS = {
    "A": "with start() as export:\n    fill(export)\n    raise RuntimeError",
    "B": "with start() as export:\n    fill(export)\n    os._exit(1)",
    "C": "export = start()\nfill(export)\nexport.flush()\nkill()",
    "D": "export = start(buffering=1)\nfill(export)\nkill()",
    "E": "export = start()\natexit.register(export.close)\nfill(export)\nsignal.raise_signal(signal.SIGTERM)",
    "F": """
def work():
    with start() as export:
        fill(export)
        written.set()
        time.sleep(60)
written = threading.Event()
threading.Thread(target=work, daemon=True).start()
written.wait()
""",
}
WRONGLY_SAFE = {
    "B": "os._exit() ends the process at once, and the end of the with block is never reached",
    "E": "what was given to atexit runs at an orderly end, and SIGTERM is none unless somebody handles it",
    "F": "Python does not wait for a daemon thread: it is stopped inside its with block",
}
WRONGLY_LOST = {
    "A": "an exception leaves the with block through its end, which closes the file",
    "C": "the rows were flushed before the kill, so the operating system has them",
    "D": "buffering=1 flushes at every line end, so nothing is waiting when the kill comes",
}


ENDS = {"A": "sys.exit(1)", "B": "raise SystemExit", "C": "os._exit(1)", "D": "assert False"}


@exercise
def which_end(my_end):
    """Run the four ends in four processes, and count the rows in each file afterwards."""
    choice = one_letter(my_end, "ABCD")
    rows = {letter: max(0, lines - 1) for letter, lines in
            _lines_left_by({letter: f"export = start()\nfill(export)\n{end}" for letter, end in ENDS.items()}).items()}
    if rows[choice] == 0:
        return f"after {ENDS[choice]} the file holds 0 of 2 rows, and after each of the others it holds both"
    raise NotYet(f"after {ENDS[choice]} the file holds {rows[choice]} of 2 rows: it raises an exception, and that is an orderly end")


@exercise
def rows_after_the_kill(my_number):
    """Run the program with the three rows in a process of its own, let it be killed, and count the rows in its file."""
    answer = a_number(my_number)
    rows = _lines_left_by({"": THREE_ROWS})[""]
    if answer == rows:
        return f"the file holds {rows} of 3 rows: what was flushed before the kill, and nothing that came later"
    if not 0 <= answer <= 3:
        raise NotYet(f"the program writes 3 rows, so {_rows(answer)} cannot be in its file")
    if answer == 3:
        raise NotYet("the file does not hold 3 rows: the end of the with block would send the last one, and it is never reached")
    if answer == 0:
        raise NotYet("the file is not empty: what was flushed before the kill is with the operating system, which lives on")
    raise NotYet(f"the file does not hold {_rows(answer)}: which rows had been written when flush() was called?")


def _rows(number):
    return f"{number} row" + ("" if number == 1 else "s")


@exercise
def which_exits(my_exits):
    """Run the six programs in six processes, and count the rows in each file afterwards."""
    answer = some_letters(my_exits, "ABCDEF")
    rows = {letter: max(0, lines - 1) for letter, lines in _lines_left_by(EXITS).items()}
    for letter in sorted(answer):
        if rows[letter] == 2:
            raise NotYet(f"{letter} loses nothing, its file holds 2 of 2 rows: {WRONGLY_LOST[letter]}")
    if missing := [letter for letter, count in rows.items() if count < 2 and letter not in answer]:
        more = "1 more program loses" if len(missing) == 1 else f"{len(missing)} more programs lose"
        raise NotYet(f"what you named does lose its rows, and {more} both rows. Think of this: {WRONGLY_SAFE[missing[0]]}")
    return "B, E and F lose both rows; the other three keep them"


def _lines_left_by(programs):
    with temporary_folder() as folder:
        paths = {name: Path(folder) / f"export{name}.csv" for name in programs}
        children = [subprocess.Popen([sys.executable, "-I", "-c", BEGIN + programs[name], path],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for name, path in paths.items()]
        for child in children:
            child.wait(timeout=300)
        return {name: path.read_bytes().count(b"\n") for name, path in paths.items()}


# --- Errors that come late -------------------------------------------------------------------------------------

@exercise
def first_alarm(my_line):
    """Do the five lines with a disk that is full, and note which one raises first."""
    choice = one_letter(my_line, "ABCDE")
    first = _first_to_raise()
    if choice == first:
        return f"line {first}, the flush, is the first that goes to the operating system, so it is the first that can hear of the full disk"
    if choice == "A":
        raise NotYet("line A raised nothing: writerow() hands the row to the file object, where it waits, and no disk is asked")
    if choice == "B":
        raise NotYet("line B raised nothing: it prints to the screen, and the row still waits")
    raise NotYet(f"line {choice} is not reached: an earlier line raised OSError. Which is the first that sends the row on?")


def _first_to_raise():
    class FullDisk(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    export = io.TextIOWrapper(io.BufferedWriter(FullDisk()), encoding="utf-8", newline="")
    lines = {"A": lambda: csv.writer(export).writerow(["Tea"]), "B": lambda: print("written"), "C": export.flush, "E": export.close}
    try:
        for letter, line in lines.items():
            try:
                line()
            except OSError:
                return letter
    finally:
        try:
            export.close()
        except OSError:
            pass
    return None


@exercise
def background_code(my_code):
    """Run the program with the pool, whose result nobody asks for, in a process of its own."""
    answer = whole_number(my_code)
    if answer is None:
        raise NotYet(f"answer with the exit code as a whole number, not with {my_code!r}")
    ended = as_program(_saves_and_does_not_ask)
    if answer == ended.exit_code:
        return f"the exit code is {ended.exit_code}, although the disk was full: nobody asked for the result"
    raise NotYet(f"the exit code is not {answer}: the error comes out where somebody calls result(), and nobody does")


def _saves_and_does_not_ask():
    from concurrent.futures import ThreadPoolExecutor

    from accidents import TWO_ROWS, SmallDisk

    def save(disk):
        with disk.open() as export:
            csv.writer(export).writerows(TWO_ROWS)

    with ThreadPoolExecutor() as pool:
        pool.submit(save, SmallDisk(room=10))


# --- A log that survives ---------------------------------------------------------------------------------------

GOES_ON = 77  # the exit code of a process that had to be ended the hard way
FEW, MANY = 40, 1500  # readings; the many are long, so that a trip comes every few of them
SHORT, LONG = "20.5", "20.5".zfill(3000)  # two long ones are more than a small byte buffer holds
TRIP_FROM = 701  # a prime: a flush every 2, 7 or 100 has sent the readings before it, and then two or three of them wait
WITHOUT_HANDLER = -signal.SIGTERM if hasattr(os, "WIFSIGNALED") else 3  # the exit code that SIGTERM itself gives
USED_UP = "the readings are used up, and your program asks for one more with next(): take them with a for loop, which ends by itself"
NOT_EACH = "your flush does not come after each reading, before the next is asked for"
LEAVES = (ast.Break, ast.Return, ast.Raise)
write = os.write  # as it is before a signal waits in it


class Reading(list):
    """One that is noted beside ``path`` when somebody takes its values, as a writer does."""

    def __init__(self, values, path):
        super().__init__(values)
        self.path = path

    def __iter__(self):
        Path(f"{self.path}.taken").touch()
        return super().__iter__()

    def __getitem__(self, number):
        Path(f"{self.path}.taken").touch()
        return super().__getitem__(number)

    def __reduce__(self):
        return list, (list(self),)


class Readings:
    """Hands out ``count`` readings, noted beside ``path``; ``before_next(number)`` is called when the next is asked for."""

    def __init__(self, path, count, before_next, value=SHORT):
        self.noted = os.open(f"{path}.noted", os.O_WRONLY | os.O_CREAT)
        self.path, self.value = path, value
        self.number, self.count, self.before_next, self.asked_in_vain = 0, count, before_next, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.number and not self.asked_in_vain:
            self.before_next(self.number)
        if self.number == self.count:
            self.asked_in_vain += 1
            if self.asked_in_vain > 100:
                stop(f"after the last of {_spelled(self.count)} your program does not end: it asks for more again and again. "
                     "Take the readings with one for loop, which ends after the last")
            raise StopIteration
        self.number += 1
        write(self.noted, b".")
        reading = [self.number, self.value]
        return Reading(reading, self.path) if self.number == 1 else reading


def _note_what_is_written(path):
    """Note beside ``path``, from now on, the name of the file that was opened last for writing."""
    plain_open = io.open

    def noting_open(file, mode="r", *others, **named):
        if set(mode) & set("wax+") and not isinstance(file, int):
            with plain_open(f"{path}.opened", "w", encoding="utf-8") as note:
                note.write(os.fsdecode(file))
        return plain_open(file, mode, *others, **named)

    builtins.open = io.open = noting_open


def _handed_out(path):
    return Path(f"{path}.noted").stat().st_size if Path(f"{path}.noted").exists() else 0


def _logged(path):
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as log:
        text = log.read().replace("\r\r\n", "\r\n")  # what Windows makes without newline="" is told in a remark, everywhere
    return [[SHORT if value == LONG else value for value in row] for row in csv.reader(io.StringIO(text, newline=""))]


def _as_logged(numbers):
    return [[str(number), SHORT] for number in numbers]


@exercise
def write_log(function):
    """Call ``write_log(readings, path)`` in processes of its own: with 40 readings, and killed after 1, 2, 3 and 25 of them.

    The kill comes when the function asks for the next reading: all that it was given by then must be in the file.
    """
    _refuse_what_cannot_work(function)
    with temporary_folder() as folder:
        for kill_after in (0, 1, 2, 3, 25):
            path = Path(folder) / f"log-{kill_after}.csv"
            ended = as_program(function, path, kill_after, runner=log_until_the_kill)
            if kill_after and ended.exit_code == 0:
                raise NotYet(f"your function returned before it had asked for reading {kill_after + 1}")
            _compare_log(path, kill_after or FEW, "after a kill" if kill_after else "without any kill", function)
    return f"killed after 1, 2, 3 and 25 readings, it left all of them in the file{_without_newline(function)}"


def log_until_the_kill(function, path, kill_after):
    """Run in the other process: the runner of write_log."""
    def kill(number):
        if number == kill_after:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    _note_what_is_written(path)
    _say_when_used_up(function, Readings(path, FEW, kill), path)


def _say_when_used_up(function, readings, path):
    try:
        function(readings, path)
    except StopIteration:
        stop(USED_UP)
    except Exception as error:
        stop_for(error, function)


def _refuse_what_cannot_work(function):
    elsewhere = used_from_notebook(function)
    for node in ast.walk(ast.parse(code_of(function) or "pass")):
        for name in node.names if isinstance(node, ast.Global) else ():
            if isinstance(elsewhere.get(name), io.IOBase):
                raise NotYet(f"the line global {name} is about the {name} of another cell, which cannot go to the process of this "
                             "check: take the line out")
    for given in call_arguments(function, "signal.signal"):
        if str(given.get(0)).endswith(("SIGKILL", "SIGSTOP")):
            raise NotYet(f"no program can handle {given[0]}: the operating system kills it and asks nobody")


def _without_newline(function):
    opens = call_arguments(function, "open")
    of_csv = repr("\r\n")
    own_ends = any(given.get("lineterminator", of_csv) != of_csv
                   for name in ("writer", "DictWriter") for given in call_arguments(function, name))
    if own_ends or "to_csv" in names_called(function):  # pandas opens with newline="" itself
        return ""
    if "csv" in code_of(function) and opens and not any("newline" in given or "'b" in str(given) or "b'" in str(given)
                                                        or 5 in given for given in opens):
        return '. (On Windows an empty line follows each row: give open() newline="" for csv)'
    return ""


def _compare_log(path, wanted, when, function):
    """Raise NotYet unless the file begins with the ``wanted`` readings."""
    logged, handed, alive = _logged(path), _handed_out(path), when != "after a kill"
    if logged[:wanted] == _as_logged(range(1, wanted + 1)) and (len(logged) == wanted or not alive):
        return
    if not path.exists() and Path(f"{path}.opened").exists():
        name = Path(f"{path}.opened").read_text(encoding="utf-8")
        raise NotYet(f"{when} there is no file at path: your function has written into another one, {Path(name).name}")
    if twice := next((row[0] for row in logged if logged.count(row) > 1 and row in _as_logged(range(1, FEW + 1))), None):
        raise NotYet(f"reading {twice} is in the file {'twice' if logged.count([twice, SHORT]) == 2 else 'more than once'}")
    if logged == _as_logged([wanted]) and wanted > 1 and handed >= wanted:
        back = ("seek() goes back" if "seek" in names_called(function) else
                'mode "r+" begins at the start of the file' if "r+" in code_of(function) else "")
        why = f"{back}, and each reading is written over the one before" if back else 'each open() with "w" begins an empty file'
        raise NotYet(f"{when} the file holds the last reading only: {why}")
    if logged[1:2] == _as_logged([1]):
        raise NotYet(f"the first row of the file is {logged[0]}, which is no reading: write the readings alone")
    if logged == _as_logged(range(1, len(logged) + 1)) and len(logged) < wanted:
        why = (_why_left_early(function, handed) if alive and handed < wanted else
               "did you write each of them?" if alive else _why_lost(function, path))
        raise NotYet(f"{when} the file holds {len(logged):,} of {_spelled(wanted)}: {why}")
    raise NotYet(f"{when} " + (first_difference([["number", "value"], *_as_logged(range(1, wanted + 1))],
                                                [["number", "value"], *logged], "the file") or "the file holds other rows"))


def _spelled(number):
    return f"{number:,} reading" + ("" if number == 1 else "s")


def _why_left_early(function, handed):
    """Return why a function has taken only ``handed`` readings, though no signal came."""
    if inspect.isgeneratorfunction(function):
        return "a function with yield in it only starts when somebody loops over it, and nobody does. Leave yield out"
    if not handed:
        return "your function takes none of the readings"
    early = f"your loop ends after {_spelled(handed)}"
    if "signal.signal" not in calls_in(function):
        return early
    if "is_set" in code_of(function) and "is_set" not in names_called(function):
        return f"{early}. You named is_set but did not call it, and a function always counts as true. It needs its ()"
    asked = _names_asked(function)
    inside = {node.name: function for node in ast.walk(ast.parse(code_of(function))) if isinstance(node, ast.FunctionDef)}
    for name, value in {**used_from_notebook(function), **inside}.items():
        if name in asked and callable(value) and not hasattr(value, "is_set"):
            return f"{early}. {name} is a function, and a function always counts as true: ask the flag instead"
        if name in asked and value:
            return f"{early}, because {name} of another cell is already set: make an empty flag inside your function"
    return f"{early}. No signal has come yet, so is the flag set from the beginning, or asked the wrong way round?"


def _asking(function):
    """Return the nodes of ``function`` that ask for something, and leave a loop or the function because of it."""
    nodes = list(ast.walk(ast.parse(code_of(function) or "pass")))
    return [node for node in nodes if isinstance(node, ast.While) and not isinstance(node.test, ast.Constant)
            or isinstance(node, ast.If) and any(
                isinstance(inner, LEAVES) or isinstance(inner, ast.Call) and "exit" in ast.unparse(inner.func)
                for each in node.body for inner in ast.walk(each))]


def _names_asked(function):
    tested = [part for node in _asking(function) for part in ast.walk(node.test)]
    called = [part.func for part in tested if isinstance(part, ast.Call)]
    return {part.id for part in tested if isinstance(part, ast.Name) and part not in called}


def _why_waiting(function):
    """Return why what the function tries sends no row on, or None when it tries nothing, or flushes its file."""
    called = calls_in(function)
    for given in call_arguments(function, "open"):
        size = given.get("buffering", given.get(2, ""))
        if size.replace("_", "").isdecimal() and int(size) > 1 and "flush" not in names_called(function):
            return f"buffering={size} sets the size of the byte buffer, and the rows wait in the text layer above it"
    if {name for name in called if name.endswith(".flush")} == {"sys.stdout.flush"}:
        return "sys.stdout.flush() flushes the screen, not your file"
    if "os.sync" in called and "flush" not in names_called(function):
        return "os.sync works on what the operating system has, and the rows are still in your program"
    return _takes_all(function) or why_still_waiting(function)


def _takes_all(function):
    for name in ("list", "tuple", "sorted"):
        if any(given.get(0) == _first_parameter(function) for given in call_arguments(function, name)):
            return f"{name}() asks for all readings before the first is written"
    return None


def _first_parameter(function):
    return next(iter(inspect.signature(function).parameters), None)


def _why_too_early(path):
    """Return that readings are collected, if the second was asked for before anybody took the values of the first; else None."""
    if _handed_out(path) and not Path(f"{path}.taken").exists() and not _logged(path):
        return "your function asks for the next reading before the first is written"
    return None


def _closes_in_a_loop(function):
    loops = [node for node in ast.walk(ast.parse(code_of(function) or "pass")) if isinstance(node, ast.For | ast.While)]
    return any("close" in names_called(ast.unparse(each)) for loop in loops for each in loop.body)


def _why_lost(function, path):
    """Return why readings are missing after a kill."""
    called, code = names_called(function), code_of(function)
    if why := _why_waiting(function) or _why_too_early(path):
        return why
    if "flush" in called:
        return NOT_EACH
    if "close" in called and _closes_in_a_loop(function):
        return ("close() sends what waits in the file object that it closes. What is missing was waiting in another one, or no close "
                "has come since")
    if {"close", "register"} & called or "finally" in code or "except" in code:
        return "after a kill nothing of your program runs, so no close, no finally, no except and no atexit"
    if "signal" in called:
        return "a kill is no signal that a program can handle"
    return "what is missing was still waiting in your program"


@exercise
def why_lost(my_choice):
    """Do what 06-trip does once more, and answer for each letter with what was seen."""
    choice = one_letter(my_choice, "ABCD")
    disk = InterruptedDisk(signal.default_int_handler)
    written, file = 0, disk.open()
    with contextlib.suppress(KeyboardInterrupt), file:
        while True:
            csv.writer(file).writerow([f"{written:06d}", "Bananas"])
            written += 1
    missing = f"{written - disk.content.count(bytes([10])):,} rows"
    if choice == "A" and file.closed:
        raise NotYet("the check has just done it again, and the file is closed: with works at KeyboardInterrupt as at any exception")
    if choice == "C":
        raise NotYet(f"the check has just done it again and asked the disk itself: it never got the {missing}, so they are not late")
    if choice == "D":
        raise NotYet("a writer collects nothing: it gives each row to the file object at once")
    return f"{missing} were being handed from the text layer to the byte buffer, and the exception came between the two"


@exercise
def survive_sigterm(function):
    """Run ``keep_log(readings, path)`` in processes of its own: without a signal, and with SIGTERM at three moments.

    Twice the signal arrives when the function asks for the next reading: all that it was given must be in the file. Once it
    arrives while a piece of the file is on its way to the operating system, in a file with a byte buffer of 4,096 bytes: all but the
    reading in hand must be in the file. The readings of that round are long, so that no flush now and then is safe by luck. The
    function must end soon after the signal. What is tried is what is told: when no piece of the file could be seen on its way,
    the answer is not accepted.
    """
    _refuse_what_cannot_work(function)
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        as_program(function, path, 0, runner=log_until_sigterm)
        _compare_log(path, FEW, "without any signal", function)
        codes = []
        for stop_after in (3, 24, "trip"):
            path = Path(folder) / f"log-{stop_after}.csv"
            ended = as_program(function, path, stop_after, runner=log_until_sigterm)
            codes.append(ended.exit_code)
            _judge_signal(stop_after, path, ended, function)
    ways = "SIGTERM came between two readings and in the middle of a trip"
    hint = _without_newline(function)
    if 0 in codes:
        return (f"{ways}, and no reading was lost. The exit code is 0, as after a success: "
                f"if somebody should notice that it was stopped, end with sys.exit(143){hint}")
    return f"{ways}: no reading was lost, the program has ended, and its exit code says that it was stopped{hint}"


def log_until_sigterm(function, path, stop_after):
    """Run in the other process: the runner of survive_sigterm."""
    _note_what_is_written(path)
    if stop_after == "trip":
        _wait_with_a_signal_in_a_trip(path)
    came_at = []

    def next_one(number):
        if number == stop_after:
            came_at.append(number)
            signal.raise_signal(signal.SIGTERM)
        if stop_after == "trip" and not came_at and Path(f"{path}.came").exists():
            came_at.append(number)
        if came_at and number > came_at[0] + 2:
            os._exit(GOES_ON)  # as the system does a few seconds after a SIGTERM without effect

    try:
        many = {"count": MANY, "value": LONG} if stop_after == "trip" else {"count": FEW}
        function(Readings(path, before_next=next_one, **many), path)
    except StopIteration:
        if not came_at and not Path(f"{path}.came").exists():  # a handler may raise what it likes
            stop(USED_UP)
        raise
    except Exception as error:
        _tell_a_mistake(error, function, came_at or Path(f"{path}.came").exists())
        raise


def _tell_a_mistake(error, function, came):
    """End the process with a sentence, unless ``error`` is one that a handler may raise to end the program."""
    innermost = error.__traceback__
    while innermost.tb_next:
        innermost = innermost.tb_next
    if came and "reentrant" in str(error):
        stop("SIGTERM came in the middle of a trip, and your handler used the same file, which Python refuses "
             "(RuntimeError: reentrant call). Let the handler raise an exception, or only set a flag")
    if came and isinstance(error, TypeError) and innermost.tb_frame.f_code.co_filename == __file__:
        stop(f"SIGTERM came, and your handler stopped with TypeError: {error}. Python calls a handler with two arguments, "
             "the number of the signal and the frame")
    if not came or isinstance(error, NameError | AttributeError | TypeError):
        stop_for(error, function)


def _wait_with_a_signal_in_a_trip(path):
    """Let SIGTERM come once, in the first trip from reading 701 on, in whichever way a file is opened for writing.

    Files with a byte buffer get one of at most 4,096 bytes, as many disks suggest it to Python up to 3.13.
    """
    def on_the_way():
        if _handed_out(path) >= TRIP_FROM and not Path(f"{path}.came").exists():
            Path(f"{path}.came").mkdir()
            signal.raise_signal(signal.SIGTERM)

    class Interrupted(io.FileIO):
        def write(self, data):
            on_the_way()
            return super().write(data)

    class Writer(io.BufferedWriter):
        def __init__(self, raw, buffer_size=4096):
            super().__init__(raw, min(buffer_size, 4096))

    class Random(io.BufferedRandom):
        def __init__(self, raw, buffer_size=4096):
            super().__init__(raw, min(buffer_size, 4096))

    def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None, open=io.open):
        if not set(mode) & set("wax+"):
            return open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Interrupted(file, mode.replace("t", "").replace("b", ""), closefd, opener)
        if buffering == 0:
            return raw
        below = (Random if "+" in mode else Writer)(raw, buffering if buffering > 1 else 4096)
        return below if "b" in mode else io.TextIOWrapper(below, encoding, errors, newline, line_buffering=buffering == 1)

    def write_down(place, data):
        on_the_way()
        return write(place, data)

    builtins.open = io.open = open_file
    io.FileIO, io.BufferedWriter, io.BufferedRandom, os.write = Interrupted, Writer, Random, write_down


def _judge_signal(stop_after, path, ended, function):
    handed, logged = _handed_out(path), _logged(path)
    if stop_after == "trip" and not Path(f"{path}.came").exists():
        if handed < MANY:
            raise NotYet(f"your function ended after {_spelled(handed)}, without any signal")
        raise NotYet("SIGTERM came between two readings, and no reading was lost. But the check cannot see how your rows get into "
                     "the file, so it could not send one in the middle of a trip: open the file with open(path, ...)")
    # The reading that was in hand in the trip may be lost: its writerow() or flush() had not returned.
    wanted = handed - 1 if stop_after == "trip" else handed
    missing = next((number for number in range(1, wanted + 1) if logged[number - 1:number] != _as_logged([number])), None)
    found = sum(row in logged for row in _as_logged(range(1, wanted + 1))) if missing else wanted
    if ended.exit_code == GOES_ON:
        raise NotYet(f"SIGTERM came, and the logger goes on: {_why_it_goes_on(function)}")
    if twice := next((row[0] for row in logged if logged.count(row) > 1 and row in _as_logged(range(1, handed + 1))), None):
        raise NotYet(f"SIGTERM came, and reading {twice} is in the file twice")
    if missing is None:
        return
    when = "during a trip" if stop_after == "trip" else "between two readings"
    seen = f"SIGTERM came {when}, and {found:,} of {_spelled(wanted)} are in the file"
    if found >= missing and _as_logged([missing])[0] not in logged:
        raise NotYet(f"{seen}: reading {missing} is missing, and later ones are there")
    if stop_after == "trip":
        why = ("although it was closed: your handler raises an error inside writerow(), and what was just being handed down is "
               "thrown away")
        if "flush" in names_called(function) and not _why_waiting(function):
            why += f" ({NOT_EACH})"
        if ended.exit_code == WITHOUT_HANDLER or "_exit" in names_called(function):
            why = f"because {_why_lost_by_a_signal(function, ended.exit_code, path)}"
        raise NotYet(f"{seen}, {why}")
    if found == wanted - 1 and ended.exit_code != WITHOUT_HANDLER and missing == wanted:
        raise NotYet(f"{seen}: the loop had taken one more reading, and was left before that was written")
    raise NotYet(f"{seen}: {_why_lost_by_a_signal(function, ended.exit_code, path)}")


def _why_it_goes_on(function):
    if "SIG_IGN" in code_of(function):
        return "the signal is ignored. The system will soon kill it without asking"
    if why := _takes_all(function):
        return why
    if _asking(function):
        return ("your loop does not see it. Does your handler change the same flag that the loop asks, and does the loop ask it "
                "after each reading?")
    return "neither your handler nor your loop ends the program. The system will soon kill it without asking"


def _why_lost_by_a_signal(function, exit_code, path):
    code, called = code_of(function), names_called(function)
    if why := _why_waiting(function) or _why_too_early(path):
        return why
    if "_exit" in called:
        return "os._exit() ends the program before the file is closed"
    if "signal.signal" in calls_in(function) and exit_code != WITHOUT_HANDLER:
        return "your handler ends the program before what was waiting is written"
    if "flush" in called:
        return NOT_EACH
    if "SIG_DFL" in code:
        return "SIG_DFL lets the signal end the program at once, and what is missing was still waiting in it"
    if "register" in called:
        return "what was given to atexit runs at an orderly end, and this is none"
    if "finally" in code or "except" in code:
        return "a SIGTERM that nobody handles raises nothing, so no except and no finally is reached"
    return "nobody handles the signal, and what is missing was still waiting in your program"


# --- The order -------------------------------------------------------------------------------------------------

@exercise
def safe_order(my_order):
    """Do the four steps in the order of the answer, and note where the reading is when it is acknowledged."""
    order = order_of(my_order, "ABCD")
    place = "in your program"
    for step in order:
        if step == "B":
            written = True
        if step == "C" and "B" in order[:order.index("C")]:
            place = "in the page cache"
        if step == "A" and place == "in the page cache":
            place = "on the disk"
        if step == "D":
            written = "B" in order[:order.index("D")]
            break
    if not written:
        raise NotYet("the reading is acknowledged before it is written at all: the sender forgets it, and you have nothing yet")
    if place == "on the disk":
        return "the reading is written, flushed and synced before it is acknowledged: even a power cut now loses nothing"
    if place == "in the page cache":
        early = "fsync came before the flush, and found nothing to save" if order.index("A") < order.index("C") else "fsync comes later"
        raise NotYet(f"the reading is in the page cache when it is acknowledged: a power cut loses it ({early})")
    raise NotYet("the reading still waits in your program when it is acknowledged: a kill loses it")
