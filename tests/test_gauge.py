"""The gauge tells the truth, moves nothing, and says in a sentence when it cannot measure."""
import csv
import gc
import gzip
import html
import io
import itertools
import os
import random
import re
import tempfile

import pytest
import setup_check
from gauge import CannotMeasure, NoReading, Reading, _why_locked, count_visible_rows, gauge, measure, self_test

from tests.support.abilities import OPEN_FILES_MOVE, needs_open_files_to_move

TEXT = {"newline": "", "encoding": "utf-8"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "orders.csv"


def test_rows_wait_in_the_text_layer_until_flush(path):
    with open(path, "w", **TEXT) as export:
        csv.writer(export).writerows([["id", "item"], [1, "Bananas"], [2, "Grapes"]])
        before = measure(export)
        assert (before.text_layer, before.byte_buffer, before.operating_system, before.visible_rows) == (30, 0, 0, 0)
        export.flush()
        after = measure(export)
        assert (after.text_layer, after.byte_buffer, after.operating_system, after.visible_rows) == (0, 0, 30, 2)


def test_write_through_leaves_the_rows_in_the_byte_buffer(path):
    with open(path, "w", **TEXT) as export:
        export.reconfigure(write_through=True)
        export.write("id\r\n1\r\n")
        assert (measure(export).text_layer, measure(export).byte_buffer) == (0, 7)


@pytest.mark.parametrize("mode", ["w", "w+", "a", "x"])
@pytest.mark.parametrize("letters", ["ascii", "é😀", "aé"])
@pytest.mark.parametrize("write_through", [False, True])
def test_after_any_writes_the_reading_equals_what_a_flush_brings_down(path, mode, letters, write_through):
    chance = random.Random(7)
    with open(path, mode, buffering=512, **TEXT) as export:
        if write_through:
            export.reconfigure(write_through=True)
        written = 0
        for _ in range(300):
            text = "".join(chance.choice(letters) for _ in range(chance.randrange(120))) + "\r\n"
            written += len(text.encode("utf-8"))
            export.write(text)
            reading = measure(export)
            assert reading.handed_over == written
            assert reading.operating_system == path.stat().st_size
        export.flush()
        assert path.stat().st_size == written


@pytest.mark.parametrize("pieces", [[], ["a"], ["a", "b"], ["é"], ["a", "é"], ["utf-8"], ["strict"], [""], ["\r\n", "a"]])
def test_few_waiting_pieces_are_counted_whatever_they_are(path, pieces):
    for newline, errors in itertools.product(["", "\n", None], ["strict", "replace"]):
        with open(path, "w", newline=newline, encoding="utf-8", errors=errors) as export:
            for piece in pieces:
                export.write(piece)
            reading = measure(export)
            export.flush()
            assert reading.text_layer == path.stat().st_size


@pytest.mark.parametrize("errors", ["replace", "strict"])
def test_a_piece_that_is_the_name_of_the_error_handler_is_counted(path, errors):
    with open(path, "w", **TEXT) as export:
        export.reconfigure(errors=errors)
        export.write(export.errors)
        assert measure(export).text_layer == len(errors)


def test_a_list_in_a_subclass_is_not_taken_for_waiting_rows(path):
    class Marked(io.TextIOWrapper):
        __slots__ = ("marks",)

    with Marked(open(path, "wb"), **TEXT) as export:
        export.marks = ["not", "ours"]
        export.write("id\r\n1")
        assert measure(export).text_layer == 5


def test_the_name_must_lead_another_reader_to_this_file(tmp_path, path):
    with open(path, "w", **TEXT) as export:
        export.write("id\r\n1\r\n")
        if OPEN_FILES_MOVE:
            path.rename(tmp_path / "moved.csv")
            assert "Nothing has this file's name any more" in repr(gauge(export))
            path.write_bytes(b"id\r\n7\r\n8\r\n9\r\n")
            assert "now belongs to another file" in repr(gauge(export))
    descriptor, _ = tempfile.mkstemp(dir=tmp_path)
    with os.fdopen(descriptor, "w", **TEXT) as numbered:
        assert "opened without a name" in repr(gauge(numbered))


@needs_open_files_to_move
def test_a_folder_of_the_name_that_became_a_file_gets_a_sentence(tmp_path):
    (tmp_path / "outbox").mkdir()
    with open(tmp_path / "outbox" / "orders.csv", "w", **TEXT) as export:
        (tmp_path / "outbox").rename(tmp_path / "moved")
        (tmp_path / "outbox").write_bytes(b"")
        assert "Nothing has this file's name any more" in repr(gauge(export))


def test_a_file_that_may_not_be_read_gets_a_sentence_with_the_remedy_of_its_system(path, monkeypatch):
    def refuse(name, *options):
        raise PermissionError(13, "Permission denied", str(name))

    with open(path, "w", **TEXT) as export:
        monkeypatch.setattr("gauge.open", refuse, raising=False)  # root may read everything, so nothing else refuses
        assert repr(gauge(export)) == _why_locked()
    assert "Windows" in _why_locked(closing_removes=True) and "delete=False" in _why_locked(closing_removes=True)
    assert "Windows" not in _why_locked(closing_removes=False) and "os.chmod" in _why_locked(closing_removes=False)


def test_a_file_that_is_read_or_stands_in_its_middle_is_refused(path):
    path.write_bytes(b"id\r\n1\r\n2\r\n")
    with open(path, **TEXT) as reading:
        assert "opened for reading" in repr(gauge(reading))
    with open(path, "r+", **TEXT) as patching:
        patching.seek(2)
        patching.write("x")
        assert "does not stand at its end" in repr(gauge(patching))


def test_a_detached_text_layer_gets_a_sentence(path):
    export = open(path, "w", **TEXT)
    below = export.detach()
    assert "taken off with detach()" in repr(gauge(export))
    below.close()


def test_a_reading_moves_nothing(path):
    with open(path, "w", **TEXT) as export:
        export.write("id\r\n1\r\n")
        assert [measure(export) for _ in range(3)] == [measure(export)] * 3
        assert path.stat().st_size == 0
        assert export.write("2\r\n") == 3 and measure(export).handed_over == 10


def test_a_named_temporary_file_is_measured_through_its_wrapper(tmp_path):
    with tempfile.NamedTemporaryFile("w", dir=tmp_path, delete=False, **TEXT) as export:
        export.write("id\r\n1\r\n")
        assert measure(export).text_layer == 7


@pytest.mark.parametrize("content, rows", [
    (b"", 0), (b"id\r\n", 0), (b"id\r\n1\r\n", 1), (b"id\r\n1\r\n2", 1), (b"id\n1\n2\n", 2),
    (b'id,note\r\n1,"two\nlines"\r\n', 1), (b'id,note\r\n1,"torn\nin quotes', 0), (b'id,note\r\n1,"torn\n', 0),
    (b"id\r\r\n1\r\r\n2\r\r\n", 2), ("id\r\n1\u2028\r\n".encode(), 1),
])
def test_only_whole_rows_count(path, content, rows):
    path.write_bytes(content)
    assert count_visible_rows(path) == rows


def test_another_delimiter_and_encoding_are_understood(path):
    with open(path, "w", newline="", encoding="utf-16") as export:
        csv.writer(export, delimiter="|", quotechar="'").writerows([["id", "note"], [1, "a\nb"]])
        export.flush()
        assert measure(export, delimiter="|", quotechar="'").visible_rows == 1


def test_what_cannot_be_measured_gets_a_sentence(tmp_path):
    closed = open(tmp_path / "closed.csv", "w", **TEXT)
    closed.close()
    with open(tmp_path / "binary", "wb") as binary, tempfile.TemporaryFile("w+", **TEXT) as unnamed, \
            gzip.open(tmp_path / "orders.csv.gz", "wt", **TEXT) as packed:
        for thing, words in [(closed, "closed"), (binary, "binary"), (io.StringIO(), "memory"), (io.BytesIO(), "memory"),
                             (io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), "memory"),
                             (csv.writer(io.StringIO()), "not an open text file"), ("orders.csv", "not an open text file")]:
            answer = gauge(thing)
            assert isinstance(answer, NoReading) and words in repr(answer)
            with pytest.raises(CannotMeasure):
                measure(thing)
        assert isinstance(gauge(packed), NoReading)
        assert isinstance(gauge(unnamed), NoReading)
        unnamed.write("still usable")
        unnamed.flush()


def test_rows_that_csv_cannot_read_get_a_sentence(path):
    path.write_bytes(b'id,note\r\n1,"' + b"a" * 200_000 + b'"\r\n')
    with pytest.raises(CannotMeasure, match="The rows in the file cannot be counted: field larger than"):
        count_visible_rows(path)
    with open(path, "a", **TEXT) as export:
        assert repr(gauge(export)).startswith("The rows in the file cannot be counted: ")


def alt_text(shown):
    return html.unescape(re.search('alt="([^"]*)"', shown._repr_html_())[1])


def test_two_bars_say_what_was_found_first(path):
    with open(path, "w", **TEXT) as export:
        export.write("id\r\n1\r\n")
        waiting = gauge(export)
        export.flush()
        in_the_file = gauge(export, title="after the flush")
    assert alt_text(waiting) == (
        "You wrote 7 bytes. All of them wait in your program. Any other reader sees no row. Gauge with two bars: "
        "waiting in your program: 7 bytes, nobody else sees it; in the file: 0 bytes, everybody sees it.")
    assert repr(waiting).splitlines() == [
        "You wrote 7 bytes. All of them wait in your program.",
        "  waiting in your program         7 bytes   nobody else sees it",
        "  in the file                     0 bytes   everybody sees it",
        "Any other reader sees no row."]
    assert alt_text(in_the_file).startswith("You wrote 7 bytes. All of them are in the file. Any other reader sees 1 whole row.")
    assert "titled 'after the flush'" in alt_text(in_the_file) and repr(in_the_file).startswith("after the flush\nYou wrote")


def test_three_bars_name_the_layers(path):
    with open(path, "w", **TEXT) as export:
        export.write("id\r\n1\r\n")
        assert alt_text(gauge(export, layers=3)) == (
            "You wrote 7 bytes. All of them wait in the text layer. Any other reader sees no row. Gauge with three bars: "
            "text layer: 7 bytes, nobody else sees it; byte buffer: 0 bytes, nobody else sees it; "
            "operating system: 0 bytes, everybody sees it.")
        with pytest.raises(ValueError, match="2 or 3 layers, not 4"):
            gauge(export, layers=4)


@pytest.mark.parametrize("sizes, layers, headline", [
    ((0, 0, 0), 2, "Nothing was written yet."),
    ((1, 0, 0), 2, "You wrote 1 byte. It waits in your program."),
    ((0, 0, 1), 3, "You wrote 1 byte. It is with the operating system."),
    ((0, 8, 0), 3, "You wrote 8 bytes. All of them wait in the byte buffer."),
    ((3, 5, 0), 3, "You wrote 8 bytes. All of them wait in your program."),
    ((0, 1008, 7168), 2, "You wrote 8,176 bytes. 1,008 of them wait in your program."),
    ((0, 1, 7), 3, "You wrote 8 bytes. 1 of them waits in the byte buffer."),
])
def test_the_headline_is_the_finding(sizes, layers, headline):
    assert Reading(*sizes, visible_rows=0, layers=layers).headline == headline


def test_a_file_that_held_something_is_not_said_to_be_written_by_you(path):
    path.write_bytes(b"id\r\n")
    with open(path, "a", **TEXT) as export:
        export.write("1\r\n")
        assert gauge(export).headline == "The file was given 7 bytes. 3 of them wait in your program."


def test_the_self_test_is_content_with_this_python():
    assert self_test() is None


@pytest.mark.parametrize("strange", [
    lambda held: held[::-1], lambda held: [],
    lambda held: [thing for thing in held if not isinstance(thing, (list, bytes))],
], ids=["reversed", "nothing", "without what waits"])
def test_the_self_test_notices_a_python_whose_lists_are_others(strange, path, monkeypatch):
    listed = gc.get_referents
    monkeypatch.setattr("gauge.gc.get_referents", lambda thing: strange(listed(thing)))
    assert "The gauge cannot look into the text layer of this Python" in self_test()
    assert setup_check.answer(folder=setup_check.HERE).startswith("Not ready: The gauge cannot look into")
    with open(path, "w", **TEXT) as export:
        export.write("id\r\n")
        gauge(export)  # may be wrong here, but never stops with an error


def test_the_self_test_says_when_it_cannot_try(monkeypatch):
    monkeypatch.setattr("gauge.tempfile.TemporaryDirectory", refuse_a_folder)
    assert "no file can be made in the folder for temporary files" in self_test()


def refuse_a_folder(**options):
    raise OSError(28, "No space left on device")
