"""The export that the series leads to, killed at every row and at every step: nobody ever finds half a file."""
import ast
import contextlib
import csv
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import safe_export as safe_export_module
from safe_export import AnotherExport, Refused, safe_export, sync_folder, unfinished_file

from tests.support.abilities import (
    FOLDER_SYNC,
    SIGNALS,
    STARS_IN_NAMES,
    needs_folder_sync,
    needs_links,
    needs_open_files_to_move,
    needs_permissions,
)
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, read_notebook
from tests.tools import bench_export

ROWS = 40
NAMES = ["order_id", "note"]
# Rows of 5,000 characters, so that the unfinished file holds a torn piece when the kill comes, with every
# buffer size that Python has had.
NOTE = "late " * 1000
OLD = b"order_id,note\r\n1,yesterday\r\n"
STEPS = ["lock", "new file", "before fsync", "after fsync", "before replace", "after replace"]

# The process kills itself: SIGKILL where there is one, TerminateProcess on Windows. Nothing of Python runs after it.
CHILD = f"""
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import safe_export
from pathlib import Path

moment, target = sys.argv[2], sys.argv[3]

def die(*ignored, **also_ignored):
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

def die_after(call):
    def called(*arguments, **options):
        call(*arguments, **options)
        die()
    return called

def rows():
    for number in range(1, {ROWS} + 1):
        if moment == str(number):
            die()
        yield {{"order_id": number, "note": {NOTE!r}}}
    if moment == "before flush":
        die()

if moment == "lock":
    safe_export._lock = die_after(safe_export._lock)
if moment == "new file":
    safe_export._keep_rights = die
    if not os.path.exists(target):
        safe_export.csv.DictWriter = die
if moment == "before fsync":
    os.fsync = die
if moment == "after fsync":
    os.fsync = die_after(os.fsync)
if moment == "before replace":
    os.replace = die
if moment == "after replace":
    os.replace = die_after(os.replace)
safe_export.safe_export(rows(), target, {NAMES!r})
"""


def new_rows():
    return ({"order_id": number, "note": NOTE} for number in range(1, ROWS + 1))


@pytest.fixture(scope="module")
def new_bytes(tmp_path_factory):
    target = tmp_path_factory.mktemp("plain") / "orders.csv"
    bench_export.bare_export(new_rows(), target, NAMES)
    return target.read_bytes()


def killed_at(moment, target):
    return subprocess.run([sys.executable, "-I", "-c", CHILD, str(NOTEBOOK_FOLDER), str(moment), str(target)],
                          capture_output=True, timeout=300).returncode


def unfinished(folder):
    return sorted(path.name for path in folder.glob(".*.part"))


KILLED = -signal.SIGKILL if SIGNALS else signal.SIGTERM


def killed_at_each_moment(old):
    """Kill an export at each row and each step; return for each moment the exit code, the target's bytes and what is unfinished."""
    def found_after(moment):
        target = Path(tempfile.mkdtemp()) / "orders.csv"
        if old is not None:
            target.write_bytes(old)
        code = killed_at(moment, target)
        return code, target.read_bytes() if target.exists() else None, unfinished(target.parent)

    moments = [*range(1, ROWS + 1), "before flush", *STEPS, "never"]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(moments, pool.map(found_after, moments), strict=True))


@pytest.mark.child(runs=killed_at_each_moment)
@pytest.mark.parametrize("old", [OLD, None], ids=["over an old file", "where there was none"])
def test_killed_at_every_row_and_every_step_it_leaves_the_old_file_or_the_new_one(child, new_bytes, old):
    after, _ = child
    assert len(after) == ROWS + 8
    for moment, (code, found, left) in after.items():
        published = moment in ("after replace", "never")
        assert found == (new_bytes if published else old), f"killed at {moment}"
        assert code == (0 if moment == "never" else KILLED), f"killed at {moment}"
        assert len(left) == (0 if published or moment == "lock" else 1), f"killed at {moment}"


def test_what_killed_runs_left_is_gone_after_the_next_run(tmp_path, new_bytes):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    for moment in (1, ROWS, "before replace"):
        killed_at(moment, target)
        assert len(unfinished(tmp_path)) == 1, "a run clears what the one before it left, even if it is killed too"
    assert target.read_bytes() == OLD
    safe_export(new_rows(), target, NAMES)
    assert target.read_bytes() == new_bytes
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_a_kill_from_outside_releases_the_lock(tmp_path, new_bytes):
    target = tmp_path / "orders.csv"
    waiting = CHILD.replace("        if moment == str(number):\n            die()",
                            "        if number == 20:\n            print('here', flush=True)\n            sys.stdin.readline()")
    exporter = subprocess.Popen([sys.executable, "-I", "-c", waiting, str(NOTEBOOK_FOLDER), "never", str(target)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert exporter.stdout.readline().strip() == b"here"
    alive = unfinished(tmp_path)
    with pytest.raises(AnotherExport):
        safe_export(new_rows(), target, NAMES)
    assert unfinished(tmp_path) == alive, "the file of a living exporter is not touched"
    exporter.kill()
    exporter.communicate(timeout=300)
    safe_export(new_rows(), target, NAMES)
    assert target.read_bytes() == new_bytes
    assert not unfinished(tmp_path)


def test_two_at_once_the_second_is_refused_and_the_first_arrives(tmp_path, new_bytes):
    target = tmp_path / "orders.csv"

    def rows_with_a_rival():
        for number, row in enumerate(new_rows()):
            if number == 20:
                with pytest.raises(AnotherExport, match="orders.csv"):
                    safe_export(new_rows(), target, NAMES)
            yield row

    safe_export(rows_with_a_rival(), target, NAMES)
    assert target.read_bytes() == new_bytes


def test_exports_of_other_targets_in_the_folder_run_at_the_same_time(tmp_path, new_bytes):
    def rows_that_export(others):
        for number, row in enumerate(new_rows()):
            if number == 20 and others:
                safe_export(rows_that_export(others[1:]), tmp_path / others[0], NAMES)
            yield row

    names = ["orders.csv", "orders.csv.old", "orders[1].csv", "orders.csv.0123abcd", "ord*.csv" if STARS_IN_NAMES else "ord.csv"]
    for order in (names, names[::-1]):
        for name in names:
            (tmp_path / name).unlink(missing_ok=True)
        safe_export(rows_that_export(order[1:]), tmp_path / order[0], NAMES)
        assert all((tmp_path / name).read_bytes() == new_bytes for name in names)
        assert not unfinished(tmp_path)


def test_the_steps_come_in_their_order_and_each_finds_the_whole_file(tmp_path, new_bytes, monkeypatch):
    target, steps = tmp_path / "orders.csv", []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        status = os.fstat(descriptor)
        steps.append("sync folder" if stat.S_ISDIR(status.st_mode) else f"sync {status.st_size == len(new_bytes)}")
        fsync(descriptor)

    def watched_replace(source, destination):
        source, destination = Path(source), Path(destination)
        steps.append(f"replace {source.read_bytes() == new_bytes} {source.parent == destination.parent}")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    safe_export(new_rows(), target, NAMES)
    assert steps == ["sync True", "replace True True"] + ["sync folder"] * FOLDER_SYNC


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_during_the_export_does_not_keep_the_lock(tmp_path):
    program = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from safe_export import safe_export
children = []
def rows():
    children.append(os.fork())
    if not children[0]:
        time.sleep(60)
        os._exit(0)
    yield {"order_id": 1}
try:
    safe_export(rows(), sys.argv[2], ["order_id"])
    safe_export([{"order_id": 2}], sys.argv[2], ["order_id"])
finally:
    os.kill(children[0], signal.SIGKILL)
"""
    export = subprocess.run([sys.executable, "-I", "-c", program, str(NOTEBOOK_FOLDER), str(tmp_path / "orders.csv")],
                            capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert export.returncode == 0, export.stderr
    assert (tmp_path / "orders.csv").read_bytes() == b"order_id\r\n2\r\n"


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_exception_leaves_the_old_file_and_a_tidy_folder(tmp_path, problem):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)

    def rows():
        yield {"order_id": 1}
        raise problem("in the middle")

    with pytest.raises(problem):
        safe_export(rows(), target, NAMES)
    assert target.read_bytes() == OLD
    assert not unfinished(tmp_path)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on file sizes on this system")
def test_a_full_disk_leaves_the_old_file_and_a_tidy_folder(tmp_path):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    limited = ("import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
               "resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))\n" + CHILD)
    export = subprocess.run([sys.executable, "-I", "-c", limited, str(NOTEBOOK_FOLDER), "never", str(target)],
                            capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert "OSError" in export.stderr
    assert target.read_bytes() == OLD
    assert not unfinished(tmp_path)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on file sizes on this system")
def test_a_failed_export_after_a_killed_one_leaves_the_old_file_and_a_tidy_folder(tmp_path):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    killed_at("before replace", target)
    assert len(unfinished(tmp_path)) == 1

    def rows():
        yield {"order_id": 1}
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError):
        safe_export(rows(), target, NAMES)
    assert target.read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def permissions_of_new_files():
    """Return for each umask the mode of a file that open() makes and the mode of one that safe_export makes."""
    folder, modes = Path(tempfile.mkdtemp()), {}
    for mask in (0o022, 0o077, 0o000):
        os.umask(mask)
        by_open, exported = folder / f"open-{mask}.csv", folder / f"export-{mask}.csv"
        by_open.write_bytes(b"")
        safe_export(new_rows(), exported, NAMES)
        modes[mask] = by_open.stat().st_mode, exported.stat().st_mode
    return modes


@pytest.mark.child(runs=permissions_of_new_files)
def test_a_new_target_has_the_permissions_of_a_file_made_by_open(child):
    modes, _ = child
    assert len(modes) == 3
    for mask, (by_open, exported) in modes.items():
        assert by_open == exported, f"with umask {mask:o}"


@needs_permissions
def test_a_target_that_exists_keeps_its_permissions_from_the_first_byte_on(tmp_path):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    target.chmod(0o640)
    seen = []

    def rows():
        seen.extend(path.stat().st_mode for path in tmp_path.glob(".*.part"))
        yield {"order_id": 1}

    safe_export(rows(), target, NAMES)
    assert [stat.S_IMODE(mode) for mode in [*seen, target.stat().st_mode]] == [0o640, 0o640]


@needs_permissions
def test_until_it_has_the_permissions_of_its_target_only_its_owner_may_open_the_new_file(tmp_path, monkeypatch):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    target.chmod(0o600)
    seen, keep_rights = [], safe_export_module._keep_rights

    def noting(target, old, descriptor):
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        keep_rights(target, old, descriptor)

    monkeypatch.setattr(safe_export_module, "_keep_rights", noting)
    safe_export([{"order_id": 1}], target, NAMES)
    assert seen == [0o600]


@needs_links
def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "orders.csv", tmp_path / "orders.csv"
    real.write_bytes(OLD)
    link.symlink_to(real)
    safe_export([{"order_id": 1, "note": ""}], link, NAMES)
    assert link.is_symlink()
    assert real.read_bytes() == b"order_id,note\r\n1,\r\n"


def test_options_reach_the_writer(tmp_path):
    target = tmp_path / "orders.csv"
    safe_export([{"order_id": 1, "note": "a", "shop": "b"}], target, NAMES,
                delimiter="|", quoting=csv.QUOTE_ALL, extrasaction="ignore")
    assert target.read_bytes() == b'"order_id"|"note"\r\n"1"|"a"\r\n'


def peaks_of_few_and_many_rows():
    target = Path(tempfile.mkdtemp()) / "orders.csv"
    return [bench_export.peak_bytes(safe_export, count, target) for count in (1_000, 50_000)]


@pytest.mark.child(runs=peaks_of_few_and_many_rows)
def test_memory_does_not_grow_with_the_rows(child):
    (few, many), _ = child
    assert many < few + 50_000


@needs_folder_sync
def test_a_folder_that_may_be_written_to_but_not_read_gets_the_new_file(tmp_path, new_bytes, monkeypatch):
    opened, really_open = [], os.open

    def refuse_the_folder(path, *arguments, **options):
        if path == tmp_path:
            opened.append(path)
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse_the_folder)  # root may read everything, so a mode would not do
    safe_export(new_rows(), tmp_path / "orders.csv", NAMES)
    assert opened and (tmp_path / "orders.csv").read_bytes() == new_bytes


@needs_folder_sync
@pytest.mark.parametrize("code, is_raised", [(errno.EIO, True), (errno.EINVAL, False), (errno.ENOTSUP, False)])
def test_an_error_in_syncing_the_folder_comes_when_all_is_published(tmp_path, new_bytes, monkeypatch, code, is_raised):
    def fail_on_folders(descriptor, fsync=os.fsync):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", fail_on_folders)
    with pytest.raises(OSError) if is_raised else contextlib.nullcontext():
        safe_export(new_rows(), target, NAMES)
    assert target.read_bytes() == new_bytes
    assert not unfinished(tmp_path)


def rows_nobody_may_ask_for():
    pytest.fail("the rows were asked for")
    yield


def test_a_missing_folder_is_named_before_a_row_is_asked_for(tmp_path):
    for missing in (tmp_path / "nowhere", tmp_path / "nowhere" / "deeper"):
        with pytest.raises(FileNotFoundError) as problem:
            safe_export(rows_nobody_may_ask_for(), missing / "orders.csv", NAMES)
        assert str(problem.value) == f"the folder for orders.csv is missing, make it first: {missing.resolve()}"
    assert not list(tmp_path.iterdir())


def test_a_target_that_is_a_folder_is_refused_before_a_row_is_asked_for(tmp_path):
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    with pytest.raises(IsADirectoryError) as problem:
        safe_export(rows_nobody_may_ask_for(), outbox, NAMES)
    assert str(problem.value) == f"the target is a folder, add the name of a file: {outbox.resolve()}"
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"] and not list(outbox.iterdir())


STEPS_OF_THE_EXPORT = ["unfinished_file", "DictWriter", "writeheader", "writerows", "flush", "fsync", "close", "replace", "sync_folder"]


def test_a_lesson_that_builds_the_function_has_the_steps_of_the_file():
    in_file = _steps(ast.parse((NOTEBOOK_FOLDER / "safe_export.py").read_text(encoding="utf-8")))
    assert in_file == STEPS_OF_THE_EXPORT
    for path in sorted(NOTEBOOK_FOLDER.glob("0[67]-*.ipynb")):
        for cell in code_cells(read_notebook(path)):
            if "def safe_export(" in cell.source:
                # A lesson that lets the with block close the file has no close of its own.
                assert [step for step in in_file if step != "close"] == [
                    step for step in _steps(ast.parse(cell.source)) if step != "close"], cell.id


def _steps(tree):
    """Return the names of the calls in safe_export that are steps, in their order."""
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "safe_export")
    calls = sorted((node for node in ast.walk(function) if isinstance(node, ast.Call)), key=lambda node: (node.lineno, node.col_offset))
    names = [call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "") for call in calls]
    return [name for name in names if name in STEPS_OF_THE_EXPORT]


# --- What it is given, and what it gives back ------------------------------------------------------------------------------

def test_it_returns_how_many_rows_were_published(tmp_path):
    for count in (0, 1, 7):
        assert safe_export(({"a": number} for number in range(count)), tmp_path / "orders.csv", ["a"]) == count


def test_too_few_rows_leave_the_old_file_where_the_caller_says_how_many_there_must_be(tmp_path):
    target, used_up = tmp_path / "orders.csv", iter([])
    target.write_bytes(OLD)
    with pytest.raises(ValueError, match="^0 rows came for orders.csv, at least 1 are wanted; nothing is published$"):
        safe_export(used_up, target, NAMES, at_least=1)
    assert target.read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]
    assert safe_export([{"order_id": 1}], target, NAMES, at_least=1) == 1
    assert safe_export(used_up, target, NAMES) == 0, "an empty table can be right"
    assert target.read_bytes() == b"order_id,note\r\n"


def test_the_names_of_the_columns_may_come_from_an_iterator(tmp_path):
    target = tmp_path / "orders.csv"
    for names in (iter(["a", "b"]), (name for name in "ab"), {"a": 1, "b": 2}.keys(), "ab"):
        safe_export([{"a": 1, "b": 2, "c": 3}], target, names, extrasaction="ignore")
        assert target.read_bytes() == b"a,b\r\n1,2\r\n"


def test_a_file_for_excel_has_its_mark_and_what_the_encoding_cannot_hold_leaves_the_old_file(tmp_path):
    target = tmp_path / "orders.csv"
    safe_export([{"a": "\u00e9"}], target, ["a"], encoding="utf-8-sig")
    assert target.read_bytes() == b"\xef\xbb\xbfa\r\n\xc3\xa9\r\n"
    with pytest.raises(UnicodeEncodeError):
        safe_export([{"a": "\u20ac"}], target, ["a"], encoding="latin-1")
    assert target.read_bytes().endswith(b"\xc3\xa9\r\n")
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_paths_may_be_text_bytes_or_path_objects(tmp_path):
    for kind in (str, os.fsencode, Path):
        safe_export([{"a": 1}], kind(tmp_path / "orders.csv"), ["a"])
        assert (tmp_path / "orders.csv").read_bytes() == b"a\r\n1\r\n"
        (tmp_path / "orders.csv").unlink()


def test_wrong_options_leave_the_old_file(tmp_path):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    for options in ({"quoting": 77}, {"encoding": "no such"}, {"extrasaction": "wish"}):
        with pytest.raises((TypeError, LookupError, ValueError)):
            safe_export(rows_nobody_may_ask_for(), target, NAMES, **options)
        assert target.read_bytes() == OLD and [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


@pytest.mark.parametrize("length", [100, 101, 240, 241, 255])
def test_a_name_as_long_as_the_system_allows_is_exported_to(tmp_path, length):
    target = tmp_path / ("o" * (length - 4) + ".csv")
    try:
        target.write_bytes(OLD)
        target.resolve(strict=True)
    except OSError:
        pytest.skip(f"a name of {length} bytes, or its path, is too long for this system")
    assert len(os.fsencode(target.name)) == length
    killed_at("before replace", target)
    assert len(unfinished(tmp_path)) == 1
    safe_export([{"a": 1}], target, ["a"])
    assert target.read_bytes() == b"a\r\n1\r\n" and len(list(tmp_path.iterdir())) == 1


def test_two_spellings_of_one_long_name_share_a_lock():
    long, loud = Path("o" * 150 + ".csv"), Path("O" * 150 + ".CSV")
    assert safe_export_module._hidden(long) == safe_export_module._hidden(loud), "they are one file on Windows and macOS"
    assert safe_export_module._hidden(long) != safe_export_module._hidden(Path("o" * 151 + ".csv"))


# --- Targets that cannot be replaced without breaking something ----------------------------------------------------------

def refused(target, kind=Refused):
    """Return the sentence with which ``target`` is refused before a row is asked for."""
    with pytest.raises(kind) as problem:
        safe_export(rows_nobody_may_ask_for(), target, NAMES)
    return str(problem.value)


def test_a_target_with_a_second_name_is_refused(tmp_path):
    target, other = tmp_path / "orders.csv", tmp_path / "archive.csv"
    target.write_bytes(OLD)
    try:
        os.link(target, other)
    except OSError:
        pytest.skip("this file system has no hard links")
    assert "has 2 names (hard links), and the others would keep the old rows" in refused(target)
    assert os.path.samefile(target, other) and target.read_bytes() == OLD
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refused(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and len(list(tmp_path.iterdir())) == 1


def test_a_device_is_refused():
    kept = os.stat(os.devnull).st_mode
    with pytest.raises((Refused, OSError)):  # Windows has it in no folder
        safe_export(rows_nobody_may_ask_for(), os.devnull, NAMES)
    assert os.stat(os.devnull).st_mode == kept


@needs_links
def test_symbolic_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises((OSError, RuntimeError)):  # RuntimeError up to Python 3.12
        safe_export(rows_nobody_may_ask_for(), tmp_path / "one", NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_read_only_target_is_refused_even_for_root(tmp_path):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    target.chmod(0o444)
    assert "the target is read-only" in refused(target, PermissionError)
    target.chmod(0o644)
    assert target.read_bytes() == OLD and len(list(tmp_path.iterdir())) == 1


# --- Locks, moves, descriptors ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_locks_are_refused_it_warns_goes_on_and_removes_nothing_of_others(tmp_path, monkeypatch, new_bytes, code):
    target, others = tmp_path / "orders.csv", tmp_path / ".orders.csv.01234567.part"
    others.write_bytes(b"perhaps alive")

    def refuse(file):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("safe_export._lock", refuse)
    with pytest.warns(RuntimeWarning, match="refuses locks") as caught:
        safe_export(new_rows(), target, NAMES)
    assert caught[0].filename == __file__, "the warning names the caller's line"
    assert target.read_bytes() == new_bytes and others.read_bytes() == b"perhaps alive"
    assert sorted(path.name for path in tmp_path.iterdir()) == [others.name, "orders.csv"]


def test_a_lock_that_fails_in_another_way_is_an_error_before_a_row_is_asked_for(tmp_path, monkeypatch):
    for code, kind in ((errno.EIO, OSError), (errno.EBADF, PermissionError)):
        def fail(file, code=code):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr("safe_export._lock", fail)
        with pytest.raises(kind):
            safe_export(rows_nobody_may_ask_for(), tmp_path / "orders.csv", NAMES)
        assert not (tmp_path / "orders.csv").exists()


@needs_open_files_to_move
def test_a_lock_file_that_its_owner_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    target, removed = tmp_path / "orders.csv", []

    def remove_it_first(file, lock=safe_export_module._lock):
        lock(file)
        if len(removed) < 3:
            removed.append((tmp_path / ".orders.csv.lock").unlink())
            if len(removed) == 2:
                (tmp_path / ".orders.csv.lock").write_bytes(b"")  # a third exporter's

    monkeypatch.setattr("safe_export._lock", remove_it_first)
    assert safe_export([{"a": 1}], target, ["a"]) == 1
    assert len(removed) == 3 and [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def error_of_windows(number):
    error = PermissionError(errno.EACCES, "in use")
    error.winerror = number
    return error


@pytest.mark.parametrize("number", [5, 32, 33])
@pytest.mark.parametrize("times, is_published", [(1, True), (5, True), (6, False)])
def test_a_target_that_another_program_holds_for_a_moment_is_tried_again(tmp_path, monkeypatch, number, times, is_published):
    target, tries, pauses, really_replace = tmp_path / "orders.csv", [], [], os.replace
    target.write_bytes(OLD)

    def held(source, destination):
        tries.append(source)
        if len(tries) <= times:
            raise error_of_windows(number)
        really_replace(source, destination)

    monkeypatch.setattr(os, "replace", held)
    monkeypatch.setattr("safe_export.time.sleep", pauses.append)
    with contextlib.nullcontext() if is_published else pytest.raises(PermissionError):
        safe_export([{"order_id": 1}], target, NAMES)
    assert (target.read_bytes() != OLD) == is_published
    assert len(pauses) == min(times, 5) and sum(pauses) <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_a_move_that_the_system_forbids_is_not_tried_again(tmp_path, monkeypatch):
    tries = []

    def forbidden(source, destination):
        tries.append(source)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "replace", forbidden)
    with pytest.raises(PermissionError):
        safe_export([{"a": 1}], tmp_path / "orders.csv", ["a"])
    assert len(tries) == 1 and not list(tmp_path.iterdir())


needs_descriptors = pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="this system does not count open descriptors")


def descriptors_left_open(code):
    """Export and sync a folder several times, with this error for the folder's fsync; return how many descriptors are left open."""
    def fail_on_folders(descriptor, fsync=os.fsync):
        if code is not None and stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    os.fsync, folder, before = fail_on_folders, tempfile.mkdtemp(), psutil.Process().num_fds()
    for _ in range(5):
        with contextlib.suppress(OSError):
            safe_export([{"a": 1}], Path(folder) / "orders.csv", ["a"])
        with contextlib.suppress(OSError):
            sync_folder(folder)
    return psutil.Process().num_fds() - before


@needs_descriptors
@pytest.mark.child(runs=descriptors_left_open)
@pytest.mark.parametrize("code", [None, errno.EIO, errno.EINVAL])
def test_no_descriptor_stays_open(child, code):
    left_open, _ = child
    assert left_open == 0


def descriptors_kept_with_an_error():
    """Let an export be refused and keep the error; return how many descriptors are open that were not before."""
    target = Path(tempfile.mkdtemp()) / "orders.csv"
    with unfinished_file(target):
        before = psutil.Process().num_fds()
        with pytest.raises(AnotherExport) as kept:
            safe_export([{"a": 1}], target, ["a"])
        return psutil.Process().num_fds() - before, repr(kept.value)


@needs_descriptors
@pytest.mark.child(runs=descriptors_kept_with_an_error)
def test_whoever_keeps_the_error_of_a_refused_export_keeps_no_file_open(child):
    (kept_open, error), _ = child
    assert kept_open == 0 and error.startswith("AnotherExport")


def test_a_target_that_is_named_after_the_day_leaves_no_lock_file(tmp_path):
    for day in range(1, 4):
        safe_export([{"a": 1}], tmp_path / f"orders-2026-01-0{day}.csv", ["a"])
    assert len(list(tmp_path.iterdir())) == 3


# --- Stopped at every line, failed at every call, filled at every size -----------------------------------------------------

def stopped(way, count=0):
    """Return what tests.support.export_steps found."""
    run = subprocess.run([sys.executable, "-m", "tests.support.export_steps", way, str(count)], cwd=NOTEBOOK_FOLDER.parent,
                         capture_output=True, text=True, encoding="utf-8", timeout=600)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert not answer["problems"], "\n".join(answer["problems"])
    return answer["found"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.child(runs=stopped, way="kill")
def test_killed_at_every_line_it_leaves_the_old_file_or_the_new_one(child):
    found, _ = child
    assert found["old"] > 100 and found["new"] > 20 and found["unfinished files"] > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no signals as these tests want them")
@pytest.mark.child(runs=stopped, way="interrupt")
def test_interrupted_at_every_line_it_leaves_the_old_file_or_the_new_one_and_no_lock(child):
    found, _ = child
    assert found["old"] > 100 and found["new"] > 20
    assert found["unfinished files"] == 0
    assert found.get("descriptors left elsewhere", 0) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no signals as these tests want them")
@pytest.mark.child(runs=stopped, way="error")
def test_an_error_of_every_call_of_the_system_leaves_the_old_file_or_the_new_one_and_a_tidy_folder(child):
    found, _ = child
    assert found["OSError"] > 40 and found["old"] > 40 and found["new"] > 20


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer that sends signals")
@pytest.mark.child(runs=stopped, way="random", count=os.environ.get("RANDOM_INTERRUPTIONS", 600))
def test_interrupted_at_random_it_leaves_the_old_file_or_the_new_one(child):
    found, _ = child
    assert found["interrupted"] > 50


FILL = f"""
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from safe_export import safe_export
disk, old = sys.argv[2], {OLD!r}
target, kinds = os.path.join(disk, "orders.csv"), set()
for free in range(0, 60):
    room = sys.argv[3].replace("KILOBYTES", str(4 * free + 8)).replace("FILES", str(free + 2))
    subprocess.run(["mount", "-t", "tmpfs", "-o", room, "tmpfs", disk], check=True)
    try:
        with open(target, "wb") as file:
            file.write(old)
        try:
            safe_export(({{"order_id": n, "note": {NOTE!r}}} for n in range({ROWS})), target, {NAMES!r})
            expected = None
        except OSError as error:
            expected = old
            kinds.add(error.errno)
        with open(target, "rb") as file:
            found = file.read()
        assert found == expected if expected else len(found) > 200_000, (free, len(found))
        assert os.listdir(disk) == ["orders.csv"], (free, os.listdir(disk))
        if expected is None:
            break
    finally:
        subprocess.run(["umount", disk], check=True)
print(free, kinds)
"""


@pytest.mark.parametrize("options", ["size=KILOBYTESk,nr_inodes=100", "size=4m,nr_inodes=FILES"], ids=["bytes", "files"])
def test_a_real_disk_that_is_full_at_every_size(tmp_path, options):
    if not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("only root of a Linux system can mount a small disk")
    run = subprocess.run(["unshare", "--mount", sys.executable, "-I", "-c", FILL, str(NOTEBOOK_FOLDER), str(tmp_path),
                          options], capture_output=True, text=True, encoding="utf-8", timeout=300)
    if "mount" in run.stderr and "CalledProcessError" in run.stderr:
        pytest.skip("this root may not mount a small disk")
    assert run.returncode == 0, run.stderr
    free, kinds = run.stdout.split(maxsplit=1)
    assert str(errno.ENOSPC) in kinds and int(free) < 59


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on file sizes on this system")
def test_a_limit_on_the_size_of_files_at_every_page(tmp_path):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    program = f"""
import os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from safe_export import safe_export
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
failed = 0
for limit in range(0, 220_000, 4096):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        safe_export(({{"order_id": n, "note": {NOTE!r}}} for n in range({ROWS})), sys.argv[2], {NAMES!r})
    except OSError:
        failed += 1
        with open(sys.argv[2], "rb") as file:
            assert file.read() == {OLD!r}, limit
        assert os.listdir(os.path.dirname(sys.argv[2])) == ["orders.csv"], limit
print(failed)
"""
    run = subprocess.run([sys.executable, "-I", "-c", program, str(NOTEBOOK_FOLDER), str(target)],
                         capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 40 and target.stat().st_size > 200_000
