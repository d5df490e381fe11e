"""The table of visible rows by Python version is what Python really does, where it can be tried."""
import csv
import os
import platform
import sys

import pytest

from tests.support.notebook_files import PROJECT

TABLE = PROJECT / "data" / "visible_rows_by_version.csv"
BLOCK_SIZE = 4096  # of the file system on which the Linux rows were measured
NEW_DEFAULT = (3, 14)  # from here on the default buffer is 128 KiB on any file system with smaller blocks
SETTLED = (3, 13)  # from here on all releases of a minor version behave alike


def lines_of_the_table():
    with open(TABLE, newline="", encoding="utf-8") as source:
        return [{**line, "rows_written": int(line["rows_written"]), "rows_visible": int(line["rows_visible"])}
                for line in csv.DictReader(source)]


def lines_for_this_python(block_size):
    """Return the table's lines for the running Python, or skip with the reason why there are none.

    ``block_size`` is what the file system reports, and None where there is no such number, as on Windows.
    """
    if platform.python_implementation() != "CPython":
        pytest.skip("the table is tried on CPython only")
    if block_size not in (None, BLOCK_SIZE) and (sys.version_info < NEW_DEFAULT or block_size > 131072):
        pytest.skip(f"this file system's blocks are {block_size} bytes, the table's were {BLOCK_SIZE}")
    version = platform.python_version()
    minor = f"{sys.version_info.major}.{sys.version_info.minor}."
    here = [line for line in lines_of_the_table() if line["system"].split()[0] == platform.system()]
    found = [line for line in here if line["python"] == version]
    if not found and sys.version_info >= SETTLED:
        found = [line for line in here if line["python"].startswith(minor)]
    if not found:
        pytest.skip(f"Python {version} on {platform.system()} does not stand in the table")
    return found


def rows_visible_after_writing(rows_written, path):
    """Write small rows with a default open(), flush nothing, and count the rows that another reader gets."""
    with open(path, "w", newline="", encoding="utf-8") as export:
        writer = csv.DictWriter(export, fieldnames=["id", "name", "amount"])
        writer.writeheader()
        for number in range(1, rows_written + 1):
            writer.writerow({"id": number, "name": f"name{number:05d}", "amount": f"{number % 997}.{number % 100:02d}"})
        with open(path, newline="", encoding="utf-8") as reader:
            return len(list(csv.DictReader(reader)))


def test_this_python_does_what_the_table_says(tmp_path):
    lines = lines_for_this_python(getattr(os.stat(tmp_path), "st_blksize", None))
    assert len(lines) == 3
    for line in lines:
        assert rows_visible_after_writing(line["rows_written"], tmp_path / "small.csv") == line["rows_visible"], line


def test_no_line_shows_more_than_was_written_or_all_of_it():
    for line in lines_of_the_table():
        assert line["rows_visible"] < line["rows_written"], line


def test_every_python_wrote_the_same_three_files():
    written = {}
    for line in lines_of_the_table():
        written.setdefault((line["python"], line["system"]), []).append(line["rows_written"])
    assert len(written) == 9 and all(counts == [2, 1142, 10000] for counts in written.values())


@pytest.mark.parametrize("rows_written", [2, 1142, 10000])
def test_on_any_python_some_rows_wait(rows_written, tmp_path):
    assert rows_visible_after_writing(rows_written, tmp_path / "small.csv") < rows_written
