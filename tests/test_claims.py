"""What the series says about losing rows is true, on this Python, and the cures that it teaches lose none.

The cures stand in tests/support/cures, as programs of their own: what the series tells in words, or shows in other code.
Where a fault shows only by chance, only its cure is held here, over a bounded number of runs.
"""
import csv
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.abilities import SYMBOLIC_LINKS, needs_fcntl, needs_signals
from tests.support.cures.publish_by_hand import publish
from tests.support.notebook_files import NOTEBOOK_FOLDER

CURES = Path(__file__).parent / "support" / "cures"
ROOT = NOTEBOOK_FOLDER.parent
FULL = "/dev/full"
RUNS = int(os.environ.get("SIGNAL_RUNS", 12))

full_device = pytest.mark.skipif(not os.path.exists(FULL), reason="this system has no device that is always full")


def run(program, *arguments, **options):
    """Run a program text in a fresh Python; return the finished process."""
    options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 120, **options}
    return subprocess.run([sys.executable, "-I", "-c", program, *map(str, arguments)], **options)


# --- Signals --------------------------------------------------------------------------------------------------------------

@needs_signals
@pytest.mark.parametrize("way", ["flag", "flush", "line"])
def test_a_stop_signal_at_a_random_moment_loses_no_row_and_is_no_success(tmp_path, way):
    def stop_one(number):
        path = tmp_path / f"{number}.csv"
        writing = subprocess.Popen([sys.executable, "-I", CURES / "stop_signal.py", way, path], stdout=subprocess.PIPE)
        assert writing.stdout.readline() == b"ready\n"
        time.sleep(random.random() * 0.04)
        writing.terminate()
        answer = writing.communicate(timeout=120)[0]
        assert answer, f"no answer, exit code {writing.returncode}"
        written = int(answer)
        assert writing.returncode == 143
        with open(path, newline="", encoding="utf-8") as log:
            numbers = [int(row[0]) for row in csv.reader(log)]
        assert numbers[:written] == list(range(written))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stop_one, range(RUNS)))


@needs_signals
def test_an_exit_in_a_handler_is_swallowed_inside_a_finalizer():
    swallowed = run("import os, signal, sys\n"
                    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
                    "class Closing:\n"
                    "    def __del__(self):\n"
                    "        os.kill(os.getpid(), signal.SIGTERM)\n"
                    "        sum(range(1000))\n"
                    "def work():\n"
                    "    Closing()\n"
                    "work()\n"
                    "print('still running')")
    assert (swallowed.returncode, swallowed.stdout) == (0, "still running\n")
    assert "Exception ignored" in swallowed.stderr and "SystemExit" in swallowed.stderr


# --- Exits ----------------------------------------------------------------------------------------------------------------

KEEPS_ITS_ERROR = """
import sys
def main():
    export = open(sys.argv[1], "w", encoding="utf-8")
    export.write("row")
    try:
        1 / 0
    except Exception as error:
        saved = {0}
main()
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="this is how CPython frees a circle of references")
def test_a_kept_exception_loses_the_rows_of_an_orderly_end(tmp_path):
    for kept, content in {"error": "", "str(error)": "row", "error.with_traceback(None)": "row"}.items():
        path = tmp_path / "export.csv"
        assert run(KEEPS_ITS_ERROR.format(kept), path).returncode == 0
        assert path.read_text() == content, kept


def test_kept_in_an_attribute_it_loses_them_when_the_collector_comes_late(tmp_path):
    # In a function: a global exporter is freed in another order by CPython 3.14.2, which then writes the rows.
    program = ("import gc, sys\ngc.disable()\nclass Exporter:\n    def run(self):\n        export = open(sys.argv[1], 'w')\n"
               "        export.write('row')\n        try:\n            1 / 0\n        except Exception as error:\n"
               "            self.last = error\ndef main():\n    exporter = Exporter()\n    exporter.run()\nmain()\n")
    assert run(program, tmp_path / "export.csv").returncode == 0
    assert (tmp_path / "export.csv").read_text() == ""


@needs_signals
def test_another_program_in_the_place_of_this_one_loses_the_rows(tmp_path):
    for end, content in (("", ""), ("export.flush()\n", "row")):
        program = ("import os, sys\nexport = open(sys.argv[1], 'w')\nexport.write('row')\n" + end +
                   "os.execv(sys.executable, [sys.executable, '-c', ''])")
        assert run(program, tmp_path / "export.csv").returncode == 0
        assert (tmp_path / "export.csv").read_text() == content


# --- Pipes and full disks ------------------------------------------------------------------------------------------------------

def test_nobody_reads_any_more_is_a_quiet_end_with_exit_code_1():
    with subprocess.Popen([sys.executable, "-I", CURES / "quiet_pipe.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdout.readline().split() == [b"0"]
        writer.stdout.close()
        assert writer.stderr.read() == b""
    assert writer.returncode == 1


@full_device
def test_a_full_disk_is_a_loud_end_with_an_exit_code(tmp_path):
    with open(FULL, "w", encoding="utf-8") as full, open(tmp_path / "out.txt", "w", encoding="utf-8") as file:
        on_full = subprocess.run([sys.executable, "-I", CURES / "quiet_pipe.py"], stdout=full, stderr=subprocess.PIPE, timeout=120)
        on_file = subprocess.run([sys.executable, "-I", CURES / "quiet_pipe.py"], stdout=file, stderr=subprocess.PIPE, timeout=120)
    # 120: the flush at the end of the process failed as well.
    assert on_full.returncode in (1, 120) and b"No space left on device" in on_full.stderr
    assert (on_file.returncode, on_file.stderr) == (0, b"")
    assert (tmp_path / "out.txt").read_text().splitlines()[-1] == "99999"


# --- Threads ------------------------------------------------------------------------------------------------------------------

def test_an_error_in_a_bare_thread_does_not_change_the_exit_code():
    end = run("import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()")
    assert end.returncode == 0 and "ZeroDivisionError" in end.stderr


def test_threads_that_share_a_file_lose_nothing_under_a_lock(tmp_path):
    path, lock, before = tmp_path / "export.csv", threading.Lock(), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with open(path, "w", newline="", encoding="utf-8") as export:
            writer = csv.writer(export)

            def write(name):
                for number in range(5_000):
                    with lock:
                        writer.writerow([name, number, "x" * 40])

            threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(before)
    expected = [f"{name},{number},{'x' * 40}" for name in "abcd" for number in range(5_000)]
    assert sorted(path.read_text().split("\n")[:-1]) == sorted(expected)


# --- Rows that come once ---------------------------------------------------------------------------------------------------------

CONSUMER = """
import os, signal, sqlite3, sys
sys.path[:0] = sys.argv[1:3]
from tests.support.cures.log_first import publish, take_down

class Waiting:
    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
    def orders(self):
        for number, row in enumerate(self.database.execute("SELECT id, item FROM waiting ORDER BY id").fetchall()):
            if str(number) == sys.argv[6]:
                os._exit(9)
            yield row[0], {"order_id": row[0], "item": row[1]}
    def acknowledge(self, number):
        if str(number) == sys.argv[7]:
            os._exit(9)
        self.database.execute("DELETE FROM waiting WHERE id = ?", (number,))

take_down(Waiting(sys.argv[3]), sys.argv[4])
print(publish(sys.argv[4], sys.argv[5]))
"""


def test_rows_that_come_once_are_all_there_after_kills(tmp_path):
    database, log, target = tmp_path / "waiting.db", tmp_path / "log.jsonl", tmp_path / "orders.csv"
    waiting = sqlite3.connect(database)
    waiting.execute("CREATE TABLE waiting (id INTEGER, item TEXT)")
    waiting.executemany("INSERT INTO waiting VALUES (?, ?)", [(number, 'two\n"lines"') for number in range(1, 201)])
    waiting.commit()
    waiting.close()

    def consume(*kills):
        return run(CONSUMER, ROOT, NOTEBOOK_FOLDER, database, log, target, *kills)

    assert consume("90", "-").returncode == 9  # before a row
    assert consume("-", "120").returncode == 9  # written down, and not acknowledged
    with log.open("ab") as torn:
        torn.write(b'{"order_id": 121, "it')
    last = consume("-", "-")
    assert (last.returncode, last.stdout.strip()) == (0, "200"), last.stderr
    with target.open(newline="", encoding="utf-8") as export:
        assert [int(row["order_id"]) for row in csv.DictReader(export)] == list(range(1, 201))
    assert len(log.read_text().splitlines()) == 201, "one order is in the log twice"


@needs_fcntl
def test_the_header_comes_once_when_the_lock_comes_before_the_file(tmp_path):
    path = tmp_path / "log.csv"
    writers = [subprocess.Popen([sys.executable, "-I", CURES / "header_once.py", path, order], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True) for order in ("000001", "000002", "000003")]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 3
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
    header, *orders = path.read_text().split()
    assert header == "order_id" and sorted(orders) == ["000001", "000002", "000003"]


@needs_fcntl
def test_a_position_that_was_asked_for_before_the_lock_is_stale(tmp_path):
    path = tmp_path / "log.csv"
    with open(path, "a", newline="", encoding="utf-8") as first, open(path, "a", newline="", encoding="utf-8") as second:
        first.write("order_id\r\n")
        first.flush()
        assert second.tell() == 0, "what the field guide must not ask under a lock"
        assert os.fstat(second.fileno()).st_size == 10


# --- Publishing without safe_export -----------------------------------------------------------------------------------------------

def test_publishing_by_hand_keeps_link_mode_and_old_file_and_tidies_up(tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "orders.csv"
    real.write_text("old\n")
    real.chmod(0o640)
    mode = real.stat().st_mode
    if SYMBOLIC_LINKS:
        link.symlink_to(real)
    else:
        link = real
    publish([{"a": 1}], link, ["a"])
    assert (real.read_text(), real.stat().st_mode, link.resolve()) == ("a\n1\n", mode, real.resolve())
    with pytest.raises(ValueError):
        publish([{"a": 2}, {"b": 3}], link, ["a"])
    assert real.read_text() == "a\n1\n" and not list(tmp_path.glob("*.part"))


@needs_signals
def test_two_who_publish_by_hand_at_once_never_show_half_a_file(tmp_path):
    target, counts = tmp_path / "orders.csv", (9_000, 6_000)
    whole = [b"a\r\n" + b"".join(b"%d\r\n" % number for number in range(count)) for count in counts]
    target.write_bytes(whole[0])
    program = ("import sys, time\nsys.path.insert(0, sys.argv[1])\nfrom tests.support.cures.publish_by_hand import publish\n"
               "end = time.monotonic() + 0.5\nwhile time.monotonic() < end:\n"
               "    publish(({'a': number} for number in range(int(sys.argv[3]))), sys.argv[2], ['a'])")
    writers = [subprocess.Popen([sys.executable, "-I", "-c", program, ROOT, target, str(count)]) for count in counts]
    looks = 0
    while any(writer.poll() is None for writer in writers):
        assert target.read_bytes() in whole
        looks += 1
    assert looks > 10 and [writer.returncode for writer in writers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


# --- Half rows ------------------------------------------------------------------------------------------------------------------

GROWING = """
import csv, os, sys
with open(sys.argv[1], "w", newline="", encoding="utf-8") as export:
    number = 0
    writer = csv.writer(export)
    while not os.path.exists(sys.argv[2]):
        for _ in range(1000):
            writer.writerow([number, f"name{number:05d}", "some item or other", "12.50"])
            number += 1
"""


@needs_signals
def test_a_reader_in_the_middle_of_a_trip_can_see_half_a_row_that_ends_with_a_page(tmp_path):
    path, enough = tmp_path / "growing.csv", tmp_path / "enough"
    path.touch()
    writer = subprocess.Popen([sys.executable, "-I", "-c", GROWING, path, enough])
    torn, looks, end = [], 0, time.monotonic() + 3
    with open(path, "rb", buffering=0) as reader:
        while len(torn) < 3 and time.monotonic() < end:
            size = os.stat(path).st_size
            if size:
                looks += 1
                if os.pread(reader.fileno(), 2, size - 2) != b"\r\n":
                    torn.append(size)
    enough.touch()
    assert writer.wait(timeout=120) == 0
    assert path.read_bytes().endswith(b"\r\n"), "at rest it ends where a row ends"
    if not torn:
        pytest.skip(f"none of {looks} looks came in the middle of a trip on this machine")
    # The size and the bytes are two looks; a file that grew in between is longer, and its two bytes are real ones.
    assert all(size % 4096 == 0 for size in torn)


# --- Facts about csv ---------------------------------------------------------------------------------------------------------------

def test_quote_strings_reads_numbers_and_quote_notnull_does_not():
    if not hasattr(csv, "QUOTE_STRINGS"):
        pytest.skip("this Python is older than 3.12 and has no QUOTE_STRINGS")
    line = '"x",1,,""'
    strings, notnull = (list(csv.reader([line], quoting=quoting))[0] for quoting in (csv.QUOTE_STRINGS, csv.QUOTE_NOTNULL))
    if sys.version_info >= (3, 13):
        assert (strings, notnull) == (["x", 1.0, None, ""], ["x", "1", None, ""])
        with pytest.raises(ValueError):
            list(csv.reader(["True"], quoting=csv.QUOTE_STRINGS))
    else:
        assert strings == notnull == ["x", "1", "", ""]


def test_skipinitialspace_takes_spaces_that_belong_to_the_value():
    kept = io.StringIO(newline="")
    csv.writer(kept, skipinitialspace=True).writerow([" two spaces", "y"])
    assert kept.getvalue() == " two spaces,y\r\n", "the writer does not quote it"
    assert list(csv.reader([kept.getvalue()], skipinitialspace=True)) == [["two spaces", "y"]]

    def rows(**options):
        with (ROOT / "data" / "orders.csv").open(newline="", encoding="utf-8") as orders:
            return list(csv.reader(orders, **options))

    assert sum(one != other for one, other in zip(rows(), rows(skipinitialspace=True))) == 79


def test_half_an_emoji_is_refused_by_surrogateescape_too():
    half = json.loads('"\\ud83d"')
    for errors in ("strict", "surrogateescape"):
        with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
            half.encode("utf-8", errors)
    assert half.encode("utf-8", "replace") == b"?"


def test_round_is_no_number_of_decimals():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"price": [1.5, 2.0, 39.0]})
    assert table.to_csv(index=False, float_format="%.2f").split() == ["price", "1.50", "2.00", "39.00"]
    assert table.round(2).to_csv(index=False).split() == ["price", "1.5", "2.0", "39.0"]
    assert table.assign(price=table["price"].map("{:.2f}".format)).to_csv(index=False).split() == ["price", "1.50", "2.00", "39.00"]


def test_the_temp_folder_can_be_set_in_the_program_before_its_first_use(tmp_path):
    program = ("import os, sys\nos.environ['TMPDIR'] = sys.argv[1]\nimport tempfile\nfirst = tempfile.gettempdir()\n"
               "os.environ['TMPDIR'] = os.path.dirname(sys.argv[1])\nprint(first == sys.argv[1], tempfile.gettempdir() == first)")
    assert run(program, tmp_path).stdout.split() == ["True", "True"]


def test_zstd_that_was_flushed_is_not_yet_whole(tmp_path):
    zstd = pytest.importorskip("compression.zstd", reason="this Python has no compression.zstd (new in 3.14)")
    path = tmp_path / "orders.zst"
    with zstd.open(path, "wt", newline="", encoding="utf-8") as export:
        export.write("000001,Bananas\r\n")
        export.flush()
        with pytest.raises(EOFError), zstd.open(path, "rt", newline="", encoding="utf-8") as reader:
            reader.read()
    with zstd.open(path, "rt", newline="", encoding="utf-8") as reader:
        assert reader.read() == "000001,Bananas\r\n"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has its own ways to start a child")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_worker_that_is_forked_or_served_does_not_flush_a_global(tmp_path, method):
    script = tmp_path / "workers.py"
    script.write_text("""
import multiprocessing, sys
def work(path):
    global export
    export = open(path, "w", encoding="utf-8")
    export.write("row")
def work_with(path):
    with open(path, "w", encoding="utf-8") as export:
        export.write("row")
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for number, target in enumerate((work, work_with)):
        worker = context.Process(target=target, args=(f"{sys.argv[2]}/{number}.csv",))
        worker.start()
        worker.join()
        print(worker.exitcode)
""", encoding="utf-8")
    end = subprocess.run([sys.executable, "-I", "-W", "ignore", script, method, tmp_path], capture_output=True, text=True, timeout=120)
    assert end.stdout.split() == ["0", "0"], end.stderr
    assert (tmp_path / "0.csv").read_text() == ("row" if method == "spawn" else "")
    assert (tmp_path / "1.csv").read_text() == "row"
