"""What must hold on every machine of the here: lines of 02 and 02b, which nbval does not compare."""
import csv
import os
import sys

import pytest

from tests.support.cells import here_lines_of, in_child


@pytest.fixture(scope="module")
def of_options():
    return in_child(here_lines_of, "02b-every-option-of-dictwriter.ipynb")[0]


def test_a_line_without_newline_ends_as_this_system_ends_lines():
    found, _ = in_child(here_lines_of, "02-shape-a-csv-with-dictwriter.ipynb")
    assert found == {"02-without-newline": [repr(b"one line" + os.linesep.encode())]}


def test_no_other_cell_of_02b_shows_what_differs(of_options):
    assert set(of_options) == {"02b-o3-code", "02b-o6-code", "02b-o7-code", "02b-o15-code"}


def test_the_newer_constants_write_what_the_text_says(of_options):
    strings, notnull = of_options["02b-o3-code"]
    if not hasattr(csv, "QUOTE_STRINGS"):
        assert (strings, notnull) == ("QUOTE_STRINGS needs Python 3.12", "QUOTE_NOTNULL needs Python 3.12")
        return
    assert strings.split() == ["QUOTE_STRINGS", '"tea"', '"tea,', 'green"', '"24""', 'oak"', "2", '""']
    assert notnull.split() == ["QUOTE_NOTNULL", '"tea"', '"tea,', 'green"', '"24""', 'oak"', '"2"', '""']
    assert len(strings) == len(notnull) and strings.endswith('  ""')  # nothing under None, quotes under the empty text


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the constants are new in Python 3.12")
def test_their_readers_give_none_back_from_3_13_on(of_options):
    strings, notnull = of_options["02b-o15-code"]
    newer = sys.version_info >= (3, 13)
    assert strings.endswith("['x', None, '', 1.0]" if newer else "['x', '', '', '1']")
    assert notnull.endswith("['x', None, '', '1']" if newer else "['x', '', '', '1']")


def test_a_lone_carriage_return_is_quoted_from_3_13_on(of_options):
    written = of_options["02b-o7-code"][0]
    # Whether one of a later 3.12 is quoted was not measured.
    assert written.endswith("""'"one\\rtwo"\\n'""") or sys.version_info < (3, 13) and written.endswith("'one\\rtwo\\n'")


def test_a_delimiter_of_two_characters_is_a_type_error(of_options):
    assert of_options["02b-o6-code"][0].startswith('TypeError: "delimiter" must be a')
