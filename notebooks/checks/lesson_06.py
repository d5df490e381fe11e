"""Checks for notebook 06, Know what survives."""
import builtins
import contextlib
import csv
import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

from accidents import InterruptedDisk
from processes import attempt, stop_for

from checks.common import (
    NotYet,
    a_number,
    as_program,
    calls_in,
    code_of,
    exercise,
    first_difference,
    names_called,
    one_letter,
    order_of,
    some_letters,
    temporary_folder,
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
    for letter, count in rows.items():
        if letter in answer and count == 2:
            raise NotYet(f"{letter} loses nothing, its file holds 2 of 2 rows: {WRONGLY_LOST[letter]}")
        if letter not in answer and count < 2:
            raise NotYet(f"one letter is missing, {letter}: its file holds {count} of 2 rows. {WRONGLY_SAFE[letter]}")
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
    answer = a_number(my_code, of="the exit code")
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
FEW, MANY = 40, 3000  # readings; the many are 36 KiB, a few trips
WITHOUT_HANDLER = 3 if os.name == "nt" else -signal.SIGTERM  # the exit code that SIGTERM itself gives


def _readings(path, count, before_next):
    """Hand out ``count`` readings, noted beside ``path``; ``before_next(number)`` is called when the next is asked for."""
    noted = os.open(f"{path}.noted", os.O_WRONLY | os.O_CREAT)
    for number in range(1, count + 1):
        os.write(noted, b".")
        yield [number, "20.5"]
        before_next(number)
    os.close(noted)


def _handed_out(path):
    return Path(f"{path}.noted").stat().st_size if Path(f"{path}.noted").exists() else 0


def _logged(path):
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8", errors="replace") as log:
        return list(csv.reader(log))


def _as_logged(numbers):
    return [[str(number), "20.5"] for number in numbers]


@exercise
def write_log(function):
    """Call ``write_log(readings, path)`` in processes of its own: with 40 readings, and killed after 1, 3 and 25 of them.

    The kill comes when the function asks for the next reading: all that it was given by then must be in the file.
    """
    with temporary_folder() as folder:
        for kill_after in (0, 1, 3, 25):
            path = Path(folder) / f"log-{kill_after}.csv"
            ended = as_program(function, path, kill_after, runner=log_until_the_kill)
            logged = _logged(path)
            if kill_after and ended.exit_code == 0:
                raise NotYet(f"your function returned before it had asked for reading {kill_after + 1}")
            _compare_log(logged, kill_after or FEW, "after a kill" if kill_after else "without any kill", function)
    return "killed after 1, 3 and 25 readings, it left all of them in the file"


def log_until_the_kill(function, path, kill_after):
    """Run in the other process: the runner of write_log."""
    def kill(number):
        if number == kill_after:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    attempt(function, _readings(path, FEW, kill), path)


def _compare_log(logged, wanted, when, function):
    """Raise NotYet unless the file begins with the ``wanted`` readings."""
    if logged[:wanted] == _as_logged(range(1, wanted + 1)) and (len(logged) == wanted or when != "without any kill"):
        return
    if logged == _as_logged([wanted]) and wanted > 1:
        raise NotYet(f'{when} the file holds the last reading only: each open() with "w" begins an empty file')
    if logged[1:2] == _as_logged([1]):
        raise NotYet(f"the first row of the file is {logged[0]}, which is no reading: write the readings alone")
    if logged == _as_logged(range(1, len(logged) + 1)) and len(logged) < wanted:
        raise NotYet(f"{when} the file holds {len(logged):,} of {_spelled(wanted)}: {_why_lost(function, when)}")
    raise NotYet(f"{when} " + (first_difference([["number", "value"], *_as_logged(range(1, wanted + 1))],
                                                [["number", "value"], *logged], "the file") or "the file holds other rows"))


def _spelled(number):
    return f"{number:,} reading" + ("" if number == 1 else "s")


def _why_lost(function, when="after a kill"):
    """Return why readings are missing after a kill."""
    called, code = names_called(function), code_of(function)
    if when == "without any kill":
        return ("each open with \"w\" begins an empty file" if code.find("for ") < code.find("open(") else
                "did you write each of them?")
    if why := why_still_waiting(function):
        return why
    if "flush" in called:
        return "your flush does not come after each reading"
    if {"close", "register"} & called or "finally" in code or "except" in code:
        return "after a kill nothing of your program runs, so no close, no finally, no except and no atexit"
    if "signal" in called:
        return "a kill is no signal that a program can handle"
    return "the others were still waiting in your program"


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
    arrives while a piece of the file is on its way to the operating system, in a file with a byte buffer of 8,192 bytes: all but the
    reading under way must be in the file. The function must end soon after the signal.
    """
    with temporary_folder() as folder:
        path = Path(folder) / "log.csv"
        as_program(function, path, 0, runner=log_until_sigterm)
        _compare_log(_logged(path), FEW, "without any signal", function)
        codes = []
        for stop_after in (3, 25, "trip"):
            path = Path(folder) / f"log-{stop_after}.csv"
            ended = as_program(function, path, stop_after, runner=log_until_sigterm)
            codes.append(ended.exit_code)
            _judge_signal(stop_after, path, ended, function)
    ways = "between two readings and in the middle of a trip"
    if 0 in codes:
        return (f"SIGTERM came {ways}, and no reading was lost. The exit code is 0, as after a success: "
                "if somebody should notice that it was stopped, end with sys.exit(143)")
    return f"SIGTERM came {ways}: no reading was lost, the program has ended, and its exit code says that it was stopped"


def log_until_sigterm(function, path, stop_after):
    """Run in the other process: the runner of survive_sigterm."""
    if stop_after == "trip":
        _open_with_a_signal_in_a_trip(path)
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
        function(_readings(path, MANY if stop_after == "trip" else FEW, next_one), path)
    except Exception as error:
        # An error of the handler's own may end the program, as SystemExit does; it is the file that counts.
        if not (came_at or Path(f"{path}.came").exists()) or "reentrant" in str(error):
            stop_for(error, function)
        raise


def _open_with_a_signal_in_a_trip(path):
    """Let open() make files with a byte buffer of 8,192 bytes; SIGTERM comes in the first trip after 700 readings."""
    class Interrupted(io.FileIO):
        def write(self, data):
            if _handed_out(path) >= 700 and not Path(f"{path}.came").exists():
                Path(f"{path}.came").mkdir()
                signal.raise_signal(signal.SIGTERM)
            return super().write(data)

    def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, open=io.open):
        if "b" in mode or "r" in mode or "+" in mode:
            return open(file, mode, buffering, encoding, errors, newline, *rest)
        below = io.BufferedWriter(Interrupted(file, mode.replace("t", "")), 8192)
        return io.TextIOWrapper(below, encoding, errors, newline, line_buffering=buffering == 1)

    builtins.open = io.open = open_file


def _judge_signal(stop_after, path, ended, function):
    handed, logged = _handed_out(path), _logged(path)
    if stop_after == "trip" and not Path(f"{path}.came").exists():
        if handed < MANY:
            raise NotYet(f"your function ended after {_spelled(handed)}, without any signal")
        return  # there was no trip to interrupt: each reading went its way alone
    # The reading that was under way in the trip was not handed over yet: its writerow() or flush() had not returned.
    wanted = handed - 1 if stop_after == "trip" else handed
    missing = next((number for number in range(1, wanted + 1) if logged[number - 1:number] != _as_logged([number])), None)
    found = sum(row in logged for row in _as_logged(range(1, wanted + 1))) if missing else wanted
    if ended.exit_code == GOES_ON:
        why = "the signal is ignored" if "SIG_IGN" in code_of(function) else "neither your handler nor your loop ends the program"
        raise NotYet(f"SIGTERM came, and the logger goes on: {why}. The system will soon kill it without asking")
    if missing is None:
        return
    if stop_after == "trip":
        raise NotYet(f"SIGTERM came during a trip, and {found:,} of {_spelled(wanted)} are in the file, although it was closed: "
                     "your handler raises an error inside writerow(), and what was just being handed down is thrown away")
    seen = f"SIGTERM came between two readings, and {found:,} of {_spelled(wanted)} are in the file"
    if found == wanted - 1 and ended.exit_code != WITHOUT_HANDLER and missing == wanted:
        raise NotYet(f"{seen}: the loop had taken one more reading, and was left before that was written")
    raise NotYet(f"{seen}: {_why_lost_by_a_signal(function, ended.exit_code)}")


def _why_lost_by_a_signal(function, exit_code):
    code, called = code_of(function), names_called(function)
    if why := why_still_waiting(function):
        return why
    if "_exit" in called:
        return "os._exit() in your handler ends the program before the file is closed"
    if "signal.signal" in calls_in(function) and exit_code != WITHOUT_HANDLER:
        return "your handler ends the program before what was waiting is written"
    if "flush" in called:
        return "your flush does not come after each reading"
    if "register" in called:
        return "what was given to atexit runs at an orderly end, and this is none"
    if "finally" in code or "except" in code:
        return "a SIGTERM that nobody handles raises nothing, so no except and no finally is reached"
    return "nobody handles the signal, and the others were still waiting in your program"


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
