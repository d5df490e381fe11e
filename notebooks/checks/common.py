"""What all checks share: the four verdicts, and the real conditions under which code is tried.

A check is a function with ``@exercise`` above it. It gets the learner's answer, returns the sentence for *done*, or
raises NotYet with the sentence that helps. The frame does the rest: an untouched stub, an error of the learner's with
its line, a flood of prints, and an error that is the check's own.
"""
import ast
import contextlib
import csv
import functools
import gc
import inspect
import io
import json
import linecache
import os
import re
import subprocess
import tempfile
import textwrap
import types
from dataclasses import dataclass
from pathlib import Path

from accidents import csv_bytes
from error_sentences import frames_of, is_learners, named, what_stopped
from processes import (
    CannotGoAlong,
    plain_environment,
    program_in_child,
    read_by_another_process,
    run_python,
)

__all__ = [
    "DONE", "NOT_ATTEMPTED", "NOT_THERE_YET", "BROKEN", "ORDERS_FILE", "CheckIsBroken", "NotYet", "Verdict", "a_number",
    "as_program", "call_arguments", "calls_in", "code_of", "csv_bytes", "csv_rows", "exercise", "first_difference", "is_lock",
    "left_behind", "letters", "load_orders", "named_but_not_called", "names_called", "one_letter", "open_files", "order_of",
    "plain_environment", "read_by_another_process", "run_python", "sets_permissions", "some_letters", "temporary_folder",
    "what_stopped", "whole_number", "whole_numbers", "whole_rows", "why_still_waiting",
]

ORDERS_FILE = Path(__file__).resolve().parents[2] / "data" / "orders.csv"
CHECKS_FOLDER = str(Path(__file__).resolve().parent)
PRINTED_LINES, LONGEST_LINE = 3, 80  # how much of what a learner's program printed is shown


@dataclass(frozen=True)
class Verdict:
    """What a check answers: ``state`` is one of the four below, ``sentence`` says what was seen.

    ``printed`` is what the learner's program printed meanwhile.
    """

    state: str
    sentence: str = ""
    printed: str = ""

    def __repr__(self):
        verdict = f"{self.state}: {self.sentence}" if self.sentence else self.state
        return verdict + (f"\n{_first_lines(self.printed)}" if self.printed.strip() else "")


DONE, NOT_THERE_YET, NOT_ATTEMPTED = "done", "not there yet", "not attempted yet"
BROKEN = "this check is broken, not your code"


class NotYet(Exception):
    """Raised inside a check when the answer is not right; the message is the sentence that helps."""


class CheckIsBroken(Exception):
    """Raised inside a check that cannot work here, such as in a Python that keeps something elsewhere."""


def exercise(check):
    """Turn a function that tries an answer into a check that always answers with a Verdict.

    The function gets the answer (or several), and returns the sentence for *done*, or raises NotYet. An answer that is
    still ``None``, ``...``, an empty text, or the untouched stub counts as not attempted. Any other exception is
    reported in one sentence: with the learner's line when it comes from there, and else as the check's own.
    """
    @functools.wraps(check)
    def answer_with_verdict(*answers):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                _count_answers(check, answers)
                if _is_untouched(check.__name__, answers):
                    return Verdict(NOT_ATTEMPTED)
                verdict = Verdict(DONE, check(*answers))
        except NotYet as reason:
            verdict = Verdict(NOT_THERE_YET, str(reason))
        except (Exception, SystemExit) as error:
            verdict = _verdict_for(error, answers)
        return Verdict(verdict.state, verdict.sentence, printed.getvalue())
    return answer_with_verdict


def _count_answers(check, answers):
    try:
        inspect.signature(check).bind(*answers)
    except TypeError:
        wanted = ", ".join(inspect.signature(check).parameters)
        raise NotYet(f"call the check as the exercise does: checks.{check.__name__}({wanted})") from None


def _first_lines(printed):
    lines = printed.rstrip("\n").split("\n")
    shown = [line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…" for line in lines[:PRINTED_LINES]]
    more = len(lines) - len(shown)
    if len(lines) == 1:
        return f"your program printed: {shown[0]}"
    return "\n    ".join(["your program printed:", *shown, *([f"… and {_count(more, 'more line')}"] if more else [])])


def _count(number, thing):
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


# --- An untouched stub -----------------------------------------------------------------------------------------

@functools.cache
def stubs():
    """Return the stubs of all exercises, a check's name -> source. ``python -m tests.tools.refresh`` writes them."""
    try:
        return json.loads(Path(CHECKS_FOLDER, "stubs.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _is_untouched(name, answers):
    """Tell whether ``answers`` are those of the stub of the check ``name``."""
    stub = stubs().get(name, "")
    wants_function = re.search(r"^(def|class) ", stub, re.MULTILINE)
    if any(answer is ... for answer in answers):
        return True
    if any(answer is None or isinstance(answer, str) and not answer.strip() for answer in answers):
        if wants_function:
            raise NotYet("give the check your function itself: its name, without brackets behind it")
        return True
    if wants_function and not callable(answers[0]):
        raise NotYet(f"give the check your function itself, not what it returns, which is {_short(answers[0])}")
    if wants_function:
        return any(_essence(text) == _essence(stub) for text in _cell_and_function(answers[0]))
    return bool(stub) and [repr(answer) for answer in answers] == [repr(value) for value in _values_in(stub)]


def _cell_and_function(function):
    """Return the text of the cell in which ``function`` was defined, and of the function alone."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    cell = "".join(linecache.getlines(code.co_filename)) if code else ""
    return [cell, _source_of(function)]


def _essence(source):
    """Return what ``source`` does when comments, docstrings, imports and calls of the checks do not count."""
    try:
        tree = _without_docstrings(ast.parse(source))
    except SyntaxError:
        return None
    # An import changes nothing, and the check's own call stands in the learner's cell but not in the stub.
    kept = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]
    return sorted(ast.unparse(node) for node in kept)


def _values_in(stub):
    try:
        return [ast.literal_eval(node.value) for node in ast.parse(stub).body if isinstance(node, ast.Assign)]
    except (SyntaxError, ValueError):
        return []


# --- Whose error is it? ----------------------------------------------------------------------------------------

def _verdict_for(error, answers):
    function = next((answer for answer in answers if callable(answer)), None)
    if _cannot_be_called(error, function):
        return Verdict(NOT_THERE_YET, f"your function cannot be called as the exercise asks: {error}")
    if isinstance(error, CannotGoAlong):
        return Verdict(NOT_THERE_YET, str(error))
    if isinstance(error, CheckIsBroken) or _is_of_the_check(error) or not _of_learner(error, function):
        return Verdict(BROKEN, f"{named(error)}. Tell your instructor; your answer may well be right.")
    stopped = what_stopped(error, function)
    if isinstance(error, ValueError) and "closed file" in str(error):
        stopped = (f"{stopped.removesuffix('.')}. The file was closed before this line, by the end of its block or by close(): "
                   "put the line before that, or open the file again.")
    return Verdict(NOT_THERE_YET, stopped)


def _of_learner(error, function):
    return any(is_learners(code, function) for code, _ in frames_of(error))


def _raised_in_checks(error):
    frames = frames_of(error)
    return bool(frames) and frames[0][0].co_filename.startswith(CHECKS_FOLDER)


def _is_of_the_check(error):
    """Tell whether ``error`` comes from a check's own line: a name is missing there, in a Python that is new to it."""
    if not _raised_in_checks(error):
        return False
    if isinstance(error, AttributeError):
        return isinstance(error.obj, types.ModuleType) or str(error.name).startswith("_")
    return isinstance(error, NameError | ImportError)


def _cannot_be_called(error, function):
    """Tell whether the check's own call of ``function`` failed, because it takes other arguments."""
    name = getattr(function, "__qualname__", None)
    return (isinstance(error, TypeError) and name is not None and not _of_learner(error, function)
            and str(error).startswith(f"{name}()"))


# --- Answers in any clothes ------------------------------------------------------------------------------------

def whole_number(answer):
    """Return ``answer`` as an int if it is one in any clothes (52, 52.0, '52', '1,142 rows'), else None."""
    if isinstance(answer, str):
        match = re.fullmatch(r"\s*([-+]?\d[\d,_]*)(?:\.0*)?(?:\s*[A-Za-z]+)?[.\s]*", answer)
        return int(match[1].replace(",", "").replace("_", "")) if match else None
    try:
        return int(answer) if not isinstance(answer, bool) and float(answer) == int(float(answer)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def whole_numbers(answer):
    """Return ``answer`` as a list of ints (from [90, 45], (90, 45), '90, 45', '90 45'), or None if it is no such list."""
    if isinstance(answer, str):
        answer = re.split(r"[,;\s]+", answer.strip(" ,;.[]()"))
    if isinstance(answer, set | dict):
        return None  # neither keeps an order that was meant
    try:
        numbers = [whole_number(number) for number in answer]
    except TypeError:
        return None
    return None if None in numbers else numbers


def a_number(answer, of="rows"):
    """Return ``answer`` as an int, or raise NotYet: answer with a whole number ``of`` rows, bytes, ..."""
    number = whole_number(answer)
    if number is None:
        raise NotYet(f"answer with a whole number of {of}, not with {_short(answer)}")
    return number


def order_of(answer, among=None):
    """Return the letters in ``answer`` as one text in the order given: 'c a-b', ['C', 'A', 'B'] and 'CAB' give 'CAB'.

    With ``among``, such as "ABCD", raises NotYet when these letters do not stand there once each.
    """
    if isinstance(answer, str):
        text = re.sub(r"\b(and|then)\b", " ", answer, flags=re.IGNORECASE)
    else:
        try:
            text = " ".join(map(str, answer))
        except TypeError:
            text = ""
    order = "".join(re.findall("[A-Za-z]", text)).upper()
    if among is not None and sorted(order) != sorted(among):
        raise NotYet(f'answer with the letters {among[0]} to {among[-1]}, each once and in your order, such as "{among[::-1]}"'
                     + _which_letters(order, among))
    return order


def _which_letters(order, among):
    if missing := sorted(set(among) - set(order)):
        return f"; {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if order else ""
    if others := sorted(set(order) - set(among)):
        return f"; {', '.join(others)} {'is' if len(others) == 1 else 'are'} none of them"
    twice = sorted({letter for letter in order if order.count(letter) > 1})
    return f"; {', '.join(twice)} {'stands' if len(twice) == 1 else 'stand'} there twice" if twice else ""


def letters(answer):
    """Return the set of capital letters in ``answer``: "BEF", "b, e and f", {"B", "E"}, ["b"] are all good."""
    return set(order_of(answer))


def some_letters(answer, among):
    """Return the set of letters in ``answer``, or raise NotYet when there are none, or others than ``among`` has."""
    chosen = letters(answer)
    if not chosen or not chosen <= set(among):
        raise NotYet(f'answer with letters from {among[0]} to {among[-1]} in one text, such as "{among[0]}{among[-1]}"')
    return chosen


def without_words(answer):
    """Return ``answer`` without what readers write around a letter: "place C", "points A and C", "C: an error"."""
    if not isinstance(answer, str):
        return answer
    answer = re.sub(r"\b(places?|points?|letters?|lines?|answer)\b", " ", answer, flags=re.IGNORECASE)
    with_reason = re.match(r"\s*([A-Za-z])\s*[:)]\s*\w{2}", answer)
    return with_reason[1] if with_reason else answer


def one_letter(answer, among):
    """Return the one letter in ``answer``, or raise NotYet when it is not exactly one of those in ``among``."""
    chosen = letters(answer)
    if len(chosen) != 1 or not chosen <= set(among):
        raise NotYet(f'answer with one letter from {among[0]} to {among[-1]}, such as "{among[-1]}"')
    return chosen.pop()


def _short(thing, longest=50):
    text = repr(thing)
    return text if len(text) <= longest else text[:longest] + "…"


# --- Conditions ------------------------------------------------------------------------------------------------

def load_orders():
    """Return the 1,142 orders of data/orders.csv as a list of dictionaries."""
    with open(ORDERS_FILE, newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def temporary_folder():
    """Return a TemporaryDirectory for one try; use it in a ``with`` block, which gives its name."""
    return tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True)


@contextlib.contextmanager
def left_behind():
    """Give the learner's program a temp folder of its own inside this block; give a list, filled with what is left there.

    The list holds the names of files and folders that the program did not remove by the end of the block.
    """
    left, before = [], tempfile.tempdir
    with temporary_folder() as folder:
        tempfile.tempdir = folder
        try:
            yield left
        finally:
            tempfile.tempdir = before
            left += sorted(entry.name for entry in Path(folder).iterdir())


def is_lock(path):
    """Tell whether ``path`` (also as bytes) has the name of a lock file, which is no unfinished export."""
    return "lock" in os.path.basename(os.fsdecode(path)).lower()


def as_program(function, *arguments, runner=None, seconds=60):
    """Run the learner's ``function(*arguments)`` as a program of its own, and return how it Ended (see processes.py).

    It may use what other cells of the notebook have made. Raises NotYet with a sentence when the function raises,
    does not end in ``seconds``, or uses something, such as an open file, that no other process can be given.
    """
    try:
        ended = program_in_child(function, *arguments, runner=runner, seconds=seconds)
    except subprocess.TimeoutExpired:
        raise NotYet("your program does not end") from None
    except CannotGoAlong as reason:
        raise NotYet(str(reason)) from None
    if ended.stopped is not None:
        raise NotYet(ended.stopped)
    return ended


def open_files(path, dir_fd=None):
    """Return the file objects of this process that have the file ``path`` open."""
    try:
        wanted = os.stat(path) if dir_fd is None else os.stat(path, dir_fd=dir_fd)
    except OSError:
        return []
    found = []
    for thing in gc.get_objects():
        # Below each open file, text or binary, lies a FileIO. Others are not touched: some act when they are asked.
        if issubclass(type(thing), io.FileIO) and not thing.closed:
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(thing.fileno()), wanted):
                    found.append(thing)
    return found


def whole_rows(content, **csv_options):
    """Count the whole data rows in ``content`` (bytes of a CSV file), header not counted."""
    # One letter more at the end: it sticks to a row that is not whole, and else stands alone.
    text = content.decode("utf-8", errors="replace") + "x"
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), **csv_options) if row]
    return max(0, len(rows) - 2)


# --- The first difference --------------------------------------------------------------------------------------

def first_difference(expected, got, what="the file", as_rows=False, **csv_options):
    """Return a sentence about the first thing in which ``got`` differs from what is ``expected``, or None.

    Both may be texts, bytes, lists of rows (lists or dictionaries), or paths of files; ``got`` may be None for what is
    not there. With ``as_rows`` texts and bytes are read as CSV first, with ``csv_options``, so that the sentence speaks
    of rows and columns; what no row shows, such as quotes and line ends, is looked for afterwards.
    """
    expected, got = _loaded(expected), _loaded(got)
    if got is None:
        return f"{what} is not there"
    if isinstance(expected, bytes) and isinstance(got, str) or isinstance(expected, str) and isinstance(got, bytes):
        return f"{what} is {'text' if isinstance(got, str) else 'bytes'}, wanted is {'bytes' if isinstance(got, str) else 'text'}"
    if expected == got:
        return None
    if isinstance(got, str | bytes) and not got:
        return f"{what} is empty"
    if isinstance(expected, bytes):
        if trouble := _undecodable(expected, got, what):
            return trouble
        expected, got = (content.decode("utf-8", "replace") for content in (expected, got))
    if isinstance(expected, str):
        texts = [text.removeprefix("\ufeff") for text in (expected, got)]
        in_rows = _rows_differ(*[csv_rows(text, **csv_options) for text in texts], what) if as_rows else None
        return in_rows or _texts_differ(expected, got, what)
    try:
        return _rows_differ(_as_lists(expected), _as_lists(got), what)
    except TypeError:
        return f"{what} is {_short(got)}, wanted is {_short(expected)}"


def _loaded(thing):
    if not isinstance(thing, Path):
        return thing
    return thing.read_bytes() if thing.exists() else None


def _undecodable(expected, got, what):
    if got.startswith(b"\xef\xbb\xbf") and not expected.startswith(b"\xef\xbb\xbf"):
        return f"{what} starts with a byte order mark, EF BB BF, that nobody asked for: utf-8-sig writes one"
    if expected.startswith(b"\xef\xbb\xbf") and not got.startswith(b"\xef\xbb\xbf"):
        return f"{what} does not start with the byte order mark EF BB BF"
    try:
        got.decode("utf-8")
    except UnicodeDecodeError as error:
        line = got.count(b"\n", 0, error.start) + 1
        return f"{what} is not UTF-8: line {line:,} has the byte {got[error.start]:02X}"
    return None


class _Rows(list):
    """The rows of a CSV text; ``lines`` holds the text of each, with the quotes and delimiters that stand there."""


def csv_rows(text, blank_lines=True, **csv_options):
    """Return the rows (lists) of a CSV ``text``, which first_difference() shows as they stand there."""
    lines, rows, start = list(io.StringIO(text, newline="")), _Rows(), 0
    reader, rows.lines = csv.reader(lines, **csv_options), []
    for row in reader:
        if row or blank_lines:
            rows.append(row)
            rows.lines.append("".join(lines[start:reader.line_num]).rstrip("\r\n"))
        start = reader.line_num
    return rows


def _as_lists(rows):
    if isinstance(rows, _Rows):
        return rows
    rows = list(rows)
    if rows and isinstance(rows[0], dict):
        return [list(rows[0]), *(list(row.values()) for row in rows)]
    return [list(row) for row in rows]


def _texts_differ(expected, got, what):
    # splitlines() would also part at characters that no file takes for a line end.
    wanted, seen = (re.findall(r"[^\r\n]*(?:\r*\n|\r|$)", text)[:-1] for text in (expected, got))
    for number, (right, line) in enumerate(zip(wanted, seen), start=1):
        if line == right:
            continue
        if line.rstrip("\r\n") == right.rstrip("\r\n"):
            return f"line {number:,} of {what} ends in {_end_of(line)}, wanted is {_end_of(right)}"
        return f"line {number:,} of {what} is {_around(line, right)}, wanted is {_around(right, line)}"
    if len(seen) < len(wanted):
        return (f"{what} has {_count(len(seen), 'line')}, wanted are {len(wanted):,}: the first that is missing is "
                f"{_short(wanted[len(seen)].rstrip())}")
    return (f"{what} has {_count(len(seen), 'line')}, wanted are {len(wanted):,}: the first that is too many is "
            f"{_short(seen[len(wanted)].rstrip())}")


def _end_of(line):
    end = line[len(line.rstrip("\r\n")):]
    return end.replace("\r", "\\r").replace("\n", "\\n") or "nothing"


def _around(line, other, longest=60):
    """Return ``line`` in quotes, in others when a line has these; when it is long, the part around its first difference from ``other``."""
    line, other = line.rstrip("\r\n"), other.rstrip("\r\n")
    first = next((place for place, pair in enumerate(zip(line, other)) if pair[0] != pair[1]), min(len(line), len(other)))
    start = max(0, min(first - longest // 2, len(line) - longest))
    part = line[start:start + longest]
    part = f"`{_control_characters_shown(part)}`" if "'" in line + other else repr(part)
    return f"{'…' if start else ''}{part}{'…' if start + longest < len(line) else ''}"


def _rows_differ(wanted, seen, what):
    if seen == wanted:
        return None
    if not seen:
        return f"{what} has no rows"
    if len(wanted) > 1 and seen[0] == wanted[1] and wanted[0] not in seen:
        return f"the header is missing: {what} begins with {_line(seen, 0)}"
    if seen[0] != wanted[0]:
        return _headers_differ(wanted, seen, what)
    for number, (right, row) in enumerate(zip(wanted, seen)):
        if row != right:
            return _one_row_differs(number, wanted, row, seen, what)
    word = "rows"
    if len(seen) < len(wanted):
        return f"{what} has {len(seen) - 1:,} of {len(wanted) - 1:,} {word}: the first that is missing is {_line(wanted, len(seen))}"
    return f"{what} has {len(seen) - 1:,} {word}, wanted are {len(wanted) - 1:,}: the first that is too many is {_line(seen, len(wanted))}"


def _line(rows, number, longest=60):
    """Return the row as it stands in its text; between backquotes when it holds quotes, so that no others join them."""
    if not isinstance(rows, _Rows):
        return _short(",".join(map(str, rows[number])), longest)
    line = rows.lines[number]
    if not re.search("[\"']", line):
        return _short(line, longest)
    return f"`{_control_characters_shown(line[:longest])}`{'…' if len(line) > longest else ''}"


def _control_characters_shown(text):
    return text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def _headers_differ(wanted, seen, what):
    header, right = list(map(str, seen[0])), list(map(str, wanted[0]))
    if header[1:] == right and header[0] in ("", "Unnamed: 0", "index"):
        return f"{what} has one column more, in front: pandas writes its index there unless it is told index=False"
    bare = [name.strip("\"'") for name in header]
    if len(header) == 1 and bare[0] not in right and sum(name in header[0] for name in right) > 1:
        return f"the columns of {what} are separated by something else: its first line is {_line(seen, 0)}"
    if sorted(header) == sorted(right):
        return f"the columns of {what} stand in another order: {', '.join(header)}"
    if bare != header and set(right) <= set(bare):
        return f"the names of the columns of {what} stand in other quotes than wanted: its first line is {_line(seen, 0)}"
    if missing := [name for name in right if name not in bare]:
        return f"the column {missing[0]} is missing: the first line of {what} is {_line(seen, 0)}"
    more = next((name for name in header if name not in right), header[-1])
    return f"the column {more} is one that nobody asked for: the first line of {what} is {_line(seen, 0)}"


def _one_row_differs(number, wanted, row, seen, what):
    right = wanted[number]
    if not row:
        return f"after row {number - 1:,} of {what} there is an empty line"
    if row == wanted[0]:
        return f"the header stands in {what} a second time, in place of row {number:,}"
    if row in wanted[number + 1:] and right not in seen:
        return f"row {number:,} is missing in {what}: {_line(wanted, number)}"
    if len(row) != len(right):
        return f"row {number:,} of {what} has {_count(len(row), 'value')}, wanted are {len(right)}: {_line(seen, number)}"
    column = next(place for place, pair in enumerate(zip(row, right)) if pair[0] != pair[1])
    return (f"row {number:,} of {what} has {_short(row[column])} in the column {wanted[0][column]}, "
            f"wanted is {_short(right[column])}")


# --- What the learner's code calls -----------------------------------------------------------------------------

def _source_of(function):
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""


def _without_docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) \
                and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _tree(function):
    """Return the syntax tree of ``function``, or of source text, without docstrings."""
    try:
        return _without_docstrings(ast.parse(function if isinstance(function, str) else _source_of(function)))
    except SyntaxError:
        return ast.Module([], [])


def code_of(function):
    """Return the source of ``function`` without comments and docstrings, or '' when there is none to read.

    Decide nothing by a word in it: a variable may have any name. See calls_in(), names_called(), call_arguments().
    """
    return ast.unparse(_tree(function))


def _calls(function):
    return sorted((node for node in ast.walk(_tree(function)) if isinstance(node, ast.Call)),
                  key=lambda call: (call.lineno, call.col_offset))


def _dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return f"{_dotted(node.func)}()" if isinstance(node, ast.Call) else "?"


def calls_in(function):
    """Return the set of dotted names that ``function`` (or source text) calls: {"open", "export.flush", "Path().open"}."""
    return {_dotted(call.func) for call in _calls(function)}


def names_called(function):
    """Return the set of last names that ``function`` (or source text) calls: {"open", "flush"}."""
    return {name.rpartition(".")[2] for name in calls_in(function)}


def call_arguments(function, name):
    """Return one dictionary for each call of ``name`` ("flush", "os.replace"), in order: position or keyword -> source.

    call_arguments(f, "print") gives [{0: "'done'", "flush": "True"}] for ``print("done", flush=True)``.
    """
    found = []
    for call in _calls(function):
        dotted = _dotted(call.func)
        if name in (dotted, dotted.rpartition(".")[2]):
            given = dict(enumerate(map(ast.unparse, call.args)))
            found.append(given | {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords})
    return found


def named_but_not_called(function, name):
    """Tell whether a line of ``function`` (or source text) is ``export.NAME`` without brackets."""
    return any(isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute) and node.value.attr == name
               for node in ast.walk(_tree(function)))


def sets_permissions(function):
    """Tell whether ``function`` (or source text) calls something that gives a file permissions: all that can be asked on Windows."""
    return bool(names_called(function) & {"copymode", "copystat", "chmod", "fchmod", "safe_export", "unfinished_file"})


def why_still_waiting(function):
    """Return why what ``function`` (or source text) tries sends no rows on, or None when it tries nothing, or flushes."""
    below = sorted(name for name in calls_in(function) if name.endswith(".buffer.flush"))
    if below:
        return f"{below[0]}() empties the byte buffer, and the last rows are in the text layer above it"
    if named_but_not_called(function, "flush"):
        return "you named flush but did not call it; it needs its ()"
    if named_but_not_called(function, "close"):
        return "you named close but did not call it; it needs its ()"
    called = names_called(function)
    flushed = [name for name in calls_in(function) if name == "flush" or name.endswith(".flush")]
    if flushed and all(name.startswith(("sys.stdout.", "stdout.")) for name in flushed):
        return "sys.stdout.flush() sends on what goes to the screen, not your file"
    if "flush" in called:
        return None
    if any(given.get("flush") == "True" and "file" not in given for given in call_arguments(function, "print")):
        return "print(flush=True) flushes the screen, not your file"
    if any(given.get("write_through") == "True" for name in called for given in call_arguments(function, name)):
        return "write_through empties the text layer alone, and the rows are now in the byte buffer"
    if "fsync" in called:
        return "fsync works on what the operating system has, and the rows are still in your program"
    if "sleep" in called:
        return "nobody sends the rows on while you wait"
    return None
