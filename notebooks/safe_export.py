"""Publish rows as a CSV file so that nobody ever finds half of it. Take this file home.

    from safe_export import safe_export
    safe_export(orders, "outbox/orders.csv", fieldnames=["order_id", "item"])

Whoever opens the target by name finds the old file or the new one, whole, whatever happens to this process:
an exception, a full disk, ``os._exit``, a kill. Notebook 06, Lose nothing, builds it step by step;
tests/test_safe_export.py kills it at every row and at every step of the publishing, and
tests/bench_export.py measures its speed and its memory.

What it does, in this order:

1. take the lock ``.orders.csv.lock``, so that there is one exporter a target
2. remove what a killed exporter left, ``.orders.csv.????????.part``
3. write all rows to a new file of such a name, in the target's own folder: a name can be moved in one
   step only inside one file system
4. flush and close: the rows leave the process, and an error that waited, such as a full disk, shows up here
5. fsync in between: the system hands the bytes to the disk *before* the name points to them
6. os.replace: the name ``orders.csv`` goes from the old file to the new one in one step (POSIX
   promises it; Windows does it as a rule, and promises nothing)

What to know before you rely on it:

* The lock lets go when its process ends, however it ends; on Linux and macOS when every process that was forked
  from it meanwhile has ended, too. The empty lock file stays, on purpose: whoever removed it would let a second
  exporter in. A second exporter at the same time gets AnotherExport.
* Where a network file system ignores locks, two exporters at once may cost one of them an error, when the
  other has removed its unfinished file. The target is whole all the same: no two ever write to one file.
* A read-only target gets PermissionError, as with ``open()``, and stays as it is. A target that its owner may write to
  and you may not is replaced all the same, where you may write to its folder: on Linux and macOS a move asks for no more.
* A target that exists keeps its permissions; a new one gets the usual ones, as with ``open()``. Owner and
  access lists are those of a new file. A symbolic link stays, and the file that it points to is replaced.
* On Windows os.replace raises PermissionError while some program has the target open. The old file stays;
  run the export again.
* On macOS os.fsync ends when the drive has the bytes, which may still be in its cache when the power fails.
  Where that matters, add ``fcntl.fcntl(export.fileno(), fcntl.F_FULLFSYNC)``, which waits for the cache too.
* In a folder that may be written to but not listed, the new name cannot be synced (a power cut may bring the
  old file back, whole), and what killed exporters left stays.
"""
import contextlib
import csv
import errno
import glob
import os
import shutil
from pathlib import Path

try:
    import fcntl

    def _lock(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file):
        fcntl.flock(file, fcntl.LOCK_UN)
except ImportError:  # Windows
    import msvcrt

    def _lock(file):
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file):
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)


class AnotherExport(RuntimeError):
    """Another exporter is writing the same target at this moment."""


def safe_export(rows, target, fieldnames, **csv_options):
    """Replace the CSV file target by one with these rows, in one step.

    Parameters: ``rows`` is any iterable of dictionaries, and is never held in memory as a whole; ``target``
    is the file's path; ``fieldnames`` and ``csv_options`` go to ``csv.DictWriter``. Raises what
    unfinished_file raises, and whatever reading the rows or writing the file raises; the target is then as it
    was. Only an OSError of the last step, sync_folder, comes when the new file has been published: readers
    find it, and a power cut may bring the old one back.
    """
    target = Path(target).resolve()
    with unfinished_file(target) as unfinished:
        with open(unfinished, "w", newline="", encoding="utf-8") as export:
            writer = csv.DictWriter(export, fieldnames, **csv_options)
            writer.writeheader()
            writer.writerows(rows)
            export.flush()
            os.fsync(export.fileno())
        os.replace(unfinished, target)
        sync_folder(target.parent)


@contextlib.contextmanager
def unfinished_file(target):
    """Make an empty file beside ``target`` and give its path, to one exporter at a time.

    Removes first what killed exporters of the same target left, and at the end the file itself, if it is
    still there. Raises FileNotFoundError when the target's folder is missing, IsADirectoryError when the target
    is a folder itself, and AnotherExport when another exporter of this target is at work.
    """
    target = Path(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder for {target.name} is missing, make it first: {target.parent}")
    if target.is_dir():
        raise IsADirectoryError(f"the target is a folder, add the name of a file: {target}")
    with only_exporter(target):
        # Exactly eight digits, so that the files of a target called orders.csv.old do not match.
        for leftover in target.parent.glob(f".{glob.escape(target.name)}.{'[0-9a-f]' * 8}.part"):
            _remove(leftover)
        unfinished = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
        try:
            unfinished.touch(exist_ok=False)
            if target.exists():
                shutil.copymode(target, unfinished)
            yield unfinished
        finally:
            _remove(unfinished)


@contextlib.contextmanager
def only_exporter(target):
    """Hold the lock of ``target`` for the length of a with block. Raises AnotherExport when it is taken."""
    with open(target.with_name(f".{target.name}.lock"), "ab") as lock:
        try:
            _lock(lock)
        except (BlockingIOError, PermissionError):
            raise AnotherExport(f"another export of {target.name} is running") from None
        try:
            yield
        finally:
            _unlock(lock)  # closing would do, but for a child process that was forked meanwhile and has it too


def sync_folder(folder):
    """Put a folder's own entries, such as a new name, on the disk.

    Does nothing where that is impossible: on Windows, where Python has no call for it, on some network file systems, and
    in a folder that this process may not read. Raises OSError when the disk reports an error.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a new name needs leave to write only, and this needs leave to read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot do it
            raise
    finally:
        os.close(descriptor)


def _remove(path):
    # Gone already, or held by a virus scanner for a moment: then the next export tries again.
    with contextlib.suppress(OSError):
        if os.name == "nt":
            path.chmod(0o600)  # Windows removes no read-only file
        path.unlink()
