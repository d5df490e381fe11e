"""What this system can do, asked or tried: a test of what it cannot do is skipped, with the reason.

Nothing here asks what the system is called, so a system nobody thought of is answered rightly, too.
"""
import importlib.util
import locale
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest


def _works(trial):
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        try:
            return trial(Path(folder))
        except OSError:
            return False


def _makes_a_link(folder):
    (folder / "file").write_bytes(b"")
    (folder / "link").symlink_to(folder / "file")
    return (folder / "link").is_symlink()  # asked, because some say that they made one and did not


def _moves_an_open_file(folder):
    with open(folder / "file", "wb"):
        (folder / "file").rename(folder / "moved")
        (folder / "moved").unlink()
    return True


def _takes_a_star(folder):
    (folder / "ord*.csv").write_bytes(b"")
    return [path.name for path in folder.iterdir()] == ["ord*.csv"]


def _keeps_permissions(folder):
    (folder / "file").write_bytes(b"")
    (folder / "file").chmod(0o640)
    return (folder / "file").stat().st_mode & 0o777 == 0o640


def _encodes_letters():
    try:
        return bool("Ł".encode("utf-8" if sys.flags.utf8_mode else locale.getencoding()))
    except UnicodeEncodeError:
        return False


SYMBOLIC_LINKS = _works(_makes_a_link)  # Windows wants its developer mode for them
OPEN_FILES_MOVE = _works(_moves_an_open_file)  # renamed and removed while they are open: not on Windows
PERMISSIONS = _works(_keeps_permissions)  # for owner, group and others; Windows knows read-only
STARS_IN_NAMES = _works(_takes_a_star)
LETTERS_BY_DEFAULT = _encodes_letters()  # open() without encoding= takes the letters of the orders
SIGNALS = hasattr(signal, "SIGKILL")  # by which another process can be stopped, told something, or ended
ALL_FILES_SYNC = hasattr(os, "sync")  # at once, without their names
FOLDER_SYNC = hasattr(os, "O_DIRECTORY")  # a folder can be opened, and so handed to os.fsync
CLOSING_REMOVES = hasattr(os, "O_TEMPORARY")  # the system itself removes a marked file, and keeps others from opening it

needs_links = pytest.mark.skipif(not SYMBOLIC_LINKS, reason="no symbolic link can be made here")
needs_open_files_to_move = pytest.mark.skipif(not OPEN_FILES_MOVE, reason="this system moves and removes no open file")
needs_permissions = pytest.mark.skipif(not PERMISSIONS, reason="this system has no permissions for owner, group and others")
needs_signals = pytest.mark.skipif(not SIGNALS, reason="on this system another process can only be ended")
needs_folder_sync = pytest.mark.skipif(not FOLDER_SYNC, reason="this system hands no folder to os.fsync")
needs_fcntl = pytest.mark.skipif(importlib.util.find_spec("fcntl") is None, reason="this system does not lock with fcntl")
