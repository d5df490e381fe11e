"""What Windows forbids to do with an open file, forbidden on every system."""
import builtins
import contextlib
import gc
import io
import os
import tempfile
from unittest import mock

from checks.common import NotYet


class RemovalRefused(NotYet):
    """Stands for Windows' PermissionError; no OSError, because tempfile would try again and again."""


def open_files(path, dir_fd=None):
    """Return the file objects of this process that have the file ``path`` open."""
    try:
        wanted = os.stat(path) if dir_fd is None else os.stat(path, dir_fd=dir_fd)
    except OSError:
        return []
    found = []
    for thing in gc.get_objects():
        # Below each open file, text or binary, lies a FileIO. Others are not touched: some act when they are asked.
        if issubclass(type(thing), io.FileIO) and not thing.closed:
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(thing.fileno()), wanted):
                    found.append(thing)
    return found


def is_open_and_marked(path):
    """Tell whether ``path`` is an open NamedTemporaryFile that closing removes: Windows gives it to no one else."""
    for thing in gc.get_objects():
        if type(thing) is tempfile._TemporaryFileWrapper and not thing.file.closed:
            closer = thing._closer
            if closer.delete and getattr(closer, "delete_on_close", True):
                with contextlib.suppress(OSError, ValueError, TypeError):
                    if os.path.samefile(thing.name, path):
                        return True
    return False


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


@contextlib.contextmanager
def removal_as_on_windows():
    """Refuse, inside this block, to remove a file that is open; give the list of the sentences said."""
    refused = []  # because an exception may be lost: a block that it leaves may raise one of its own

    def refusing(remove):
        def remove_if_closed(path, *, dir_fd=None):
            if open_files(path, dir_fd):
                refused.append("Windows refuses to remove a file that is open: close it first")
                raise RemovalRefused(refused[-1])
            return remove(path, dir_fd=dir_fd)
        return remove_if_closed

    with mock.patch.object(os, "unlink", refusing(os.unlink)), mock.patch.object(os, "remove", refusing(os.remove)):
        yield refused
