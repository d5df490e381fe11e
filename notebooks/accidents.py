"""Accidents to try programs with: ways out of a process, disks that fail, and a reader who looks at any moment.

    import accidents
    accidents.run(raises_an_error)     # 2 of 2 rows in the file, exit code not 0

Notebooks 06 and 07 use it. What dies are other processes; no notebook is harmed.
"""
import csv
import errno
import inspect
import io
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from processes import program_in_child

TWO_ROWS = [["id", "item"], ["000001", "Bananas"], ["000002", "Grapes"]]

# --- Ways out of a process -------------------------------------------------------------------------------------

# What has no such way out repeats what was measured on Linux: no row, and exit code 0.
NOT_ON_WINDOWS = ("cannot find context for 'fork", "module 'os' has no attribute 'fork'")
MISTAKES = ("NameError", "TypeError", "AttributeError", "ImportError", "ModuleNotFoundError", "FileNotFoundError")


def write_two_rows(path):
    """Write a header and two rows to the file path, and leave it open."""
    global export
    export = open(path, "w", newline="")
    csv.writer(export).writerows(TWO_ROWS)
    return export


def kill():
    """Let the operating system kill this process, here and now, as ``kill -9`` and the task manager do."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows this SIGTERM is a kill


@dataclass(frozen=True)
class Outcome:
    """What a process left: how many ``rows`` its file holds, and whether it ``reports_success`` with exit code 0."""

    rows: int
    reports_success: bool

    def __iter__(self):
        return iter((self.rows, self.reports_success))

    def __repr__(self):
        return f"{self.rows} of 2 rows in the file, exit code {'0' if self.reports_success else 'not 0'}"


def run(way, *arguments):
    """Start a fresh Python process, let it write two rows to a file, neither flushed nor closed, and call ``way`` there.

    ``way`` is a function whose first parameter is ``export``, the open file, or ``path``, when it opens the file
    itself; ``arguments`` are for the others. Returns the Outcome. Where a system has no such way out (fork, on
    Windows), it is the one measured on Linux. Raises RuntimeError when ``way`` has a mistake, such as a wrong name,
    so that it shows nothing.
    """
    path = Path(f"{way.__name__}.csv").absolute()
    ended = program_in_child(way, path, *arguments, runner=_write_and_leave)
    complaint = ended.complaint.strip().splitlines()[-1:]
    if any(words in line for line in complaint for words in NOT_ON_WINDOWS):
        return Outcome(0, True)
    if ended.exit_code and complaint and complaint[0].startswith(MISTAKES):
        raise RuntimeError(f"the process of {way.__name__} stopped with {complaint[0]}")
    if not path.exists():
        raise RuntimeError(f"the process of {way.__name__} made no file")
    rows = path.read_bytes().count(b"\n")
    path.unlink()
    return Outcome(max(0, rows - 1), ended.exit_code == 0)


def run_all(*ways):
    """Run these ways out, and return a dictionary for a picture: the way in words -> its Outcome."""
    return {_in_words(way.__name__): run(way) for way in ways}


def _in_words(name):
    words = name.replace("_", " ")
    for plain, typed in [("sys exit", "sys.exit"), ("os exit", "os._exit"), ("Ctrl C", "Ctrl+C")]:
        words = words.replace(plain, typed)
    return words


def _write_and_leave(way, path, *arguments):
    if "path" in inspect.signature(way).parameters:
        way(path, *arguments)
    else:
        way(write_two_rows(path), *arguments)


def exit_code(program, *arguments):
    """Run ``program(*arguments)`` in a fresh Python process; return its exit code."""
    return program_in_child(program, *arguments, runner=_call).exit_code


def _call(program, *arguments):
    program(*arguments)


# --- Disks -----------------------------------------------------------------------------------------------------

class SmallDisk(io.RawIOBase):
    """A disk with room for few bytes: it takes what fits, then reports, as a real one does, that it is full.

    Parameters: ``room`` in bytes, which may grow. What it has taken is in ``content``.
    """

    def __init__(self, room):
        super().__init__()
        self.room, self.content = room, b""

    def open(self):
        """Return a text file on this disk, made of the same layers as one that ``open()`` returns."""
        return io.TextIOWrapper(io.BufferedWriter(self), encoding="utf-8", newline="")

    def writable(self):
        return True

    def write(self, data):
        taken = bytes(data)[:self.room - len(self.content)]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.content += taken
        return len(taken)


class InterruptedDisk(io.RawIOBase):
    """A disk with room enough. A signal arrives once, while a piece of the file is on its way to it.

    Parameters: ``handler`` is what Python calls then, with the signal's number and a frame, as ``signal.signal`` has it;
    ``trip`` is the number of the trip in which it comes.
    """

    def __init__(self, handler, trip=1):
        super().__init__()
        self.handler, self.before, self.content = handler, trip, b""

    def open(self):
        """Return a text file on this disk, with a byte buffer of 8,192 bytes."""
        return io.TextIOWrapper(io.BufferedWriter(self, 8192), encoding="utf-8", newline="")

    def writable(self):
        return True

    def write(self, data):
        self.before -= 1
        if self.before == 0:
            self.handler(signal.SIGINT, None)  # what Python does when the signal comes now
        self.content += bytes(data)
        return len(data)


# --- Other readers ---------------------------------------------------------------------------------------------

class Reader:
    """Somebody who opens the file ``target`` by its name, at any moment, and knows its two versions.

    Parameters: ``yesterday`` and ``today`` are the rows, lists of dictionaries, that the two whole files hold. What was
    found is in ``seen``, a dictionary from the moment to the words for a picture.
    """

    def __init__(self, target, yesterday, today):
        self.target = Path(target)
        self.yesterday, self.today = csv_bytes(yesterday), csv_bytes(today)
        self.seen = {}

    def start(self):
        """Put yesterday's file back, forget what was seen, and look."""
        self.target.unlink(missing_ok=True)
        self.target.write_bytes(self.yesterday)
        self.seen = {}
        self.look("before")

    def finds(self):
        """Return "yesterday's", "today's", "neither" (what is there is none of the two, whole), or "no file"."""
        if not self.target.exists():
            return "no file"
        return {self.yesterday: "yesterday's", self.today: "today's"}.get(self.target.read_bytes(), "neither")

    def look(self, moment):
        """Look, and remember what was found at this ``moment``."""
        self.seen[moment] = self.finds()

    def watch(self, rows):
        """Hand out the list ``rows`` one by one, and look at the first, the 600th and the last."""
        for number, row in enumerate(rows, start=1):
            if number in (1, 600, len(rows)):
                self.look(f"row {number:,}")
            yield row


def csv_bytes(rows, fieldnames=None, **options):
    """Return ``rows``, a list of dictionaries, as a CSV file of DictWriter holds them: header, then rows, in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=fieldnames or list(rows[0]), **options)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


# --- Killed at every step --------------------------------------------------------------------------------------

MOMENTS = ["row 1", "row 600", "row 1,142", "at os.fsync", "before os.replace", "after os.replace"]


def kill_at_each_step(publish, rows, reader):
    """Let six processes call ``publish`` over yesterday's file, and kill each at another moment.

    Parameters: ``publish(rows, target, columns)`` is an export; ``rows`` are today's; ``reader`` says what is found
    afterwards. Returns a dictionary from the moment to what is found. What the killed ones left lies beside the target
    of ``reader``. Raises RuntimeError when a process is not killed, such as because ``publish`` stops with an error.
    """
    found = {}
    for moment in MOMENTS:
        reader.start()
        ended = program_in_child(publish, rows, str(reader.target.absolute()), moment, runner=_publish_and_die)
        if "killed" not in ended.printed:
            last = ended.complaint.strip().splitlines()[-1:] or ["it reached its end"]
            raise RuntimeError(f"the process to be killed at {moment} was not: {last[0]}")
        found[moment] = reader.finds()
    return found


def _publish_and_die(publish, rows, target, moment):
    def die(*ignored, **also_ignored):
        os.write(1, b"killed")
        kill()

    def handed_out():
        for number, row in enumerate(rows, start=1):
            if moment == f"row {number:,}":
                die()
            yield row

    def replace(*paths, replace=os.replace, **named):
        if moment == "before os.replace":
            die()
        replace(*paths, **named)
        if moment == "after os.replace":
            die()

    os.replace = replace
    if moment == "at os.fsync":
        os.fsync = die
    publish(handed_out(), target, list(rows[0]))
