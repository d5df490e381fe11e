"""What Windows does and forbids with files, on every system: so that a repair for one system is not called one for all."""
import builtins
import contextlib
import errno
import gc
import io
import os
import stat
import tempfile
from unittest import mock

from checks.common import CheckIsBroken, NotYet, open_files

with tempfile.NamedTemporaryFile(prefix="check-") as _example:
    TEMPORARY_FILE = type(_example)  # its name is private, and no promise
    os.chmod(_example.name, 0o640)
    HAS_PERMISSIONS = stat.S_IMODE(os.stat(_example.name).st_mode) == 0o640  # for owner, group and others: not on Windows


class RemovalRefused(NotYet):
    """Stands for Windows' PermissionError; no OSError, because tempfile would try again and again."""


def is_open_and_marked(path):
    """Tell whether ``path`` is an open NamedTemporaryFile that closing removes: Windows gives it to no one else.

    Raises CheckIsBroken in a Python whose temporary files do not say whether they will be removed.
    """
    for thing in gc.get_objects():
        if type(thing) is TEMPORARY_FILE and not thing.file.closed and _goes_when_closed(thing):
            with contextlib.suppress(OSError, ValueError, TypeError):
                if os.path.samefile(thing.name, path):
                    return True
    return False


def _goes_when_closed(file):
    closer = vars(file).get("_closer")  # a private name, the only place where it is kept from Python 3.12 on
    if not hasattr(closer, "delete"):
        raise CheckIsBroken("the temporary files of this Python do not say whether closing removes them")
    return closer.delete and getattr(closer, "delete_on_close", True)


@contextlib.contextmanager
def open_replaced(function, stand_in):
    """Let the learner's ``function`` find ``stand_in`` wherever it looks for ``open``, inside this block.

    A notebook has an ``open`` of its own among the function's globals, which is replaced too.
    """
    places = [vars(builtins), vars(io), getattr(function, "__globals__", {})]
    before = [(place, place["open"]) for place in places if "open" in place]
    for place, _ in before:
        place["open"] = stand_in
    try:
        yield
    finally:
        for place, real_open in before:
            place["open"] = real_open


handles = []  # (handle, its status) for each file that tempfile.mkstemp() has made inside handles_watched()


@contextlib.contextmanager
def handles_watched():
    """Remember, inside this block, the handles that tempfile.mkstemp() gives; close those that are open at its end."""
    make = tempfile.mkstemp

    def mkstemp(*arguments, **named):
        handle, path = make(*arguments, **named)
        handles.append((handle, os.fstat(handle)))
        return handle, path

    with mock.patch.object(tempfile, "mkstemp", mkstemp):
        try:
            yield
        finally:
            for handle, _ in open_handles():
                os.close(handle)
            handles.clear()


def open_handles(path=None):
    """Return the handles from tempfile.mkstemp(), or those of the file ``path``, that nobody has closed yet."""
    found = []
    for handle, status in handles:
        with contextlib.suppress(OSError):  # a handle that is closed, or a file that is gone
            # The number of a handle that was closed may be another file's now.
            same_as_made = os.path.samestat(os.fstat(handle), status)
            if same_as_made and (path is None or os.path.samestat(os.stat(path), status)):
                found.append((handle, status))
    return found


class _WindowsText(io.TextIOWrapper):
    """A text file without newline=, for writing and reading: \\n becomes \\r\\n on the way out, and \\n again on the way in."""

    def write(self, text):
        super().write(text if os.linesep == "\r\n" else text.replace("\n", "\r\n"))  # there the text layer does it
        return len(text)


@contextlib.contextmanager
def as_on_windows(function):
    """While ``function`` runs, let what it opens be opened as on a Windows in western Europe.

    Text without newline= is written with CR LF; text without encoding= is cp1252, for writing and for reading. So a
    forgotten option shows on every system. A temporary file that is open and goes when it is closed cannot be opened
    by its name. It holds for open(), io.open(), Path, tempfile, os.fdopen(), and not for gzip and codecs.
    """
    real_open = io.open

    def open_as_on_windows(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, **named):
        if isinstance(file, str | os.PathLike) and "opener" not in named and len(rest) < 2 and is_open_and_marked(file):
            raise NotYet("Windows refuses to open the file by its name: it is open, and marked for deletion when it is closed")
        if "b" in mode:
            return real_open(file, mode, buffering, encoding, errors, newline, *rest, **named)
        encoding = "cp1252" if encoding in (None, "locale") else encoding
        if newline is None and "+" in mode and buffering != 0:
            below = real_open(file, mode.replace("t", "") + "b", max(buffering, -1) if buffering != 1 else -1, None, None, None,
                              *rest, **named)
            text = _WindowsText(below, encoding, errors, line_buffering=buffering == 1)
            text.mode = mode
            return text
        newline = "\r\n" if newline is None and mode.strip("tU") != "r" else newline
        return real_open(file, mode, buffering, encoding, errors, newline, *rest, **named)

    def text_encoding(encoding, stacklevel=2):  # pathlib and tempfile ask it, and with UTF-8 mode it would answer utf-8
        return "locale" if encoding is None else encoding

    with open_replaced(function, open_as_on_windows), mock.patch.object(io, "text_encoding", text_encoding):
        yield


@contextlib.contextmanager
def moves_as_on_windows():
    """Refuse, inside this block, to move a file that is open, and to rename one to a name that is taken."""
    def closed_only(move):
        def move_if_closed(src, dst, **others):
            if open_files(src):
                raise NotYet("Windows refuses to move a file that is open: move it after the block that closes it")
            if move is os_rename and os.path.exists(dst):
                raise FileExistsError(errno.EEXIST, "os.rename does not replace a file on Windows; os.replace does, everywhere")
            return move(src, dst, **others)
        return move_if_closed

    os_rename = os.rename
    with mock.patch.object(os, "replace", closed_only(os.replace)), mock.patch.object(os, "rename", closed_only(os_rename)):
        yield


@contextlib.contextmanager
def removal_as_on_windows():
    """Refuse, inside this block, to remove a file that is open; give the list of the sentences said."""
    refused = []  # because an exception may be lost: a block that it leaves may raise one of its own

    def refusing(remove):
        def remove_if_closed(path, *, dir_fd=None):
            if open_handles(path):
                refused.append("Windows refuses to remove a file that is open, and so is the handle that mkstemp gives: close it first")
                raise RemovalRefused(refused[-1])
            if open_files(path, dir_fd):
                refused.append("Windows refuses to remove a file that is open: close it first")
                raise RemovalRefused(refused[-1])
            return remove(path, dir_fd=dir_fd)
        return remove_if_closed

    with mock.patch.object(os, "unlink", refusing(os.unlink)), mock.patch.object(os, "remove", refusing(os.remove)):
        yield refused
