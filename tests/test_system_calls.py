"""The trips that notebook 05 tells of are the system calls that strace counts, one for one, and what it says of them holds.

The code is the notebook's own: its classes and functions are run here, and in a child process under strace.
"""
import csv
import io
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.notebook_files import NOTEBOOK_FOLDER, read_notebook

CELLS = {cell.id: cell for cell in read_notebook(NOTEBOOK_FOLDER / "05-look-inside-the-buffer.ipynb").cells}
LARGE, SMALL = 131_072, 4_096
WAYS = {"the large buffer": (LARGE, False, 1), "the small buffer": (SMALL, False, 5), "a flush after each line": (SMALL, True, 1_143)}
COUNTING = ["05-rows", "05-counting", "05-write-rows", "05-count"]
ONE_CALL = re.compile(r"^write\(\d+<(?P<path>.*?)>, .*\) = (?P<size>\d+)$", re.MULTILINE)


def lesson(*ids):
    """Return the names that the cells of the notebook with these ids define."""
    names = {"csv": csv, "io": io}
    exec(source_of(*ids), names)
    return names


def source_of(*ids):
    """Return the source of these cells, without the picture that one of them draws."""
    return "\n".join(CELLS[cell_id].source.split("\n\npictures.")[0] for cell_id in ids)


@pytest.fixture
def names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lesson(*COUNTING)


@pytest.mark.parametrize("size, flush, count", WAYS.values(), ids=WAYS)
def test_the_counts_are_those_of_the_picture(names, size, flush, count):
    assert names["trips_for"](size, flush) == count


@pytest.mark.parametrize("size, flush, count", WAYS.values(), ids=WAYS)
def test_each_way_makes_the_same_file(names, tmp_path, size, flush, count):
    names["trips_for"](size, flush)
    content = (tmp_path / "parcels.csv").read_bytes()
    assert len(content) == 1_143 * 32 and {len(line) for line in content.splitlines(keepends=True)} == {32}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which counts system calls on Linux, is not installed")
@pytest.mark.parametrize("size, flush, count", WAYS.values(), ids=WAYS)
def test_counted_trips_equal_the_system_calls(tmp_path, size, flush, count):
    log = tmp_path / "calls.txt"
    program = f"import csv, io\n{source_of(*COUNTING)}\ntrips_for({size}, {flush})"
    traced = subprocess.run(["strace", "-y", "-e", "trace=write", "-o", log, sys.executable, "-I", "-c", program], cwd=tmp_path,
                            capture_output=True, text=True, encoding="utf-8", timeout=300)
    if traced.returncode and re.search(r"ptrace|PTRACE", traced.stderr):
        pytest.skip("strace is here but may not trace: the machine forbids ptrace")
    assert traced.returncode == 0, traced.stderr
    # strace spells the letters of a folder in a way of its own, so only the file's name is compared.
    calls = [match for match in ONE_CALL.finditer(log.read_text(encoding="utf-8")) if match["path"].endswith("/parcels.csv")]
    assert len(calls) == count
    assert sum(int(call["size"]) for call in calls) == 1_143 * 32


def test_the_picture_of_the_steps_shows_what_the_cell_before_it_printed():
    printed = "".join(output.text for output in CELLS["05-steps"].outputs)
    steps = re.split(r"^write \d+$|^close$", printed, flags=re.MULTILINE)
    trips = [[int(trip) for trip in re.findall(r"trip: (\d+)", step)] for step in steps]
    writes = [int(size) for size in re.findall(r"^write (\d+)$", printed, re.MULTILINE)]
    assert f"64, {writes}, {trips[1:]})" in " ".join(CELLS["05-picture"].source.split())


def test_what_waits_is_never_more_than_one_buffer_and_the_text_layer(tmp_path, monkeypatch):
    """The bound holds for lines of other lengths, too, and for buffers of other sizes."""
    monkeypatch.chdir(tmp_path)
    for size in (512, 4_096, 8_192, 65_536, 131_072):
        for length in (3, 33, 700, 5_000, 9_000):
            written = most = 0
            with open("lines.csv", "w", newline="", buffering=size) as export:
                for _ in range(400_000 // length):
                    written += export.write("x" * (length - 2) + "\r\n")
                    most = max(most, written - export.buffer.raw.tell())
            assert most <= size + 8_192, (size, length)


def test_up_to_3_12_long_rows_come_nearer_to_the_bound_of_a_small_buffer(tmp_path):
    """From 3.13 on the text layer hands down no piece of less than 8,192 bytes, and all of them go straight through 4,096."""
    with open(tmp_path / "long.csv", "w", newline="", buffering=SMALL) as export:
        written = export.write("x" * 4_094 + "\r\n") + export.write("y" * 8_189 + "\r\n")
        missing = written - export.buffer.raw.tell()
    assert missing == (12_287 if sys.version_info < (3, 13) else 0)


def test_the_function_of_the_lesson_finds_the_numbers_of_its_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    most_missing = lesson("05-most-missing")["most_missing"]
    assert [most_missing(size) for size in (4_096, 65_536, 131_072)] == [8_160, 73_696, 139_232]


def test_a_flush_for_each_line_costs_more_than_it_spares(names):
    """No time is held: only that the here: lines are three numbers that belong together."""
    shown = "".join(output.text for output in CELLS["05-time"].outputs)
    together, one_by_one, times = (float(number) for number in re.findall(r"^here: ([\d.]+) ", shown, re.MULTILINE))
    assert together < one_by_one and abs(one_by_one / together - times) < 0.5
