"""The trips that notebook 05 counts are the system calls that strace counts, one for one.

The code is the notebook's own: its cells 05-recorder and 05-write-payments are run here with the recorder,
and in a child process with a real file in the recorder's place, under strace.
"""
import csv
import io
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.notebook_files import NOTEBOOK_FOLDER, read_notebook

CELLS = {cell.id: cell.source for cell in read_notebook(NOTEBOOK_FOLDER / "05-look-inside-the-buffer.ipynb").cells}
WAYS = {
    "8 KiB": "8192, write_through=True",
    "512 bytes": "512, write_through=True",
    "64 bytes": "64, write_through=True",
    "a flush after each row": "8192, flush_each_row=True",
    "line by line": "8192, line_buffering=True",
    "8 KiB below a text layer that collects": "8192",
    "1 KiB below a text layer that collects": "1024",
}
ONE_CALL = re.compile(r"^write\(\d+<(?P<path>.*?)>, .*\) = (?P<size>\d+)$", re.MULTILINE)


def sizes_recorded(way):
    names = {"csv": csv, "io": io}
    exec(CELLS["05-recorder"] + "\n" + CELLS["05-write-payments"], names)
    recorder = names["Recorder"]()
    exec(f"write_payments(recorder, {way})", {**names, "recorder": recorder})
    return [len(trip) for trip in recorder.trips]


def sizes_seen_by_strace(way, folder):
    export, log = folder / "export.csv", folder / "calls.txt"
    program = "\n".join(["import csv, io, sys", CELLS["05-write-payments"],
                         f"write_payments(io.FileIO(sys.argv[1], 'w'), {way})"])
    traced = subprocess.run(["strace", "-y", "-e", "trace=write", "-o", log, sys.executable, "-I", "-c", program, export],
                            capture_output=True, text=True, encoding="utf-8", timeout=300)
    if traced.returncode and re.search(r"ptrace|PTRACE", traced.stderr):
        pytest.skip("strace is here but may not trace: the machine forbids ptrace")
    assert traced.returncode == 0, traced.stderr
    # strace spells the letters of a folder in a way of its own, so only the file's name is compared.
    calls = [match for match in ONE_CALL.finditer(log.read_text(encoding="utf-8")) if match["path"].endswith(f"/{export.name}")]
    return [int(call["size"]) for call in calls], export.stat().st_size


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which counts system calls on Linux, is not installed")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_recorded_trips_equal_the_system_calls(way, tmp_path):
    recorded = sizes_recorded(way)
    seen, size_of_file = sizes_seen_by_strace(way, tmp_path)
    assert recorded == seen
    assert sum(recorded) == size_of_file == 24_957


@pytest.mark.parametrize("way, count", [("8 KiB", 4), ("512 bytes", 50), ("a flush after each row", 1142), ("line by line", 1143)])
def test_the_counts_are_those_the_text_names(way, count):
    assert len(sizes_recorded(WAYS[way])) == count


def test_the_listing_in_the_text_shows_these_trips():
    shown = [int(size) for size in re.findall(r"^write\(3, .*\) = (\d+)$", CELLS["05-strace"], re.MULTILINE)]
    assert shown == sizes_recorded(WAYS["8 KiB"])
