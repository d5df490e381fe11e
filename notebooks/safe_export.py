"""Publish rows as a CSV file so that nobody ever finds half of it. Take this file home.

    from safe_export import safe_export
    written = safe_export(orders, "outbox/orders.csv", fieldnames=["order_id", "item"])

Whoever opens the target by its name finds the old file or the new one, whole, whatever happens to this process:
an exception, Ctrl+C, a full disk, ``os._exit``, a kill. tests/test_safe_export.py kills it at every row and at
every step, fills the disk at every step, interrupts it at random and acts as several users;
``python -m tests.tools.bench_export`` measures its speed and its memory.

What it does, in this order. Up to step 3 it refuses what it can see that it cannot do, before it asks for the first row:

1. look at the target and its folder
2. take the lock ``.orders.csv.lock``, so that there is one exporter a target, and remove what a killed one left
3. make a new file ``.orders.csv.????????.part`` in the target's own folder, since a name can be moved in one step
   only inside one file system, with the owner, the group, the permissions and the access list of the target
4. write all rows to it
5. flush: the rows leave the process, and an error that waited, such as a full disk, shows up here
6. fsync: the system hands the bytes to the disk *before* the name points to them; then close
7. os.replace: the name ``orders.csv`` goes from the old file to the new one in one step (POSIX promises it;
   Windows does it as a rule, and promises nothing); then fsync the folder, for the new name

What it promises, and what it does not:

* **The target, not the rows.** It publishes what can be made again from the start. When an export is killed, or its
  rows raise an error, the rows taken so far are gone, and the next run tells nobody. Rows that come only once, from a
  queue, a sensor, a generator that acknowledges, go to a log first, each one flushed before it is acknowledged;
  publish from the log.
* **No guess about empty.** A generator that has been used up looks like a day without orders: the file then has a header
  only. The number of rows is returned, and ``at_least=1`` refuses to publish fewer. It is not the default, because
  an empty table can be right, and only the caller knows.
* **One exporter at a time.** A second one gets AnotherExport. The lock ends with its process, however that ends (on
  Linux and macOS, once children that were forked meanwhile and never ran another program have ended too). The
  lock file is removed at the end; the one that a killed export left is used, and removed, by the next. So dated
  targets leave nothing behind.
* **Where locks are refused** (some Lustre, FUSE and NFS mounts) it goes on without one, after a RuntimeWarning: the target is
  whole all the same, since no two ever write to one file, but of two exporters the later wins, and what killed ones
  left stays. Where a network file system ignores locks, or another machine sees an old name for a moment, two exporters
  at once may cost one of them an error, when the other has removed its unfinished file.
* **Several users.** A lock file of another user will do if you may read it: ``flock`` asks for no more (NFS asks for leave to
  write as well: PermissionError with a sentence). Conversely anybody who may read a lock file can hold it and stop
  the export; so can anybody who may write to the folder.
* **You need leave to make files in the folder**; leave to write to the target, as ``open()`` asks for, is neither
  enough nor necessary. A folder with the sticky bit, such as /tmp, lets nobody but the owner of the file or the
  folder replace a file: PermissionError. So does a target that is read-only for everybody, even for root.
* **Who may read stays the same.** A new target gets the usual permissions, as with ``open()``. One that exists keeps
  its permission bits, group and, on Linux, access list (POSIX or NFSv4), from before the first row on: nobody
  can open the unfinished file who may not open the target. Only root can keep another user's ownership; for others
  the file becomes theirs. Where any of that would take the file from its readers or give it to new ones, Refused says so.
  Not kept: set-user-ID bits, other extended attributes, SELinux label (the folder decides), and the access lists of
  macOS and Windows, which Python does not see: there the new file has those that the folder gives.
* **Links.** A symbolic link stays, and the file that it points to is replaced. A target with several names (hard
  links) is Refused: the other names would keep the old rows. So is everything that is no regular file: a pipe, a
  device such as /dev/null, a socket.
* **A target that is mounted by itself** (one file given to a container: ``-v ./orders.csv:/app/orders.csv``), or that is
  marked immutable, cannot be replaced: OSError at the move, after the rows have been read. Mount the folder.
* **Ctrl+C** raises KeyboardInterrupt. If it comes in the last moment, between os.replace and the return, the new file is
  published all the same. An interruption or an OSError of the last sync is the only way to an error and a new file.
* **A power cut** finds the old file or the new one, on a file system and a disk that keep their word. On macOS os.fsync
  ends when the drive has the bytes, which may still be in its cache. Where that matters, call ``fcntl.fcntl(descriptor,
  fcntl.F_FULLFSYNC)`` in both places, and os.fsync where a file system does not know it. A failed fsync is not
  tried again: the next one would succeed without the bytes.
* **Windows** refuses os.replace while a program has the target open. A virus scanner or an indexer does that for a moment,
  so it is tried again for a second; then PermissionError, and the old file stays.
* In a folder that may be written to but not listed, the new name cannot be synced (a power cut may bring the
  old file back, whole), and what killed exporters left stays.
* Programs that take whatever lies in the folder meet ``.part`` and ``.lock`` files there. Readers open the agreed name.
"""
import contextlib
import csv
import errno
import glob
import hashlib
import os
import stat
import time
import warnings
from pathlib import Path

try:
    import fcntl

    OPEN_FILES_CAN_BE_REMOVED = True

    def _lock(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file):
        fcntl.flock(file, fcntl.LOCK_UN)
except ImportError:  # Windows
    import msvcrt

    OPEN_FILES_CAN_BE_REMOVED = False  # nor those that are read-only

    def _lock(file):
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file):
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

LOCKS_REFUSED = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
CANNOT_SYNC_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
HELD_BY_ANOTHER_PROGRAM = {5, 32, 33}  # Windows: access denied, sharing violation, lock violation
PAUSES = (0.05, 0.1, 0.2, 0.3, 0.35)  # seconds, one in all


class AnotherExport(RuntimeError):
    """Another exporter is writing the same target at this moment."""


class Refused(RuntimeError):
    """To replace this target would break something that somebody relies on. It is as it was, and no row was asked for."""


def safe_export(rows, target, fieldnames, *, encoding="utf-8", at_least=0, **csv_options):
    """Replace the CSV file target by one with these rows, in one step, and return how many rows it has.

    Parameters: ``rows`` is any iterable of dictionaries, and is never held in memory as a whole; ``target`` is the
    file's path; ``fieldnames`` and ``csv_options`` go to ``csv.DictWriter``; ``encoding="utf-8-sig"`` is for Excel.
    Raises ValueError when there are fewer rows than ``at_least``, what unfinished_file raises, and whatever reading
    the rows or writing the file raises; the target is then as it was. Only an OSError of the last step, sync_folder, and
    an interruption there come when the new file has been published: readers find it, and a power cut may bring the
    old one back.
    """
    target, fieldnames, written = Path(os.fsdecode(target)).resolve(), list(fieldnames), 0

    def counted():
        nonlocal written
        for row in rows:
            written += 1
            yield row

    with unfinished_file(target, encoding) as export:
        writer = csv.DictWriter(export, fieldnames, **csv_options)
        writer.writeheader()
        writer.writerows(counted())
        if written < at_least:
            raise ValueError(f"{written} rows came for {target.name}, at least {at_least} are wanted; nothing is published")
        export.flush()
        os.fsync(export.fileno())
        export.close()
        replace(export.name, target)
        sync_folder(target.parent)
    return written


@contextlib.contextmanager
def unfinished_file(target, encoding="utf-8"):
    """Make a new file beside ``target`` and give it, open for writing text, to one exporter at a time.

    ``name`` of what it gives is its path. Removes first what killed exporters of the same target left, and at the end the
    file itself, if it is still there. Raises FileNotFoundError when the target's folder is missing,
    IsADirectoryError when the target is a folder itself, PermissionError when this process may not replace the target,
    Refused when to replace it would break something, and AnotherExport when another exporter of it is at work.
    """
    target = Path(target)
    old = _look_at(target)
    with only_exporter(target) as is_only_one:
        if is_only_one:
            # Exactly eight digits, so that the files of a target called orders.csv.old do not match.
            for leftover in target.parent.glob(f"{glob.escape(_hidden(target))}.{'[0-9a-f]' * 8}.part"):
                _remove(leftover)
        unfinished = target.with_name(f"{_hidden(target)}.{os.urandom(4).hex()}.part")
        # A new target gets the usual permissions. One that exists gets its own before the first row, from nobody's on.
        mode = 0o666 if old is None else 0o600
        try:
            with open(unfinished, "x", newline="", encoding=encoding,
                      opener=lambda path, flags: os.open(path, flags, mode)) as export:
                if old is not None:
                    _keep_rights(target, old, export.fileno())
                yield export
        finally:
            _remove(unfinished)


@contextlib.contextmanager
def only_exporter(target):
    """Hold the lock of ``target`` for the length of a with block; give False where the file system refuses locks.

    Raises AnotherExport when another exporter holds it.
    """
    path = target.with_name(f"{_hidden(target)}.lock")
    lock, is_locked = _locked_file(path, target.name)
    try:
        yield is_locked
    finally:
        # While the lock is held: whoever opened this file before finds in _locked_file that it is the lock no more.
        _remove(path)
        if is_locked:
            _unlock(lock)  # closing would do, but for a child process that was forked meanwhile and has it too
        lock.close()
        if not OPEN_FILES_CAN_BE_REMOVED:
            _remove(path)  # it could not be before, and a rival's cannot be now


def sync_folder(folder):
    """Put a folder's own entries, such as a new name, on the disk.

    Does nothing where that is impossible: on Windows, where Python has no call for it, on some network file systems, and
    in a folder that this process may not read. Raises OSError when the disk reports an error.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # a new name needs leave to write only, and this needs leave to read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNC_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def replace(unfinished, target):
    """Call os.replace; on Windows try again for a second while another program has one of the files open."""
    for pause in PAUSES:
        try:
            return os.replace(unfinished, target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in HELD_BY_ANOTHER_PROGRAM:  # only Windows gives such a number
                raise
        time.sleep(pause)
    os.replace(unfinished, target)


def _look_at(target):
    """Return the status of ``target``, None if there is none. Raises when it cannot be replaced."""
    try:
        folder = os.stat(target.parent)
    except FileNotFoundError:
        raise FileNotFoundError(f"the folder for {target.name} is missing, make it first: {target.parent}") from None
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(f"the target is a folder, add the name of a file: {target}")
    if not stat.S_ISREG(old.st_mode):
        raise Refused(f"the target is no regular file but a pipe, a device or a socket, and would not be one afterwards: {target}")
    if old.st_nlink > 1:
        raise Refused(f"the target has {old.st_nlink} names (hard links), and the others would keep the old rows: {target}")
    if not old.st_mode & 0o222:
        raise PermissionError(errno.EACCES, "the target is read-only", str(target))
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, folder.st_uid, old.st_uid):
        raise PermissionError(errno.EPERM, "the folder has the sticky bit, so only the file's owner may replace it", str(target))
    return old


def _keep_rights(target, old, descriptor):
    """Give the new file, still empty, the owner, group, access list and permissions of the old one, in this order.

    Until the last of them nobody but its owner may open it. By descriptor, not by name: in a folder
    where others may write, the name might meanwhile be another file's. Raises Refused when readers would change.
    """
    if not hasattr(os, "fchown"):  # Windows: the folder decides
        return
    new, mode = os.fstat(descriptor), stat.S_IMODE(old.st_mode) & 0o777
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, -1, old.st_gid)  # a member of the group may
        with contextlib.suppress(OSError):
            os.fchown(descriptor, old.st_uid, -1)  # root may
        new = os.fstat(descriptor)
    lists = _keep_access_lists(target, descriptor)
    # Without the old group, its members count as others, and those of the new one as group: only equal bits change nothing.
    if new.st_gid != old.st_gid and (lists or mode >> 3 & 7 != mode & 7):
        raise Refused(f"the target belongs to group {old.st_gid}, which you may not give to the new file, so its readers would "
                      f"change; become a member, or let the folder hand its group on (chmod g+s): {target}")
    # The old owner will be one of the file's group or of the others, and which of them is not known here.
    if new.st_uid != old.st_uid and (lists or mode >> 6 & 4 and not mode >> 3 & mode & 4):
        raise Refused(f"the target belongs to user {old.st_uid}, who might not read the new file; let its owner or root export: {target}")
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        os.fchmod(descriptor, mode)


def _keep_access_lists(target, descriptor):
    """Give the new file the access lists of ``target``, and no other; return their names."""
    if not hasattr(os, "listxattr"):
        return []
    wanted, inherited = _access_lists(target), _access_lists(descriptor)
    try:
        for name in inherited:  # from the folder's default list
            if name not in wanted:
                os.removexattr(descriptor, name)
        for name in wanted:
            os.setxattr(descriptor, name, os.getxattr(target, name))
    except OSError as error:
        raise Refused(f"the target's access list cannot be given to the new file ({error.strerror}): {target}") from error
    return wanted


def _access_lists(file):
    try:
        return [name for name in os.listxattr(file) if name.startswith("system.") and "acl" in name]
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return []  # this file system has none


def _locked_file(path, name):
    """Return the lock file, open, and whether it is locked."""
    for _ in range(100):
        lock = open(path, "rb", buffering=0, opener=_open_lock)
        try:
            _lock(lock)
            # Where open files can be removed, the lock's owner may have ended, and removed it, since it was opened.
            if not OPEN_FILES_CAN_BE_REMOVED or os.path.samestat(os.fstat(lock.fileno()), os.stat(path)):
                return lock, True
        except FileNotFoundError:
            pass
        except (BlockingIOError, PermissionError):
            lock.close()
            break
        except OSError as error:
            if error.errno in LOCKS_REFUSED:
                warnings.warn(f"this file system refuses locks ({error.strerror}): two exports of {name} at once will not be "
                              "noticed, the later wins, and what killed ones left stays", RuntimeWarning, stacklevel=7)
                return lock, False
            lock.close()
            if error.errno == errno.EBADF:
                raise PermissionError(errno.EACCES, "the lock file belongs to another user, and this file system locks only what "
                                      "you may write to; remove it if no export is running", str(path)) from None
            raise
        except BaseException:
            lock.close()
            raise
        lock.close()
    raise AnotherExport(f"another export of {name} is running") from None


def _open_lock(path, flags):
    # No link, and no waiting for the other end of a pipe, if somebody has put one there.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)
    except PermissionError:
        if not os.path.lexists(path):
            raise PermissionError(errno.EACCES, "an export needs leave to make files in this folder",
                                  os.path.dirname(path)) from None
        return os.open(path, os.O_RDONLY | flags)  # another user's; to read is enough for flock


def _hidden(target):
    """Return how the names of the target's lock and unfinished files begin; short, so that a long name has room for more."""
    if len(os.fsencode(target.name)) <= 100:
        return f".{target.name}"
    # Where orders.csv and ORDERS.CSV are one file they need one lock; where they are two, sharing does no harm.
    return f".{hashlib.sha256(os.fsencode(target.name.casefold())).hexdigest()[:32]}"


def _remove(path):
    # Gone already, or held by a virus scanner for a moment: then the next export tries again.
    with contextlib.suppress(OSError):
        if not OPEN_FILES_CAN_BE_REMOVED:
            os.chmod(path, 0o600)  # Windows removes no read-only file either
        os.unlink(path)
