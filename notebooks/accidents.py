"""Accidents to try exports with: processes that end in every way there is, and a disk that is soon full.

    from accidents import outcomes
    outcomes({"os._exit(0)": "export = write_rows(); os._exit(0)"})

Notebook 06, Lose nothing, uses it. Everything here happens in other processes, or in memory; no notebook
is harmed.
"""
import errno
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WRITE_ROWS = '''\
def write_rows():
    export = open(sys.argv[1], "w", newline="", encoding="utf-8")
    csv.writer(export).writerows([["order_id", "item"], ["000001", "Bananas"], ["000002", "Grapes"]])
    return export
'''
PROGRAM = f'''\
import csv, multiprocessing, os, signal, sys, threading, time

{WRITE_ROWS}

def wait_for_the_kill():
    print("ready", flush=True)
    time.sleep(60)

def in_daemon_thread():
    def work():
        with write_rows():
            written.set()
            time.sleep(60)
    written = threading.Event()
    threading.Thread(target=work, daemon=True).start()
    written.wait()
'''
CHILD = '''\
def work():
    global export
    export = write_rows()

if __name__ == "__main__":
    multiprocessing.get_context("{}").Process(target=work).start()
'''


def outcomes(ways_out):
    """Run each way out in a process of its own, all at once.

    Parameters: ``ways_out`` maps the name of a way to the Python text that the process runs. The text can
    call ``write_rows()``, which returns the open file, ``wait_for_the_kill()`` and ``in_daemon_thread()``.
    Returns for each name a pair: how many rows the file holds afterwards, and whether the exit code was 0.
    """
    with tempfile.TemporaryDirectory(prefix="rows-", ignore_cleanup_errors=True) as folder:
        running = []
        for way, program in ways_out.items():
            path = Path(folder) / f"{len(running)}.csv"
            script = path.with_suffix(".py")
            script.write_text(f"{PROGRAM}\n{program}\n", encoding="utf-8")
            child = subprocess.Popen([sys.executable, "-I", script, path],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            running.append((way, path, child))
        results = {}
        for way, path, child in running:
            if child.stdout.readline():  # it says that it waits for the kill
                child.kill()
            child.communicate(timeout=30)
            results[way] = (max(0, path.read_bytes().count(b"\n") - 1), child.returncode == 0)
        return results


def write_in_child(method):
    """Return the text of a program that lets a multiprocessing child, made by ``method``, write the rows."""
    return CHILD.format(method)


def seen_by_another_process(path):
    """Return how many rows another process finds that opens ``path`` by name, header not counted."""
    program = "import sys; print(max(0, open(sys.argv[1], 'rb').read().count(b'\\n') - 1))"
    answer = subprocess.run([sys.executable, "-I", "-c", program, path], capture_output=True, text=True, encoding="utf-8")
    return int(answer.stdout)


class SmallDisk(io.RawIOBase):
    """A disk with room for few bytes: it takes what fits, then reports, as a real one does, that it is full.

    Parameters: ``room`` in bytes. What it has taken is in ``content``.
    """

    def __init__(self, room):
        super().__init__()
        self.room, self.content = room, b""

    def writable(self):
        return True

    def write(self, data):
        taken = bytes(data)[:self.room - len(self.content)]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.content += taken
        return len(taken)


EXPORT_AND_DIE = '''
import os, sys
sys.path.insert(0, sys.argv[1])
import safe_export

moment, target = int(sys.argv[2]), sys.argv[3]

def die(*ignored):
    os._exit(1)  # leaves what a kill leaves: nothing more is run

def rows():
    for number in range(1, 11):
        if number == moment:
            die()
        yield {"order_id": number}

if moment == 11:
    os.replace = die
if moment == 12:
    safe_export.sync_folder = die
safe_export.safe_export(rows(), target, ["order_id"])
'''


def export_and_die(target, moments):
    """Let processes export ten rows over the file ``target`` and die, each at one of the ``moments``.

    Parameters: moments 1 to 10 are just before that row, 11 is just before os.replace and 12 just after it.
    Before each export ``target`` holds the line "old". Returns what ``target`` holds after each death, as a
    list of "old file", "new file" and "neither". Each process has a folder of its own; in the end the
    unfinished files that they left are moved beside ``target``.
    """
    target = Path(target)
    old, new = b"old\r\n", b"order_id\r\n" + b"".join(b"%d\r\n" % number for number in range(1, 11))
    with tempfile.TemporaryDirectory(prefix=".dying-", dir=target.parent, ignore_cleanup_errors=True) as folder:
        dying = []
        for moment in moments:
            path = Path(folder) / str(moment) / target.name
            path.parent.mkdir()
            path.write_bytes(old)
            program = [sys.executable, "-I", "-c", EXPORT_AND_DIE, Path(__file__).parent, str(moment), path]
            dying.append((path, subprocess.Popen(program)))
        found = []
        for path, process in dying:
            process.wait(timeout=30)
            found.append({old: "old file", new: "new file"}.get(path.read_bytes(), "neither"))
            for unfinished in path.parent.glob("*.part"):
                os.replace(unfinished, target.parent / unfinished.name)
    return found
