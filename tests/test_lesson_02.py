"""What must hold on every machine of the here: lines of 02 and 02b, which nbval does not compare."""
import csv
import os
import sys

import pytest

from tests.support.cells import here_lines_of
from tests.support.notebook_files import NOTEBOOK_FOLDER

OF_02B = pytest.mark.child(runs=here_lines_of, path=NOTEBOOK_FOLDER / "02b-every-option-of-dictwriter.ipynb")


@pytest.fixture
def here(child):
    lines, _ = child
    return lines


@pytest.mark.child(runs=here_lines_of, path=NOTEBOOK_FOLDER / "02-shape-a-csv-with-dictwriter.ipynb")
def test_a_line_without_newline_ends_as_this_system_ends_lines(here):
    assert here == {"02-without-newline": [repr(b"one line" + os.linesep.encode())]}


@OF_02B
def test_no_other_cell_of_02b_shows_what_differs(here):
    assert set(here) == {"02b-o3-code", "02b-o6-code", "02b-o7-code", "02b-o15-code"}


@OF_02B
def test_the_newer_constants_write_what_the_text_says(here):
    strings, notnull = here["02b-o3-code"]
    if not hasattr(csv, "QUOTE_STRINGS"):
        assert (strings, notnull) == ("QUOTE_STRINGS needs Python 3.12", "QUOTE_NOTNULL needs Python 3.12")
        return
    assert strings.split() == ["QUOTE_STRINGS", '"tea"', '"tea,', 'green"', '"24""', 'oak"', "2", '""']
    assert notnull.split() == ["QUOTE_NOTNULL", '"tea"', '"tea,', 'green"', '"24""', 'oak"', '"2"', '""']
    assert len(strings) == len(notnull) and strings.endswith('  ""')  # nothing under None, quotes under the empty text


@OF_02B
@pytest.mark.skipif(sys.version_info < (3, 12), reason="the constants are new in Python 3.12")
def test_their_readers_give_none_back_from_3_13_on(here):
    strings, notnull = here["02b-o15-code"]
    newer = sys.version_info >= (3, 13)
    assert strings.endswith("['x', None, '', 1.0]" if newer else "['x', '', '', '1']")
    assert notnull.endswith("['x', None, '', '1']" if newer else "['x', '', '', '1']")


@OF_02B
def test_a_lone_carriage_return_is_quoted_from_3_13_on(here):
    written = here["02b-o7-code"][0]
    # Whether one of a later 3.12 is quoted was not measured.
    assert written.endswith("""'"one\\rtwo"\\n'""") or sys.version_info < (3, 13) and written.endswith("'one\\rtwo\\n'")


@OF_02B
def test_a_delimiter_of_two_characters_is_a_type_error(here):
    assert here["02b-o6-code"][0].startswith('TypeError: "delimiter" must be a')
