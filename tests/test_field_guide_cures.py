"""Each cure of the field guide's first pages is tried on the accident that it cures, and on the neighbours that it does not cure.

An entry says "Not cured by it: ..." for its neighbours. Here one sees that this is so: a table of accidents, each with
the remedies that help against it, and no others.
"""
import ast
import contextlib
import errno
import functools
import gzip
import io
import os
import random
import tempfile
import time

import pytest

from tests.support.abilities import CLOSING_REMOVES
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, read_notebook

ROW = "000001,Bananas\r\n"


def read_by_name(name):
    with open(name, "rb") as reader:
        return reader.read()


def by_name(remedy, folder):
    """A1: rows are written, and the file is read by its name."""
    with open(folder / "export.csv", "w", newline="", encoding="utf-8") as export:
        export.write(ROW)
        remedy(export)
        return read_by_name(export.name)


def by_name_in_binary_mode(remedy, folder):
    """A6: the same with bytes, as pickle writes them."""
    with open(folder / "export.bin", "wb") as export:
        export.write(ROW.encode())
        remedy(export)
        return read_by_name(export.name)


def by_the_open_file(remedy, folder):
    """B6: the open file itself is handed over, and read from where it stands."""
    with open(folder / "export.csv", "w+b") as export:
        export.write(ROW.encode())
        remedy(export)
        return export.read()


def default_temporary_file(remedy, folder):
    """C7: closing deletes the file."""
    with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", dir=folder) as export:
        export.write(ROW)
        remedy(export)
        return read_by_name(export.name)


def another_file(remedy, folder):
    """A12: the remedy is used on one of two files, and the other one is read."""
    with open(folder / "north.csv", "w", encoding="utf-8") as north, open(folder / "south.csv", "w", newline="", encoding="utf-8") as south:
        south.write(ROW)
        remedy(north)
        return read_by_name(south.name)


def compressed(remedy, folder):
    """A14, I5: a compressed file is read by its name."""
    with gzip.open(folder / "export.gz", "wt", newline="", encoding="utf-8") as export:
        export.write(ROW)
        remedy(export)
        with gzip.open(folder / "export.gz") as reader:
            return reader.read()


def chained(export):
    """B9: write() returns a number, and a number has no flush."""
    try:
        taken = export.write("")
    except TypeError:
        taken = export.write(b"")
    taken.flush()


REMEDIES = {
    "nothing": lambda export: None,
    "wait": lambda export: time.sleep(0.02),
    "flush()": lambda export: export.flush(),
    "flush without brackets": lambda export: export.flush,
    "close()": lambda export: export.close(),
    "close without brackets": lambda export: export.close,
    "fsync alone": lambda export: os.fsync(export.fileno()),
    "buffer.flush()": lambda export: getattr(export, "buffer", io.BytesIO()).flush(),
    "seek(0)": lambda export: export.seek(0),
    "tell()": lambda export: export.tell(),
    "write().flush()": chained,
}
HELPS = {
    by_name: {"flush()", "close()", "seek(0)", "tell()"},  # the last two by a side effect
    by_name_in_binary_mode: {"flush()", "close()", "seek(0)"},
    by_the_open_file: {"seek(0)"},
    default_temporary_file: set() if CLOSING_REMOVES else {"flush()", "seek(0)", "tell()"},
    another_file: set(),
    compressed: {"close()"},
}


@pytest.mark.parametrize("accident", HELPS, ids=lambda accident: accident.__name__)
@pytest.mark.parametrize("remedy", REMEDIES)
def test_a_remedy_helps_against_what_it_is_for_and_against_nothing_else(accident, remedy, tmp_path):
    found = None
    with contextlib.suppress(AttributeError, ValueError, OSError, EOFError):
        found = accident(REMEDIES[remedy], tmp_path)
    assert (found == ROW.encode()) == (remedy in HELPS[accident])


@functools.cache
def sources_of(page):
    return {cell.id: cell.source for cell in code_cells(read_notebook(next(NOTEBOOK_FOLDER.glob(f"{page}-*.ipynb"))))}


def from_the_cell(cell_id, **known):
    """Run the functions that the cell defines, and return their names and values."""
    source = sources_of(cell_id.split("-")[0])[cell_id]
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    exec(compile(tree, cell_id, "exec"), known)
    return known


@pytest.mark.parametrize("seed", range(20))
def test_a_reader_that_follows_gets_whole_lines_wherever_the_writer_stopped(seed):
    whole_lines = from_the_cell("10b-b13-code")["whole_lines"]
    written = "".join(f"{number},Bananas\n" for number in range(40))
    chance, got, rest, place = random.Random(seed), [], "", 0
    while place < len(written):
        step = chance.randrange(1, 30)
        lines, rest = whole_lines(io.StringIO(written[place:place + step]), rest)
        got, place = got + lines, place + step
    assert got == written.splitlines() and rest == ""


def test_whole_lines_do_not_mend_a_field_with_a_line_end_in_it():
    whole_lines = from_the_cell("10b-b13-code")["whole_lines"]
    lines, _ = whole_lines(io.StringIO('1,"call first\nthen ring"\n', newline=""))
    assert lines == ['1,"call first', 'then ring"']


@pytest.mark.parametrize("room", range(22_500, 22_516))  # a row has 15 bytes: each place where the disk can be full
@pytest.mark.parametrize("after_an_error, whole", [("open_again", False), ("cut_back", True)])
def test_only_a_log_that_is_cut_back_after_an_error_has_every_row_whole(after_an_error, whole, room):
    disks = from_the_cell("10h-setup-disk", io=io, errno=errno, time=time)
    disks = from_the_cell("10h-setup-slow", **disks)
    ways = from_the_cell("10h-setup-log", contextlib=contextlib, **disks)
    entry = from_the_cell("10h-h13-code", **ways)
    entry["SmallDisk"] = lambda **room_of_the_entry: disks["SmallDisk"](room)
    told = entry["record"](True, ways[after_an_error])
    assert (told == "0 missing, torn: []") == (whole or room % 15 == 0)


def test_two_ways_into_one_file_are_not_cured_by_a_flush(tmp_path):
    name = tmp_path / "report.csv"
    with open(name, "w", newline="", encoding="utf-8") as report:
        report.write("made by Ines\n")
        report.flush()
        with open(name, "a", newline="", encoding="utf-8") as again:
            again.write("a row\n")
        report.write("an end\n")
    assert read_by_name(name) != b"made by Ines\na row\nan end\n"
