"""The export that the series leads to, killed at every row and at every step: nobody ever finds half a file."""
import ast
import contextlib
import csv
import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from safe_export import AnotherExport, safe_export

from tests.tools import bench_export
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, read_notebook

ROWS = 40
NAMES = ["order_id", "note"]
# Rows of 5,000 characters, so that the unfinished file holds a torn piece when the kill comes, with every
# buffer size that Python has had.
NOTE = "late " * 1000
OLD = b"order_id,note\r\n1,yesterday\r\n"
STEPS = ["lock", "touch", "before fsync", "after fsync", "before replace", "after replace"]

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
if moment == "touch":
    Path.touch = die_after(Path.touch)
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


KILLED = signal.SIGTERM if os.name == "nt" else -signal.SIGKILL


@pytest.mark.parametrize("old", [OLD, None], ids=["over an old file", "where there was none"])
def test_killed_at_every_row_and_every_step_it_leaves_the_old_file_or_the_new_one(tmp_path, new_bytes, old):
    moments = [*range(1, ROWS + 1), "before flush", *STEPS, "never"]
    targets = {moment: tmp_path / str(moment).replace(" ", "-") / "orders.csv" for moment in moments}
    for target in targets.values():
        target.parent.mkdir()
        if old is not None:
            target.write_bytes(old)
    with ThreadPoolExecutor(4) as pool:
        codes = dict(zip(moments, pool.map(lambda moment: killed_at(moment, targets[moment]), moments)))
    for moment, target in targets.items():
        found = target.read_bytes() if target.exists() else None
        published = moment in ("after replace", "never")
        assert found == (new_bytes if published else old), f"killed at {moment}"
        assert codes[moment] == (0 if moment == "never" else KILLED), f"killed at {moment}"
        assert len(unfinished(target.parent)) == (0 if published or moment == "lock" else 1), f"killed at {moment}"


def test_what_killed_runs_left_is_gone_after_the_next_run(tmp_path, new_bytes):
    target = tmp_path / "orders.csv"
    target.write_bytes(OLD)
    for moment in (1, ROWS, "before replace"):
        killed_at(moment, target)
        assert len(unfinished(tmp_path)) == 1, "a run clears what the one before it left, even if it is killed too"
    assert target.read_bytes() == OLD
    safe_export(new_rows(), target, NAMES)
    assert target.read_bytes() == new_bytes
    assert sorted(path.name for path in tmp_path.iterdir()) == [".orders.csv.lock", "orders.csv"]


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

    names = ["orders.csv", "orders.csv.old", "orders[1].csv", "orders.csv.0123abcd", "ord*.csv" if os.name != "nt" else "ord.csv"]
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
        steps.append(f"replace {source.read_bytes() == new_bytes} {source.parent == destination.parent}")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    safe_export(new_rows(), target, NAMES)
    assert steps == ["sync True", "replace True True"] + ["sync folder"] * (os.name != "nt")


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


@pytest.mark.skipif(os.name == "nt", reason="Windows knows only read-only")
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


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "orders.csv", tmp_path / "orders.csv"
    real.write_bytes(OLD)
    try:
        link.symlink_to(real)
    except OSError:
        pytest.skip("this account may not make symbolic links")
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


@pytest.mark.skipif(os.name == "nt", reason="Windows syncs no folders")
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


@pytest.mark.skipif(os.name == "nt", reason="Windows syncs no folders")
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


def test_the_notebook_defines_the_same_function_as_the_file():
    in_file = _function(ast.parse((NOTEBOOK_FOLDER / "safe_export.py").read_text(encoding="utf-8")))
    cells = code_cells(read_notebook(NOTEBOOK_FOLDER / "06-know-what-survives.ipynb"))
    in_notebook = [_function(ast.parse(cell.source)) for cell in cells if "def safe_export(" in cell.source]
    assert in_notebook == [in_file]


def _function(tree):
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "safe_export")
    docstring, *body = function.body
    assert isinstance(docstring.value, ast.Constant)
    return ast.unparse(function.args) + "\n" + "\n".join(map(ast.unparse, body))
