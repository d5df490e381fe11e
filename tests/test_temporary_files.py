"""What 01 and 01b say of their here: lines, which nbval does not compare, holds on this system too."""
import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.abilities import CLOSING_REMOVES, needs_permissions
from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, read_notebook


def test_prefix_and_suffix_stand_around_eight_characters():
    with tempfile.NamedTemporaryFile(prefix="labels-", suffix=".csv") as export:
        name = Path(export.name).name
    assert name.startswith("labels-") and name.endswith(".csv") and len(name) == len("labels-.csv") + 8


def test_a_printed_file_shows_no_row_and_looks_as_the_text_says():
    with tempfile.NamedTemporaryFile("w+", suffix=".csv", encoding="utf-8") as export:
        export.write("1,Bananas\n")
        shown = str(export)
    assert "Bananas" not in shown
    start = "<_TemporaryFileWrapper file=<_io.TextIOWrapper" if sys.version_info >= (3, 14) \
        else "<tempfile._TemporaryFileWrapper object at 0x"
    assert shown.startswith(start)


def test_the_picture_of_the_three_lifetimes_shows_what_happens():
    def seen(export, block):
        with block:
            found = [os.path.exists(export.name)]
            export.close()
            found.append(os.path.exists(export.name))
        return [*found, os.path.exists(export.name)]

    default = tempfile.NamedTemporaryFile()
    kept = tempfile.NamedTemporaryFile(delete=False)
    folder = tempfile.TemporaryDirectory()
    inside = open(os.path.join(folder.name, "labels.csv"), "w", encoding="utf-8")
    lines = [seen(default, default), seen(kept, kept), seen(inside, folder)]
    os.remove(kept.name)
    notebook = read_notebook(NOTEBOOK_FOLDER / "01-use-a-temporary-file.ipynb")
    source = next(cell.source for cell in code_cells(notebook) if cell.id == "01-lifetimes")
    assert [str(line) for line in lines] == [line.partition(": ")[2].rstrip(",})") for line in source.splitlines()[2:]]


def test_a_second_open_is_refused_on_windows_alone():
    with tempfile.NamedTemporaryFile() as export:
        try:
            open(export.name, "rb").close()
            refused = False
        except PermissionError:
            refused = True
    assert refused == CLOSING_REMOVES


def test_what_vanished_is_not_found():
    with tempfile.NamedTemporaryFile() as export, tempfile.TemporaryDirectory() as folder:
        pass
    for look, path in [(os.path.getsize, export.name), (os.listdir, folder)]:
        with pytest.raises(FileNotFoundError):
            look(path)


def test_a_temporary_file_without_a_name_has_a_number_elsewhere_than_on_windows():
    with tempfile.TemporaryFile() as nameless, tempfile.SpooledTemporaryFile(10) as spool:
        spool.write(b"more than ten bytes")
        assert isinstance(nameless.name, str if CLOSING_REMOVES else int)
        assert isinstance(spool.name, str if CLOSING_REMOVES else int)


@needs_permissions
def test_what_tempfile_makes_is_private():
    with tempfile.NamedTemporaryFile() as export, tempfile.TemporaryDirectory() as folder:
        assert stat.filemode(os.stat(export.name).st_mode) == "-rw-------"
        assert stat.filemode(os.stat(folder).st_mode) == "drwx------"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="delete_on_close is new in Python 3.12")
def test_delete_on_close_keeps_the_file_to_the_end_of_the_block():
    with tempfile.NamedTemporaryFile(delete_on_close=False) as export:
        export.close()
        assert os.path.exists(export.name)
    assert not os.path.exists(export.name)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="delete_on_close is known here")
def test_delete_on_close_is_refused_with_the_message_of_the_text():
    with pytest.raises(TypeError, match="unexpected keyword argument 'delete_on_close'"):
        tempfile.NamedTemporaryFile(delete_on_close=False)
