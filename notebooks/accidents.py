"""Accidents to try exports with: processes that end in every way there is, and a disk that is soon full.

    import accidents
    accidents.outcomes("an exception", "os._exit(0)")

Notebook 06, Lose nothing, uses it. The processes that die are others; no notebook is harmed.
"""
import contextlib
import errno
import io
import multiprocessing
import os
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from unittest import mock

from processes import plain_environment, read_by_another_process

CHILD_SECONDS = 300  # a child process that takes longer hangs, on any machine
DIED_AS_PLANNED = 77  # an exit code that neither Python nor a signal gives

# --- Ways out of a process -------------------------------------------------------------------------------------

WRITE_ROWS = '''\
def write_rows():
    export = open(sys.argv[1], "w", newline="", encoding="utf-8")
    csv.writer(export).writerows([["order_id", "item"], ["000001", "Bananas"], ["000002", "Grapes"]])
    return export
'''
FORKED = "a forked child (POSIX only)"
WAYS_OUT = {
    "the program ends": "export = write_rows()",
    "an exception": "export = write_rows(); 1 / 0",
    "sys.exit(1)": "export = write_rows(); sys.exit(1)",
    "Ctrl-C": "export = write_rows(); raise KeyboardInterrupt",
    "os._exit(0)": "export = write_rows(); os._exit(0)",
    "SIGTERM": "export = write_rows(); signal.raise_signal(signal.SIGTERM)",
    "killed": "export = write_rows(); wait_for_the_kill()",
    "atexit, then killed": "atexit.register(write_rows().close); wait_for_the_kill()",
    "inside with, killed": "with write_rows(): wait_for_the_kill()",
    "flush(), then killed": "export = write_rows(); export.flush(); wait_for_the_kill()",
    "a daemon thread": "in_daemon_thread()",
    "a spawned child": "in_child('spawn')",
    FORKED: "in_child('fork')",
}
# What each process runs. A spawned child runs all of it again, but for what stands under the last line. Once the rows
# are written it leaves a mark, so that a program that never wrote them is not taken for one that lost them.
PROGRAM = f'''\
import atexit, csv, multiprocessing, os, signal, sys, threading

{WRITE_ROWS}

def leaving_a_mark(write_rows):
    def write_and_mark():
        export = write_rows()
        open(sys.argv[1] + ".written", "wb").close()
        return export
    return write_and_mark

write_rows = leaving_a_mark(write_rows)

def wait_for_the_kill():
    print("ready", flush=True)
    sys.stdin.read()  # has no end before that of whoever started this process

def in_daemon_thread():
    def work():
        with write_rows():
            written.set()
            threading.Event().wait()  # for ever
    written = threading.Event()
    threading.Thread(target=work, daemon=True).start()
    written.wait()

def keep_in_a_global_variable():
    global export
    export = write_rows()

def in_child(method):
    multiprocessing.get_context(method).Process(target=keep_in_a_global_variable).start()

if __name__ == "__main__":
'''


def outcomes(*ways):
    """Leave processes in these ways, all at once, and print for each what it ran and what its file holds then.

    Parameters: ``ways`` are names from ``WAYS_OUT``. To try another, add it there first:
    ``accidents.WAYS_OUT["abort"] = "export = write_rows(); os.abort()"``. Returns a dictionary from name to a
    pair: how many rows the file holds afterwards, and whether the exit code was 0. A system that cannot fork
    does not run the forked child, and gives what was measured on Linux: no row, and exit code 0. Raises ValueError
    for a name that is not in ``WAYS_OUT``, and RuntimeError when a program ends without having written its rows.
    """
    for way in ways:
        if way not in WAYS_OUT:
            raise ValueError(f"there is no way out called {way!r}; there are: {', '.join(WAYS_OUT)}")
    with tempfile.TemporaryDirectory(prefix="rows-", ignore_cleanup_errors=True) as folder:
        running = {way: _start(WAYS_OUT[way], Path(folder) / f"{number}.csv")
                   for number, way in enumerate(ways) if way != FORKED or _can_fork()}
        try:
            results = {way: _wait_for(way, *running[way]) if way in running else (0, True) for way in ways}
        finally:
            for _, process in running.values():  # has an effect only if one of them raised
                process.kill()
                for pipe in (process.stdin, process.stdout, process.stderr):  # which a child of its own may still hold
                    pipe.close()
                process.wait()
    for way, (rows, _) in results.items():
        print(f"{way:<28}{rows} of 2 rows    {WAYS_OUT[way]}")
    return results


def _can_fork():
    return "fork" in multiprocessing.get_all_start_methods()


def _start(program, path):
    script = path.with_suffix(".py")
    script.write_text(f"{PROGRAM}    {program}\n", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-I", script, path], env=plain_environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return path, process


def _wait_for(way, path, process):
    if process.stdout.readline():  # it says that it waits for the kill
        process.kill()
    _, complaint = process.communicate(timeout=CHILD_SECONDS)
    if not path.with_name(f"{path.name}.written").exists():
        raise RuntimeError(f"the program of {way!r} wrote no rows: {_last_line(complaint)}")
    return max(0, path.read_bytes().count(b"\n") - 1), process.returncode == 0


def _last_line(complaint):
    lines = complaint.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it did not say why")


# --- Errors ----------------------------------------------------------------------------------------------------

class SmallDisk(io.RawIOBase):
    """A disk with room for few bytes: it takes what fits, then reports, as a real one does, that it is full.

    Parameters: ``room`` in bytes. What it has taken is in ``content``.
    """

    def __init__(self, room):
        super().__init__()
        self.room, self.content = room, b""

    def open(self):
        """Return a text file on this disk, made of the same three layers as one that ``open()`` returns."""
        return io.TextIOWrapper(io.BufferedWriter(self), encoding="utf-8", newline="")

    def writable(self):
        return True

    def write(self, data):
        taken = bytes(data)[:self.room - len(self.content)]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.content += taken
        return len(taken)


def attempt(function, *arguments):
    """Call ``function`` and return what it returns; if it raises, return the error's name and message as a text."""
    try:
        return function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


# --- Other readers ---------------------------------------------------------------------------------------------

def seen_by_another_process(path):
    """Return the bytes that another process finds when it opens ``path`` by name, or None without a file.

    Raises RuntimeError when that process may not read the file.
    """
    return read_by_another_process(path)


class Reader:
    """Somebody who opens the file ``target`` by its name, and knows its two versions, as bytes.

    Parameters: ``yesterday`` and ``today`` are what the whole old file and the whole new file hold.
    """

    def __init__(self, target, yesterday, today):
        self.target, self.today = Path(target), today
        self.versions = {yesterday: "yesterday's file", today: "today's file"}

    def finds(self):
        """Return "yesterday's file" or "today's file" if the target is one of them, whole, else "neither version".

        Raises FileNotFoundError when there is no target.
        """
        return self.versions.get(self.target.read_bytes(), "neither version")

    def watch(self, rows):
        """Hand out the list ``rows`` one by one, and print what is found at the first, the 600th and the last."""
        for number, row in enumerate(rows, start=1):
            if number in (1, 600, len(rows)):
                print(f"at row {number:>5,}:     readers find {self.finds()}")
            yield row

    @contextlib.contextmanager
    def watch_steps(self):
        """Print, for the length of a with block, what is found at ``os.fsync`` of a file and after ``os.replace``."""
        def fsync(fd, fsync=os.fsync):
            status = os.fstat(fd)
            if stat.S_ISREG(status.st_mode):  # not a folder
                complete = "all" if status.st_size == len(self.today) else "NOT all"
                print(f"at os.fsync:      readers find {self.finds()}; the other file has {complete} of today's bytes")
            fsync(fd)

        def replace(src, dst, replace=os.replace):
            replace(src, dst)
            print(f"after os.replace: readers find {self.finds()}")

        with mock.patch("os.fsync", fsync), mock.patch("os.replace", replace):
            yield


# --- Killed at every row ---------------------------------------------------------------------------------------

MOMENTS = [*(f"at row {number}" for number in range(1, 11)), "before os.replace", "after os.replace"]
EXPORT_AND_DIE = f'''
import os, sys
sys.path.insert(0, sys.argv[1])
import safe_export

moment, target = sys.argv[2:]

def die(*ignored):
    os._exit({DIED_AS_PLANNED})  # leaves what a kill leaves: nothing more is run

def rows():
    for number in range(1, 11):
        if moment == f"at row {{number}}":
            die()
        yield {{"order_id": number}}

if moment == "before os.replace":
    os.replace = die
if moment == "after os.replace":
    safe_export.sync_folder = die
safe_export.safe_export(rows(), target, ["order_id"])
'''


def export_and_die(target):
    """Let twelve processes export ten rows over an old ``target``, with safe_export, and die at twelve moments.

    Prints what the target holds after each death: the old file, the new file, or neither. Each process works
    in a folder of its own; in the end the unfinished files that they left are moved beside ``target``. Raises
    RuntimeError when a process ends in another way, such as by an error in safe_export.
    """
    target = Path(target)
    old, new = b"old\r\n", b"order_id\r\n" + b"".join(b"%d\r\n" % number for number in range(1, 11))
    with tempfile.TemporaryDirectory(prefix=".dying-", dir=target.parent, ignore_cleanup_errors=True) as folder:
        dying = []
        for moment in MOMENTS:
            path = Path(folder) / moment / target.name
            path.parent.mkdir()
            path.write_bytes(old)
            program = [sys.executable, "-I", "-c", EXPORT_AND_DIE, Path(__file__).parent, moment, path]
            dying.append((moment, path, subprocess.Popen(program, env=plain_environment(), stderr=subprocess.PIPE)))
        complaints = [process.communicate(timeout=CHILD_SECONDS)[1] for _, _, process in dying]
        for (moment, path, process), complaint in zip(dying, complaints):
            if process.returncode != DIED_AS_PLANNED:
                raise RuntimeError(f"the export that was to die {moment} ended with exit code {process.returncode}: "
                                   f"{_last_line(complaint)}")
            found = {old: "the old file, whole", new: "the new file, whole"}.get(path.read_bytes(), "neither")
            print(f"killed {moment:<20}{found}")
            for unfinished in path.parent.glob("*.part"):
                os.replace(unfinished, target.parent / unfinished.name)


def unfinished_files(target):
    """Return how many unfinished exports lie beside ``target``, of processes that were killed."""
    return len(list(Path(target).parent.glob(f".{Path(target).name}.*.part")))


# --- Memory ----------------------------------------------------------------------------------------------------

def peak_megabytes(function, *arguments):
    """Call ``function`` and return how much memory it needed at the worst moment, in megabytes."""
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1] / 1_000_000
    finally:
        tracemalloc.stop()
