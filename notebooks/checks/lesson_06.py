"""Checks for notebook 06, Lose nothing."""
import contextlib
import csv
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from unittest import mock

from checks.common import (
    NotYet,
    code_of,
    csv_bytes,
    exercise,
    plain_environment,
    temporary_folder,
    why_still_waiting,
)
from checks.windows import open_files

__all__ = ["which_exits", "survive_sigterm", "publish_in_one_step"]

WRITE = """
import atexit, csv, os, signal, sys, threading, time
def start(**options):
    return open(sys.argv[1], "w", newline="", encoding="utf-8", **options)
def fill(export):
    csv.writer(export).writerows([["order_id", "item"], ["000001", "Bananas"], ["000002", "Grapes"]])
def wait_for_the_kill():
    print("ready", flush=True)
    time.sleep(60)
"""
EXITS = {
    "A": "with start() as export:\n    fill(export)\n    raise RuntimeError",
    "B": "with start() as export:\n    fill(export)\n    os._exit(1)",
    "C": "export = start()\nfill(export)\nexport.flush()\nwait_for_the_kill()",
    "D": "export = start(buffering=1)\nfill(export)\nwait_for_the_kill()",
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


@exercise
def which_exits(my_exits):
    """Run the six programs in six processes, kill C and D from outside, and count the rows in each file."""
    try:
        answer = {str(letter).strip().upper() for letter in my_exits}
    except TypeError:
        answer = {"?"}
    if not answer <= set(EXITS):
        raise NotYet('answer with a set of letters, such as {"A", "B"}')
    rows = _rows_after_each_exit()
    for letter, count in rows.items():
        if letter in answer and count == 2:
            raise NotYet(f"{letter} loses nothing, its file holds 2 of 2 rows: {WRONGLY_LOST[letter]}")
        if letter not in answer and count < 2:
            raise NotYet(f"{letter} is missing, its file holds {count} of 2 rows: {WRONGLY_SAFE[letter]}")
    return "B, E and F lose both rows; the other three keep them"


def _rows_after_each_exit():
    with temporary_folder() as folder:
        paths = {letter: Path(folder) / f"{letter}.csv" for letter in EXITS}
        children = [subprocess.Popen([sys.executable, "-I", "-c", WRITE + EXITS[letter], path],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                    for letter, path in paths.items()]
        for child in children:
            if child.stdout.readline():
                child.kill()
            child.communicate(timeout=300)
        return {letter: max(0, path.read_bytes().count(b"\n") - 1) for letter, path in paths.items()}


READINGS = 40
GOES_ON = 77
UNHANDLED = 3 if os.name == "nt" else -signal.SIGTERM  # the exit code that SIGTERM itself gives
LOGGER = """
import csv, os, signal, sys
{function}

def hand_out(stop_after):
    for number in range(1, {readings} + 1):
        yield [number, "20.5"]
        if number == stop_after:
            signal.raise_signal(signal.SIGTERM)
        if stop_after and number > stop_after + 2:
            os._exit({goes_on})  # as the system does a few seconds after a SIGTERM without effect

{name}(hand_out(int(sys.argv[2])), sys.argv[1])
"""


@exercise
def survive_sigterm(function):
    """Run ``log_readings`` in processes of its own: without a signal, and with SIGTERM after 3 and after 25 of 40 readings.

    The signal arrives when the function asks for the next reading. All readings handed out by then must be
    in the file, and the process must have ended: a few readings later it is ended the hard way.
    """
    code = code_of(function)
    if not code:
        raise NotYet("the source of your function cannot be read: define it with def, in this cell")
    program = LOGGER.format(function=code, name=function.__name__, readings=READINGS, goes_on=GOES_ON)
    with temporary_folder() as folder:
        runs = []
        for stop_after in (0, 3, 25):
            path = Path(folder) / f"log-{stop_after}.csv"
            child = subprocess.Popen([sys.executable, "-I", "-X", "utf8", "-c", program, path, str(stop_after)],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=plain_environment())
            runs.append((stop_after, path, child))
        complaints = [child.communicate(timeout=300)[1].decode("utf-8", "replace").strip() for _, _, child in runs]
        for (stop_after, path, child), complaint in zip(runs, complaints):
            last_line = complaint.splitlines()[-1] if complaint else ""
            if last_line.startswith("NotImplementedError"):
                raise NotImplementedError
            _judge_log(stop_after, _logged(path), child.returncode, last_line, code)
    return "after SIGTERM the file holds all readings that were handed out, and the logger has ended"


def _logged(path):
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as log:
        return list(csv.reader(log))


def _judge_log(stop_after, logged, exit_code, last_line, code):
    wanted = [[str(number), "20.5"] for number in range(1, (stop_after or READINGS) + 1)]
    if not stop_after:
        if exit_code:
            raise NotYet(f"without any signal your function stops with {last_line or 'an error'}")
        if logged != wanted:
            raise NotYet(f"without any signal the file holds {len(logged)} of {READINGS} readings, or others than were handed out")
        return
    seen = f"after SIGTERM the file holds {min(len(logged), stop_after)} of {stop_after} readings"
    if exit_code == GOES_ON:
        why = "it is ignored" if "SIG_IGN" in code else "your handler does not end the program"
        raise NotYet(f"{seen}, and the logger goes on: {why}, so the system will soon kill it without asking")
    if logged[:stop_after] == wanted:
        return
    if why_still_waiting(code):
        raise NotYet(f"{seen}: {why_still_waiting(code)}")
    if ".flush()" in code or ".close()" in code and not any(word in code for word in ("finally", "atexit", "except")):
        raise NotYet(f"{seen}: your flush or close does not run after the last reading was written")
    if "signal.signal(" in code and exit_code != UNHANDLED:
        raise NotYet(f"{seen}: your handler ends the program before the file is closed, and the others were still waiting")
    if "atexit" in code:
        raise NotYet(f"{seen}: what was given to atexit runs at an orderly end, and this is none")
    if "finally" in code or "except" in code:
        raise NotYet(f"{seen}: a SIGTERM that nobody handles raises nothing, so no except and no finally is reached")
    raise NotYet(f"{seen}: nobody handles the signal, and the others were still waiting in your program")


NAMES = ["order_id", "item"]
ROWS = [{"order_id": f"{number:06d}", "item": "Bananas"} for number in range(1, 41)]
OLD = b"order_id,item\r\n000000,Yesterday\r\n"


class _RowsBreakOff(Exception):
    pass


@exercise
def publish_in_one_step(function):
    """Call ``publish(rows, target, fieldnames)`` over an old file: with rows that break off at the 20th, then with 40 rows.

    At every row, at every ``os.fsync`` and around ``os.replace`` the target is read by its name, as any
    reader could; what is found at a moment is also what a kill at that moment leaves. The file that is
    published must be complete, synced, closed, and from the target's own folder.
    """
    with temporary_folder() as folder:
        target = Path(folder) / "orders.csv"
        target.write_bytes(OLD)
        with contextlib.suppress(_RowsBreakOff):
            _publish_watched(function, target, broken=True)
        if not target.exists() or target.read_bytes() != OLD:
            raise NotYet(f"the rows broke off at the 20th, and the target now holds {_seen(target)} instead of the old file")
        try:
            _publish_watched(function, target, broken=False)
        except FileExistsError:
            raise NotYet("a run that broke off left its unfinished file behind, and the next run stumbles over it") from None
        tidy = sorted(path.name for path in target.parent.iterdir() if "lock" not in path.name) == [target.name]
        found = target.read_bytes() if target.exists() else b""
    if found != _complete():
        raise NotYet(f"at the end the target holds {_seen_in(found)} instead of 40 rows")
    return ("readers find the old file or the new one, whole, at every row and every step" if tidy else
            "readers find the old file or the new one, whole; an unfinished file stays beside it, which you could remove")


def _publish_watched(function, target, broken):
    events = {"synced": False, "replaced": False}
    verdict = []

    def stop(sentence):
        verdict.append(sentence)
        raise NotYet(sentence)

    def look(moment):
        # Only the rows are judged here: after os.replace the new file is what readers must find.
        if not events["replaced"] and (not target.exists() or target.read_bytes() != OLD):
            stop(f"{moment} a reader finds {_seen(target)}: a kill at that moment leaves exactly this")

    def rows():
        for number, row in enumerate(ROWS, start=1):
            look(f"at row {number}")
            if broken and number == 20:
                raise _RowsBreakOff("the rows broke off at the 20th: this is the check's doing")
            yield row
        look("after the last row")

    # Their parameters have the names of the real ones, for a caller who names them.
    def watched_fsync(fd, fsync=os.fsync):
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and not events["replaced"]:
            look("at os.fsync")
            events["synced"] = os.fstat(descriptor).st_size == len(_complete())
            events["synced too early"] = not events["synced"]
        fsync(descriptor)

    def watched_replace(src, dst, *, replace=os.replace, **options):
        source, destination = Path(src), Path(dst)
        if destination.name == target.name and destination.parent.resolve() == target.parent.resolve():
            look("before os.replace")
            if source.parent.resolve() != target.parent.resolve():
                stop("your unfinished file is in another folder than the target, which may be on another file system, "
                     "where os.replace fails: make it beside the target")
            if not broken:
                _judge_source(source, events, stop)
            else:
                stop(f"the rows broke off at the 20th, and you publish all the same, {_seen(source)}")
            events["replaced"] = True
        replace(source, destination, **options)

    def watched_rename(src, dst, **options):
        stop("os.rename fails on Windows when the target exists: use os.replace, which is the same on every system")

    try:
        with mock.patch("os.fsync", watched_fsync), mock.patch("os.replace", watched_replace), \
                mock.patch("os.rename", watched_rename):
            function(rows(), target, list(NAMES))
    finally:
        # The learner's code may have caught our exception on its way.
        if verdict:
            raise NotYet(verdict[0]) from None
    if not broken and not events["replaced"]:
        if target.exists() and target.read_bytes() == _complete():
            raise NotYet("the new rows arrive, but not in one step: while the target is being filled, readers find a part of it")
        raise NotYet(f"os.replace was not called for the target, which holds {_seen(target)}")


def _judge_source(source, events, stop):
    if source.read_bytes() != _complete():
        stop(f"when you call os.replace the unfinished file holds {_seen(source)}: finish it first, flush and close")
    if open_files(source):
        stop("the file is still open when you call os.replace: Windows refuses that, and an error of close() would come too late")
    if events.get("synced too early"):
        stop("os.fsync came before the rows had left your program: flush first, then fsync")
    if not events["synced"]:
        stop("readers find the old file or the new one, but a power cut may leave an empty one: nobody called os.fsync before os.replace")


def _complete():
    return csv_bytes(ROWS)


def _seen(path):
    return _seen_in(path.read_bytes()) if path.exists() else "no file"


def _seen_in(content):
    if content == OLD:
        return "the old file"
    return f"{max(0, content.count(bytes([10])) - 1)} of 40 rows" if content else "an empty file"
