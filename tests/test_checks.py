"""The frame of the checks: whose error it is and in which line, what counts as an answer, and what differs first."""
import csv
import io
import itertools
import linecache
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path
from unittest import mock

import checks
import processes
import pytest
from checks import common, windows
from checks.common import NotYet, as_program, exercise, first_difference, left_behind

from tests.support.notebook_files import NOTEBOOK_FOLDER

CELLS = itertools.count(1)


def in_cell(source, **names):
    """Return the names of a notebook after a cell with ``source``, to be found in linecache as IPython's cells are."""
    source, name = textwrap.dedent(source).lstrip("\n"), f"<cell {next(CELLS)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace = {"__name__": "__main__", **names}
    exec(compile(source, name, "exec"), namespace)
    return namespace


def defined(source, **names):
    """Return the function that is defined last in ``source``."""
    return list(in_cell(source, **names).values())[-1]


def verdict(check, *answers, stub=None):
    """Return what ``check`` says of ``answers``, as a notebook shows it; its stored stub is ``stub``."""
    with mock.patch.object(common, "stubs", lambda: {check.__name__: stub} if stub else {}):
        return repr(exercise(check)(*answers))


def call_it(function):
    return f"it returned {function('orders')}"


# --- Whose error it is ---

def test_an_error_of_the_learner_comes_with_its_line():
    function = defined("""
        import csv

        def export_all(orders):
            '''Write them.'''
            return orders.upper(1)
    """)
    assert verdict(call_it, function).startswith(
        "not there yet: in line 3 of your function: `return orders.upper(1)` stopped with TypeError: ")


def test_an_error_in_another_function_of_the_learner_comes_with_that_function_s_name():
    price_of = defined("def price_of(order):\n    return order.price\n")
    total = defined("def total(orders):\n    return price_of(orders)\n", price_of=price_of)
    assert "in line 2 of price_of(): `return order.price` stopped with AttributeError" in verdict(call_it, total)


def test_a_flush_of_the_writer_gets_its_sentence_and_its_line():
    function = defined("def export(orders):\n    writer = csv.writer(file)\n    writer.flush()\n", csv=csv, file=io.StringIO())
    assert verdict(call_it, function) == ("not there yet: in line 3 of your function: `writer.flush()`: a csv writer has no flush: "
                                          "call it on the file that you gave the writer")


def test_a_raise_that_an_old_stub_left_is_named():
    function = defined("def f(orders):\n    print(orders)\n    raise NotImplementedError('write me')\n")
    assert "the line with raise still stops your function: take it out" in verdict(call_it, function)


def test_a_function_that_takes_other_arguments_is_told_so():
    assert "your function cannot be called as the exercise asks: f() takes 0" in verdict(call_it, defined("def f():\n    pass\n"))


def test_missing_data_is_the_check_s_own_trouble():
    def needs_data(function):
        open(Path("gone") / "orders.csv", encoding="utf-8")

    said = verdict(needs_data, defined("def f(orders): pass"))
    assert said.startswith("this check is broken, not your code: FileNotFoundError: ") and "Tell your instructor" in said


def test_a_name_that_a_new_python_has_no_more_is_the_check_s_own_trouble_inside_the_learner_s_call_too():
    def with_callback(function):
        function(lambda: tempfile._Gone)

    function = defined("def f(look):\n    look()\n")
    with mock.patch.object(common, "CHECKS_FOLDER", str(Path(__file__).parent)):
        assert verdict(with_callback, function).startswith("this check is broken, not your code: AttributeError: ")


def test_a_temporary_file_that_does_not_say_whether_it_goes_breaks_the_check_and_not_the_answer():
    def reopen(function):
        with windows.as_on_windows(function):
            function()

    function = defined("""
        def f():
            with tempfile.NamedTemporaryFile() as export:
                open(export.name, "rb").close()
    """, tempfile=tempfile)
    assert verdict(reopen, function).startswith("not there yet: Windows refuses to open the file by its name")
    with mock.patch.object(windows, "vars", lambda thing: {} if hasattr(thing, "file") else thing.__dict__, create=True):
        assert verdict(reopen, function).startswith("this check is broken, not your code: CheckIsBroken: ")


def test_tempfile_says_of_its_files_in_one_private_place_whether_closing_removes_them():
    with tempfile.NamedTemporaryFile() as export:
        closer = vars(export).get("_closer")
    assert [hasattr(closer, name) for name in ("delete", "delete_on_close")] == [True, sys.version_info >= (3, 12)], \
        f"tempfile of Python {sys.version} has no _closer that says delete, and from 3.12 on delete_on_close: see checks/windows.py"


def test_a_lesson_that_cannot_be_imported_takes_no_other_down():
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(NOTEBOOK_FOLDER / "checks", Path(folder) / "checks", ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / "checks").chmod(0o755)  # the project may be one that can only be read
        for used in ("processes.py", "error_sentences.py", "accidents.py"):
            shutil.copy(NOTEBOOK_FOLDER / used, folder)
        lesson = "from checks.common import exercise\n__all__ = ['{0}']\n@exercise\ndef {0}(answer):\n    return 'well'\n"
        (Path(folder) / "checks" / "lesson_98.py").write_text(lesson.format("spoiled") + "def broken(:\n", encoding="utf-8")
        (Path(folder) / "checks" / "lesson_99.py").write_text(lesson.format("sound"), encoding="utf-8")
        program = ("import checks; from checks import spoiled; print(spoiled([1, 2, 3])); print(checks.sound(1)); "
                   "print('spoiled' in dir(checks))")
        run = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, encoding="utf-8")
    broken, other, listed = run.stdout.splitlines() or [run.stderr, "", ""]
    assert broken.startswith("this check is broken, not your code: SyntaxError: ")
    assert (other, listed) == ("done: well", "True")


def test_no_two_lessons_have_a_check_of_the_same_name():
    listed = [name for path in (NOTEBOOK_FOLDER / "checks").glob("lesson_*.py")
              for name in re.findall(r'"(\w+)"', re.search(r"^__all__ = \[(.*?)\]", path.read_text("utf-8"), re.S | re.M)[1])]
    assert sorted(listed) == sorted(checks.lessons_by_check()), "a name stands in two lessons"


def test_an_unknown_check_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no check named 'place_the_lines'"):
        checks.place_the_lines


# --- What counts as an attempt ---

STUB = '''
import csv

def copy_out(orders):
    """Copy them."""
    writer = csv.writer(orders)  # here?
    print("copied")
'''


@pytest.mark.parametrize("change, attempted", [
    (("", ""), False),
    (("# here?", "# yes, here"), False),
    (('"""Copy them."""', '"""Now I copy them."""'), False),
    (("import csv", "import csv, time"), False),
    (('print("copied")', 'print("done")'), True),
    (('print("copied")', 'print("copied")\n    return 3'), True),
])
def test_a_stub_counts_as_attempted_when_something_that_runs_is_changed(change, attempted):
    function = defined(STUB.replace(*change) + "check = copy_out\n", open=open)
    said = verdict(named_check, function, stub=STUB)
    assert said == ("done: well" if attempted else "not attempted yet")


def named_check(answer):
    return "well"


@pytest.mark.parametrize("answer, stub", [(None, "my_line = None"), ("", 'my_letters = ""'), ("  ", 'my_letters = ""'),
                                          (..., "x = ..."), ({"suffix": ".csv"}, 'my_arguments = {"suffix": ".csv"}')])
def test_a_value_as_it_stands_in_the_stub_is_not_attempted(answer, stub):
    assert verdict(named_check, answer, stub=stub) == "not attempted yet"


def test_a_zero_is_an_answer():
    assert verdict(named_check, 0, stub="my_rows = None") == "done: well"


def test_a_function_that_was_called_instead_of_given_is_told_so():
    for returned in (None, 17):
        assert "give the check your function itself" in verdict(named_check, returned, stub=STUB)


def test_a_wrong_number_of_answers_is_told_so():
    assert verdict(named_check) == "not there yet: call the check as the exercise does: checks.named_check(answer)"


# --- What is printed ---

def test_a_flood_of_prints_is_cut_to_its_first_lines():
    function = defined("def f(orders):\n    for number in range(1000):\n        print(number, 'x' * 200)\n    return 5\n")
    said = verdict(call_it, function).splitlines()
    assert said[0] == "done: it returned 5" and said[1] == "your program printed:" and said[-1].strip() == "… and 997 more lines"
    assert len(said) == 6 and max(map(len, said)) < 90


# --- Answers in any clothes ---

@pytest.mark.parametrize("answer", ["BEF", "b, e and f", "B E F", {"B", "E", "F"}, ["b", "e", "f"], ("BE", "F"), "(B, E, F)"])
def test_letters_come_in_any_clothes(answer):
    assert common.letters(answer) == common.some_letters(answer, "ABCDEF") == {"B", "E", "F"}


@pytest.mark.parametrize("answer", ["CABD", "c a b d", "C, A, then B, D", ["C", "A", "B", "D"], "C-A-B-D"])
def test_an_order_is_kept(answer):
    assert common.order_of(answer, "ABCD") == "CABD"


@pytest.mark.parametrize("ask, answer, sentence", [
    (lambda answer: common.some_letters(answer, "ABCD"), "XY", "letters from A to D in one text"),
    (lambda answer: common.some_letters(answer, "ABCD"), 3, "letters from A to D in one text"),
    (lambda answer: common.one_letter(answer, "ABCD"), "AB", "one letter from A to D"),
    (lambda answer: common.order_of(answer, "ABCD"), "ABD", "C is missing"),
    (lambda answer: common.order_of(answer, "ABCD"), "AABCD", "A stands there twice"),
    (lambda answer: common.a_number(answer, of="bytes"), "many", "a whole number of bytes, not with 'many'"),
])
def test_what_is_no_answer_gets_a_sentence(ask, answer, sentence):
    with pytest.raises(NotYet, match=re.escape(sentence)):
        ask(answer)


@pytest.mark.parametrize("answer, number", [(52, 52), (52.0, 52), ("52", 52), ("1,142 rows", 1142), (" 0 ", 0), ("-1", -1), ("3.0", 3),
                                            (3.5, None), ("3.5", None), (True, None), ("many", None), (None, None), (float("inf"), None)])
def test_a_whole_number_comes_in_any_clothes(answer, number):
    assert common.whole_number(answer) == number


@pytest.mark.parametrize("answer, numbers", [([90, 45], [90, 45]), ("90, 45", [90, 45]), ("90 45", [90, 45]), ("[90, 45]", [90, 45]),
                                             ((90.0, "45"), [90, 45]), ({90, 45}, None), (5, None), ("90, x", None)])
def test_whole_numbers_come_in_any_clothes(answer, numbers):
    assert common.whole_numbers(answer) == numbers


# --- The first difference ---

GOOD = "id,item\r\n1,Tea\r\n2,Milk\r\n3,Bread\r\n"


@pytest.mark.parametrize("got, sentence", [
    (None, "the copy is not there"),
    ("", "the copy is empty"),
    ("1,Tea\r\n2,Milk\r\n3,Bread\r\n", "the header is missing: the copy begins with '1,Tea'"),
    (",id,item\r\n0,1,Tea\r\n1,2,Milk\r\n2,3,Bread\r\n", "one column more, in front: pandas writes its index"),
    ("item,id\r\nTea,1\r\nMilk,2\r\nBread,3\r\n", "stand in another order: item, id"),
    ("id;item\r\n1;Tea\r\n2;Milk\r\n3;Bread\r\n", "separated by something else"),
    ("id\r\n1\r\n2\r\n3\r\n", "the column item is missing"),
    ("id,item,price\r\n1,Tea,2\r\n2,Milk,2\r\n3,Bread,2\r\n", "the column price is one that nobody asked for"),
    ("id,item\r\n1,Tea\r\n2,Milk\r\n", "the copy has 2 of 3 rows: the first that is missing is '3,Bread'"),
    (GOOD + "4,Salt\r\n", "the copy has 4 rows, wanted are 3: the first that is too many is '4,Salt'"),
    ("id,item\r\n2,Milk\r\n3,Bread\r\n", "row 1 is missing in the copy: '1,Tea'"),
    ("id,item\r\n1,Tea\r\n2,Mlk\r\n3,Bread\r\n", "row 2 of the copy has 'Mlk' in the column item, wanted is 'Milk'"),
    ("id,item\r\n\r\n1,Tea\r\n\r\n2,Milk\r\n", "after row 0 of the copy there is an empty line"),
    ("id,item\r\n1,Tea\r\nid,item\r\n2,Milk\r\n", "the header stands in the copy a second time, in place of row 2"),
    ("id,item\r\n1,Tea,x\r\n2,Milk\r\n3,Bread\r\n", "row 1 of the copy has 3 values, wanted are 2"),
    (GOOD.replace("\r\n", "\n"), "line 1 of the copy ends in \\n, wanted is \\r\\n"),
    ('"id";"item"\r\n"1";"Tea"\r\n', 'separated by something else: its first line is `"id";"item"`'),
    ("'id','item'\r\n'1','Tea'\r\n", "the names of the columns of the copy stand in other quotes than wanted: its first line is `'id'"),
    ("'item','id'\r\n'Tea','1'\r\n", "stand in other quotes than wanted: its first line is `'item','id'`"),
    ("'id'\r\n'1'\r\n", "the column item is missing: the first line of the copy is `'id'`"),
    ("no;id;item\r\n1;1;Tea\r\n", "separated by something else: its first line is 'no;id;item'"),
    ('"1","Tea"\r\n2,Milk\r\n3,Bread\r\n', 'the header is missing: the copy begins with `"1","Tea"`'),
    (GOOD + '4,"Salt\r\nfine"\r\n', 'the first that is too many is `4,"Salt\\r\\nfine"`'),
    (GOOD.replace("Tea", '"Tea"'), "line 2 of the copy is '1,\"Tea\"', wanted is '1,Tea'"),
])
def test_the_first_difference_is_told_in_rows_and_columns(got, sentence):
    assert sentence in first_difference(GOOD, got, "the copy", as_rows=True)


def test_what_is_equal_has_no_difference():
    for kind in (str, str.encode, lambda text: list(csv.DictReader(io.StringIO(text)))):
        assert first_difference(kind(GOOD), kind(GOOD)) is None
    assert first_difference(b"\xef\xbb\xbfa", b"\xef\xbb\xbfa", as_rows=True) is None


@pytest.mark.parametrize("expected, got, sentence", [
    ("a\nb\n", "a\nc\n", "line 2 of the file is 'c', wanted is 'b'"),
    ("a\nb\n", "a\n", "the file has 1 line, wanted are 2: the first that is missing is 'b'"),
    ("a\n", "a\nb\n", "the first that is too many is 'b'"),
    ("a\n", """b'"\n""", """line 1 of the file is `b'"`, wanted is `a`"""),
    ("a\n", "a", "line 1 of the file ends in nothing, wanted is \\n"),
    ("x" * 500 + "a\n", "x" * 500 + "b\n", "…'" + "x" * 59 + "b'"),
    (b"\xc5\x81\n", "Ł\n".encode("cp1250"), "the file is not UTF-8: line 1 has the byte A3"),
    (b"a\n", b"\xef\xbb\xbfa\n", "starts with a byte order mark"),
    (b"\xef\xbb\xbfa\n", b"a\n", "does not start with the byte order mark"),
    ("a", b"a", "the file is bytes, wanted is text"),
    ([{"id": 1, "item": "Tea"}], [{"id": 1, "item": "Milk"}], "row 1 of the file has 'Milk' in the column item, wanted is 'Tea'"),
    ([["id"], ["1"]], 7, "the file is 7"),
])
def test_the_first_difference_of_texts_bytes_and_rows(expected, got, sentence):
    assert sentence in first_difference(expected, got)


def test_files_are_compared_by_their_bytes(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"id\r\n1\r\n")
    assert first_difference(b"id\r\n1\r\n", tmp_path / "a.csv") is None
    assert first_difference(tmp_path / "a.csv", tmp_path / "b.csv", "b.csv") == "b.csv is not there"


# --- What the code calls ---

def test_a_docstring_or_a_comment_decides_nothing():
    waiting = defined('''
        def copy_out(orders):
            """Unlike print(flush=True), no need to sleep, fsync or export.flush() here."""
            fsync = "os.fsync()"  # export.flush()
            return fsync
    ''')
    assert common.calls_in(waiting) == set() and common.why_still_waiting(waiting) is None
    assert "need to sleep" not in common.code_of(waiting)


def test_what_is_called_is_known_with_its_arguments():
    function = defined("""
        def copy_out(orders, path):
            with open(path, "w", newline="") as export:
                export.buffer.flush()
                Path(path).open()
                print("done", flush=True)
                export.flush
    """)
    assert common.calls_in(function) == {"open", "export.buffer.flush", "Path", "Path().open", "print"}
    assert common.names_called(function) == {"open", "flush", "Path", "print"}
    assert common.call_arguments(function, "open") == [{0: "path", 1: "'w'", "newline": "''"}, {}]
    assert common.named_but_not_called(function, "flush") and not common.named_but_not_called(function, "close")


@pytest.mark.parametrize("line, sentence", [
    ("export.buffer.flush()", "export.buffer.flush() empties the byte buffer"),
    ("export.flush", "you named flush but did not call it"),
    ("print('', flush=True)", "flushes the screen"),
    ("export.reconfigure(write_through=True)", "write_through empties the text layer alone"),
    ("os.fsync(export.fileno())", "fsync works on what the operating system has"),
    ("time.sleep(1)", "nobody sends the rows on while you wait"),
])
def test_what_sends_no_rows_on_gets_its_sentence(line, sentence):
    assert sentence in common.why_still_waiting(f"def f(export):\n    {line}")


# --- In a process of its own ---

def test_a_function_takes_along_what_it_uses_of_its_notebook():
    function = defined("""
        import collections.abc
        import enum
        import sys

        class Colour(enum.Enum):
            RED = "red"

        def helper(row):
            return f"{row} {Colour.RED.value} {isinstance(row, collections.abc.Iterable)} {LIMIT}"

        LIMIT = 7

        def program(row):
            print(helper(row))
            sys.exit(3)
    """)
    ended = as_program(function, "tea")
    assert (ended.printed.strip(), ended.exit_code) == ("tea red True 7", 3)


@pytest.mark.parametrize("value, kind", [(threading.Lock(), "a lock"), ((row for row in []), "a generator")])
def test_what_no_other_process_can_be_given_is_named(value, kind):
    function = defined("def program():\n    print(shared)\n", shared=value)
    with pytest.raises(NotYet, match=f"shared \\({kind}\\) cannot go there: make it inside the function"):
        as_program(function)


def test_a_default_value_that_no_other_process_can_be_given_is_named_too():
    with pytest.raises(NotYet, match=r"lock \(a lock\) cannot go there"):
        as_program(defined("def program(lock=LOCK):\n    print(lock)\n", LOCK=threading.Lock()))


def test_an_error_in_the_other_process_comes_with_its_line():
    function = defined("def program(rows):\n    print(rows)\n    return rows.price\n")
    with pytest.raises(NotYet, match=re.escape("in line 3 of your function: `return rows.price` stopped with AttributeError")):
        as_program(function, "tea")


def test_a_program_that_does_not_end_is_told_so():
    with pytest.raises(NotYet, match="your program does not end"):
        as_program(defined("import time\ndef program():\n    time.sleep(60)\n"), seconds=0.2)


def test_a_child_process_is_not_asked_for_colours_and_reads_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "FORCE_COLOR" not in processes.plain_environment() and processes.plain_environment()["NO_COLOR"] == "1"
    assert processes.run_python("import os; print('FORCE_COLOR' in os.environ)").stdout.strip() == "False"
    assert processes.read_by_another_process(tmp_path / "no.csv") is None
    with pytest.raises(RuntimeError, match="could not read the file"):
        processes.read_by_another_process(tmp_path)  # a folder


# --- Conditions ---

def test_what_a_program_leaves_in_the_temp_folder_is_found():
    with left_behind() as left:
        Path(tempfile.mktemp(prefix="orders-", suffix=".csv")).touch()
        with tempfile.NamedTemporaryFile():
            pass
    assert len(left) == 1 and left[0].startswith("orders-") and tempfile.gettempdir()


@pytest.mark.parametrize("line, content", [
    ('with open(path, "w") as file: file.write("ä\\n")', b"\xe4\r\n"),
    ('with open(path, "w", encoding="utf-8", newline="") as file: file.write("ä\\n")', b"\xc3\xa4\n"),
    ('path.write_text("ä\\n")', b"\xe4\r\n"),
    ('with tempfile.NamedTemporaryFile("w", delete=False) as file: file.write("ä\\n"); path = Path(file.name)', b"\xe4\r\n"),
    ('with open(path, "w+") as file: file.write("ä\\n"); file.seek(0); assert file.read() == "ä\\n"', b"\xe4\r\n"),
    ('path.write_bytes("ä".encode()); assert open(path).read() == "Ã¤"', b"\xc3\xa4"),
    ('with open(path, "wb") as file: file.write(b"a\\n")', b"a\n"),
])
def test_a_forgotten_option_shows_as_it_would_on_windows(line, content, tmp_path):
    function = defined(f"def f(path):\n    {line}\n    return path\n", tempfile=tempfile, Path=Path)
    with left_behind(), windows.as_on_windows(function):
        assert function(tmp_path / "a.txt").read_bytes() == content


def test_a_letter_that_windows_cannot_write_gets_a_sentence(tmp_path):
    def on_windows(function):
        with windows.as_on_windows(function):
            function(tmp_path / "a.txt")

    function = defined('def f(path):\n    path.write_text("Łódź")\n')
    assert 'say encoding="utf-8" when you open the file' in verdict(on_windows, function)


def test_whole_rows_are_counted_whatever_the_last_one_is():
    assert [common.whole_rows(content) for content in (b"", b"id\r\n", b"id\r\n1\r\n2", b"id\r\n1\r\n2\r\n")] == [0, 0, 1, 2]
