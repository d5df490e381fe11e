"""What must hold on every machine of the here: lines of the field guide's pages 10e to 10i, which nbval does not compare."""
import csv
import errno
import re
import sys

import pytest

from tests.support.abilities import CLOSING_REMOVES
from tests.support.cells import here_lines_of
from tests.support.notebook_files import NOTEBOOK_FOLDER, number_of

CHECKED_OPTIONS = sys.version_info >= (3, 13)  # from here on csv refuses options that make unreadable files
WHERE = {"10e": ["e2", "e4", "e5", "e6", "e11", "e13", "e14"], "10f": ["f7"], "10g": ["g2", "g10"],
         "10h": ["h7", "h11", "h12", "h13", "h16"], "10i": ["setup-tools", "i5", "i19"]}
PATHS = {page: next(NOTEBOOK_FOLDER.glob(f"{page}-*.ipynb")) for page in WHERE}
OF_10E, OF_10F, OF_10G, OF_10H, OF_10I = (pytest.mark.child(runs=here_lines_of, path=path) for path in PATHS.values())


@pytest.fixture
def here(child):
    """What follows here: on the lines of a page, for each cell that has some: {"e5": lines}."""
    lines, left_behind = child
    assert not left_behind
    return {re.sub("^10[e-i]-|-code$", "", cell): told for cell, told in lines.items()}


@pytest.mark.child(runs=here_lines_of)
@pytest.mark.parametrize("path", PATHS.values(), ids=list(PATHS))
def test_no_other_cell_shows_what_differs(here, path):
    assert list(here) == WHERE[number_of(path.name)]


def number_in(text):
    return int(re.search(r"\d+", text)[0])


@OF_10E
def test_options_that_make_unreadable_files_are_refused_from_3_13_on(here):
    told = here["e5"]
    assert len(told) == 3 and all(line.startswith("'ValueError: bad ") == CHECKED_OPTIONS for line in told)


@OF_10E
def test_an_escapechar_that_is_the_quote_or_the_delimiter_garbles_or_is_refused(here):
    delimiter, quote = here["e4"][0], here["e5"][2]
    assert (quote == "'ValueError: bad escapechar or quotechar value'") == CHECKED_OPTIONS != ('1",5' in quote)
    assert delimiter.endswith("ValueError: bad delimiter or escapechar value" if CHECKED_OPTIONS else "Nik,,hil")


@OF_10E
def test_a_lone_carriage_return_is_torn_apart_or_quoted(here):
    written, read = here["e6"]
    # Whether one of a later 3.12 is quoted was not measured.
    assert '"i\\rj"' in written or not CHECKED_OPTIONS
    assert read.count("[") == (2 if '"i\\rj"' in written else 3)


@OF_10E
def test_the_newer_constants_tell_none_from_the_empty_text(here):
    lines = [*here["e2"], *here["e13"]]
    if not hasattr(csv, "QUOTE_NOTNULL"):
        assert all(line.endswith("needs Python 3.12") for line in lines)
        return
    strings, notnull, again = lines
    assert '"x",True,1,,"" |' in strings and '"x","True","1",,"" |' in notnull
    # Whether one of a later 3.12 refuses was not measured.
    assert all(line.endswith(("alone: csv.Error: single empty field record must be quoted", 'alone: ""')) for line in (strings, notnull))
    assert not CHECKED_OPTIONS or "Error" in strings and "Error" in notnull
    assert again.endswith("['x', None, '']") == CHECKED_OPTIONS


@OF_10E
def test_two_characters_are_no_delimiter_and_a_lone_carriage_return_no_line(here):
    assert "delimiter" in here["e11"][0]
    assert here["e14"][0].startswith("new-line character seen in unquoted field")


@OF_10F
@pytest.mark.skipif(sys.version_info < (3, 15), reason="the default is the system's")
def test_the_default_encoding_is_utf_8_from_3_15_on(here):
    assert here["f7"][0].lower().endswith("utf-8")


@OF_10G
def test_rows_that_were_written_are_lost_with_ctrl_c_and_no_flush(here):
    written, there = map(int, re.findall(r"\d+", here["g2"][0]))
    assert there < written


@OF_10G
def test_records_in_a_queue_may_be_lost_without_stop(here):
    told = here["g10"][0]
    assert "exit code 0" in told
    assert told.endswith("b''") or number_in(told.partition("exit code 0")[2]) <= 2000


@OF_10H
def test_head_makes_a_program_fail_that_takes_no_care(here):
    told = here["h11"][0]
    assert "line 0, then a traceback" in told and not told.endswith("exit code 0")


@OF_10H
def test_one_error_on_a_full_disk_stands_for_hundreds_of_rows(here):
    assert number_in(here["h13"][0]) > 300


@OF_10H
def test_threads_that_share_a_text_file_tear_rows(here):
    assert number_in(here["h12"][0]) < 4_000


@OF_10H
def test_two_rotating_handlers_of_one_log_lose_records(here):
    assert number_in(here["h16"][0].partition(":")[2]) < 80


@OF_10H
def test_a_move_to_another_file_system_is_refused(here):
    refused = f"[Errno {errno.EXDEV}] Invalid cross-device link"
    assert here["h7"][0] in ("from /dev/shm: no other file system is at hand", f"from /dev/shm: {refused}")


@OF_10I
def test_zstd_is_like_the_others_where_it_is(here):
    told = here["i5"][0]
    assert told.endswith("needs Python 3.14") or told.endswith("EOFError'] | closed: '000001,Bananas\\r\\n000002,Gra'")
    assert told.endswith("needs Python 3.14") == here["setup-tools"][0].endswith("before Python 3.14")


@OF_10I
@pytest.mark.skipif(CLOSING_REMOVES, reason="a TemporaryFile has a name here")
def test_an_upload_has_a_number_for_a_name_and_no_file_of_it(here):
    name, found = here["i19"]
    assert number_in(name) > 2 and found.endswith("none")
