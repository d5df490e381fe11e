"""Stop safe_export at each of its steps in turn, and look at what is left.

    python -m tests.support.export_steps kill | interrupt | error | random [COUNT]

A step is a line of notebooks/safe_export.py that is run (``kill`` sends SIGKILL there, ``interrupt`` raises
KeyboardInterrupt there) or a call of a function of ``os`` (``error`` lets it raise an OSError). ``random`` sends SIGALRM
to itself at a random moment, COUNT times. Prints a JSON object: how often which of the two files was found, and
a list of problems, which is to be empty. After each accident the next export must succeed and leave a tidy folder.
"""
import collections
import contextlib
import errno
import gc
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from unittest import mock

from tests.support.notebook_files import NOTEBOOK_FOLDER

sys.path.insert(0, str(NOTEBOOK_FOLDER))
import safe_export  # noqa: E402  found in the folder just named

OLD, NEW = b"old\r\n", b"a\r\n0\r\n1\r\n2\r\n"
NAMED = ["open", "stat", "fstat", "fsync", "replace", "unlink", "fchown", "fchmod", "listxattr", "getxattr", "close", "urandom"]
CALLS = [name for name in NAMED if hasattr(os, name)]


class Accidents:
    """Exports of three rows to one target, with an accident each, and a record of what was found."""

    def __init__(self, folder):
        self.folder, self.target = Path(folder), Path(folder) / "orders.csv"
        self.found, self.problems = collections.Counter(), []

    def export(self):
        safe_export.safe_export(({"a": number} for number in range(3)), self.target, ["a"])

    def prepare(self, old):
        for path in self.folder.iterdir():
            path.unlink()
        if old is not None:
            self.target.write_bytes(old)
            self.target.chmod(0o640)

    def look(self, old, accident, parts_allowed):
        """Record what is there after an accident; then export again."""
        content = self.target.read_bytes() if self.target.exists() else None
        versions = {old: "old", NEW: "new"}
        if content not in versions:
            self.problems.append(f"{accident}: the target is {content!r}")
        version = versions.get(content, "neither")
        self.found[version] += 1
        parts = list(self.folder.glob(".*.part"))
        if len(parts) > parts_allowed:
            self.problems.append(f"{accident}: {len(parts)} unfinished files are left")
        self.found["unfinished files"] += len(parts)
        try:
            self.export()
        except Exception as error:
            self.problems.append(f"{accident}: the next export raises {error!r}")
        left = sorted(path.name for path in self.folder.iterdir())
        if left != ["orders.csv"] or self.target.read_bytes() != NEW:
            self.problems.append(f"{accident}: after the next export there are {left}")
        return version


def at_line(wanted, accident):
    """Return a trace function that gives the frame to ``accident`` at the line number ``wanted``, counted as they are run."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if frame.f_code.co_filename != safe_export.__file__:
            return None
        if event == "line":
            count += 1
            if count == wanted:
                accident(frame)
        return trace
    return trace


def count_lines(accidents, old):
    """Return how many lines one export runs."""
    lines = []

    def trace(frame, event, argument):
        if frame.f_code.co_filename != safe_export.__file__:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
        return trace

    accidents.prepare(old)
    sys.settrace(trace)
    try:
        accidents.export()
    finally:
        sys.settrace(None)
    return len(lines)


def kill(accidents):
    """SIGKILL at each line: the old file up to one line, the new one from there on."""
    for old in (OLD, None):
        versions = []
        for number in range(1, count_lines(accidents, old) + 1):
            accidents.prepare(old)
            child = os.fork()
            if not child:
                sys.settrace(at_line(number, lambda frame: os.kill(os.getpid(), signal.SIGKILL)))
                accidents.export()
                os._exit(1)
            if os.waitpid(child, 0)[1] != signal.SIGKILL:
                accidents.problems.append(f"killed at line {number}: it lived on")
            versions.append(accidents.look(old, f"killed at line {number}", parts_allowed=1))
        if versions != sorted(versions, key=["old", "new"].index):
            accidents.problems.append(f"the old file came back: {versions}")


def interrupt(accidents):
    """KeyboardInterrupt at each line: no lock held, no descriptor left open."""
    places = []

    def press(frame):
        places.append(frame.f_code.co_name)
        raise KeyboardInterrupt

    for old in (OLD, None):
        for number in range(1, count_lines(accidents, old) + 1):
            accidents.prepare(old)
            before = open_descriptors()
            sys.settrace(at_line(number, press))
            try:
                accidents.export()
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(None)
            gc.collect()
            if open_descriptors() != before:
                # Between os.open and try, where no Python program can be safe; it holds no lock.
                where = "in sync_folder" if places[-1] == "sync_folder" else "elsewhere"
                accidents.found[f"descriptors left {where}"] += 1
            accidents.look(old, f"interrupted at line {number}", parts_allowed=1)


def error(accidents):
    """An OSError of each call of os, one at a time."""
    for code in (errno.ENOSPC, errno.EIO, errno.EACCES):
        for old in (OLD, None):
            number, more = 0, True
            while more:
                number += 1
                accidents.prepare(old)
                before, calls = open_descriptors(), []
                with contextlib.ExitStack() as stack:
                    for name in CALLS:
                        stack.enter_context(mock.patch.object(os, name, failing(name, getattr(os, name), code, number, calls)))
                    raised = None
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        try:
                            accidents.export()
                        except Exception as problem:
                            raised = type(problem).__name__
                more = len(calls) >= number
                failed = f"{calls[number - 1] if more else 'nothing'}, call {number}, {errno.errorcode[code]}"
                if more and failed.startswith("close"):
                    before = open_descriptors()  # the call that would have closed it did not run
                gc.collect()
                if open_descriptors() != before:
                    accidents.problems.append(f"{failed}: a descriptor is left open")
                if raised is None:
                    if accidents.target.read_bytes() != NEW:
                        accidents.problems.append(f"{failed}: no error, and no new file")
                else:
                    accidents.found[raised] += 1
                # An unfinished file stays only when its removal itself fails.
                accidents.look(old, failed, parts_allowed=1 if failed.startswith("unlink") else 0)


def failing(name, call, code, number, calls):
    def called(*arguments, **options):
        calls.append(name)
        if len(calls) == number:
            raise OSError(code, os.strerror(code))
        return call(*arguments, **options)
    return called


def open_descriptors():
    return len(os.listdir("/dev/fd"))


def at_random(accidents, count):
    """A signal at a random moment, many times."""
    armed = False

    def handler(*ignored):
        if armed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, handler)
    accidents.prepare(None)
    started = time.perf_counter()
    for _ in range(20):
        accidents.export()
    length = (time.perf_counter() - started) / 20
    for number in range(count):
        accidents.target.write_bytes(OLD)
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, random.random() * length * 1.3 + 1e-6)
            accidents.export()
            armed = False
        except KeyboardInterrupt:
            armed = False
            accidents.found["interrupted"] += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        accidents.look(OLD, f"run {number}", parts_allowed=1)


def main(way, count=2000):
    gc.freeze()  # what was imported holds no file of an export: each search for what is open leaves it out
    with tempfile.TemporaryDirectory(prefix="rows-") as folder:
        accidents = Accidents(folder)
        if way == "random":
            at_random(accidents, int(count))
        else:
            {"kill": kill, "interrupt": interrupt, "error": error}[way](accidents)
    print(json.dumps({"found": accidents.found, "problems": accidents.problems}))


if __name__ == "__main__":
    main(*sys.argv[1:])
