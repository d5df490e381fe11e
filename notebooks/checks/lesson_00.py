"""Checks for notebook 00, Start here."""
import ast
import contextlib
import io
import os
import re
import warnings
from pathlib import Path

from checks.common import (
    NotYet,
    a_number,
    call_arguments,
    calls_in,
    code_of,
    exercise,
    names_called,
    temporary_folder,
    whole_number,
    why_still_waiting,
)
from checks.windows import open_replaced

__all__ = ["all_orders", "third_row", "who_sees"]

READING = {"read_text", "read", "readlines", "readline", "join", "read_bytes", "copy", "copyfile", "copy2"}
CANNOT_TELL = "?"
ROWS = ["Tea,2.50\n", "Milk,1.20\n"]


@exercise
def who_sees(my_line):
    """Run the script of the task line by line, read the file by its name before each, and compare."""
    seen_before = {}
    with temporary_folder() as folder:
        path = Path(folder) / "orders.txt"
        seen_before[1] = ""
        with open(path, "w", encoding="utf-8") as export:
            for line, row in enumerate(ROWS, start=2):
                seen_before[line] = path.read_text(encoding="utf-8")
                export.write(row)
            seen_before[4] = path.read_text(encoding="utf-8")
        seen_before[5] = path.read_text(encoding="utf-8")
    right = min(line for line, seen in seen_before.items() if "Tea" in seen)
    answer = a_number(without_the_word("line", my_line), of="the line, from 1 to 5")
    if answer not in seen_before:
        raise NotYet(f"the script has no line {answer}: answer with a number from 1 to 5")
    if answer == right:
        return "before line 5 runs, the block has ended, so the file is closed and the colleague reads the tea"
    if answer == 1:
        raise NotYet("when line 1 runs, the tea has not been written at all")
    if answer == 4:
        raise NotYet("line 4 is still inside the block: the block has not ended, so nothing has closed the file yet")
    raise NotYet("write has only taken the line: while the block lasts, it waits in the program")


@exercise
def third_row(my_prediction):
    """Write the three rows with one flush after the second, measure the file, and compare with the prediction."""
    with temporary_folder() as folder:
        path = os.path.join(folder, "orders.txt")
        with open(path, "w", newline="", encoding="utf-8") as export:
            first, second = (export.write(row) for row in ROWS)
            export.flush()
            third = export.write("Bread,3.10\n")
            seen = os.path.getsize(path)
        all_bytes = os.path.getsize(path)
    answer = a_number(without_the_word("bytes", my_prediction), of="bytes")
    if answer == seen:
        return f"the colleague finds {seen} bytes, and the {third} bytes of the bread wait"
    if answer == all_bytes:
        raise NotYet(f"{all_bytes} bytes are what the file holds after one more flush; who has sent the bread?")
    if answer == 0:
        raise NotYet("the flush has sent what was waiting then, and it stays in the file although the block has not ended")
    if answer == third:
        raise NotYet(f"{third} bytes are the bread alone, and the bread is the row that waits")
    if answer in (first, second):
        raise NotYet(f"{answer} bytes are one row, and the flush sent both rows that were written before it")
    if answer in (1, 2, 3):
        raise NotYet("count bytes, not rows")
    raise NotYet(f"your number is {answer}: add up the bytes of the rows that were written before the flush")


def without_the_word(word, answer):
    """Return ``answer`` without ``word`` where it is a text, so that "line 5" and "19 bytes" count as numbers."""
    rest = re.sub(rf"(?i)\b{word}\b", "", answer).strip() if isinstance(answer, str) else answer
    return answer if whole_number(rest) is None else rest


@exercise
def all_orders(function):
    """Call the learner's function twice in an empty folder and compare what it returns with the two orders."""
    with temporary_folder() as folder, contextlib.chdir(folder), warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always", ResourceWarning)
        answer = function()
        written = [path.read_text(encoding="utf-8", errors="replace") for path in Path().iterdir()]
        with contextlib.redirect_stdout(io.StringIO()):  # what it prints is shown once
            again = function()
            with _other_tea_in_the_file(function) as opened:
                read = function()
    orders = "".join(ROWS)
    if answer is None:
        raise NotYet("it returned nothing: return what you read from the file")
    if isinstance(answer, os.PathLike):
        raise NotYet("it returned the path, and not what is in the file: say .read_text() behind it")
    if not isinstance(answer, str):
        raise NotYet(f"it returned an object of the kind {type(answer).__name__}: return the text of the file, as .read_text() gives it")
    if answer != orders:
        shown = repr(answer) if len(answer) <= 80 else f"{answer[:60]!r} and more"
        raise NotYet(f"it returned {shown}, and not both orders: {_why_it_differs(function, answer, written, opened)}")
    if any(text.startswith(orders) and text != orders for text in written):
        raise NotYet("it returned both orders, and afterwards it wrote more to the file: two orders are wanted")
    if read == orders and not (CANNOT_TELL in opened and _times_typed(function) == 1):
        raise NotYet("it returned both orders without reading the file: read it by its name, and return what you read")
    if again != orders:
        raise NotYet(f'called a second time, it returned {again!r}: with the mode "w" the file begins anew each time')
    blocks = _blocks_that_write(function)
    read_inside = any(READING & names_called(block) for block in blocks)
    if any(call.endswith(".flush") for call in calls_in(function)) and (read_inside or not blocks):
        return "it returned both orders, because you flushed before the file was read"
    if any(call.endswith(".close") for call in calls_in(function)):
        return "it returned both orders, because the file was closed before it was read"
    # CPython complains of a file that nobody has closed; one that was only read may be left to it here.
    if any("unclosed file" in str(each.message) and "mode='r'" not in str(each.message) for each in complaints):
        raise NotYet("it returned both orders, but only because Python closes a file that nobody can use any more: "
                     "open it with a block, so that you see where it is closed")
    if read_inside:
        return "it returned both orders, because they were in the file when it was read"
    if blocks:
        return "it returned both orders, because the file was read after the block"
    return "it returned both orders, because the file was closed before it was read"


def _why_it_differs(function, answer, written, opened):
    """Return why ``answer`` is not the two orders, where the file in the end holds one of the texts ``written``, and
    ``opened`` are the modes of all open()."""
    orders = "".join(ROWS)
    if orders in written and not any(line in answer for line in ROWS) and answer.strip():
        return "return the text of the file, as .read_text() gives it"
    if _lines_after_return(function):
        return "return ends the function, so the lines below it never run"
    if not answer and _of_which("write", "writelines", function=function) & _of_which("read", function=function):
        return "you read from the file object that has written, and it stands at its end: read the file by its name"
    if answer in written and orders not in written:  # nothing waits: the file itself holds something else
        if len([mode for mode in opened if "w" in mode]) > 1:
            return 'each open with "w" empties the file: open it once for writing, and to read it without "w"'
        return f"write these two lines, each once, in this order: {ROWS[0]!r} and {ROWS[1]!r}"
    if "".join(answer.split()) == "".join(orders.split()):
        return "the line ends differ; return the text as it stands in the file"
    return why_still_waiting(function) or "which of the rows still wait, or are not yet written, when the file is read?"


@contextlib.contextmanager
def _other_tea_in_the_file(function):
    """Put, inside this block, another word into a file when ``function`` opens it for reading; yields the modes it opens with.

    CANNOT_TELL is among them where the tea was not in the file yet.
    """
    modes = []

    def open_with_other_tea(file, mode="r", *rest, **named):
        modes.extend([mode, CANNOT_TELL] if "+" in mode else [mode])
        if "r" in mode and os.path.isfile(file):
            with real_open(file, "rb") as export:
                content = export.read()
            modes.extend([] if b"Tea" in content else [CANNOT_TELL])
            with real_open(file, "wb") as export:
                export.write(content.replace(b"Tea", b"Rye"))
        return real_open(file, mode, *rest, **named)

    real_open = io.open
    with open_replaced(function, open_with_other_tea):
        yield modes


def _modes(source):
    """Return the modes, in Python's notation, with which ``source`` (or a function) calls open()."""
    return [given.get(1, given.get("mode", "")) for given in call_arguments(source, "open")]


def _of_which(*methods, function):
    """Return the names of which ``function`` calls one of the ``methods``: {"export"} for export.flush()."""
    return {call.rpartition(".")[0] for call in calls_in(function) if call.rpartition(".")[2] in methods}


def _parts(function, kind):
    return [part for part in ast.walk(ast.parse(code_of(function))) if isinstance(part, kind)]


def _lines_after_return(function):
    return any(_returns(line) for part in _parts(function, ast.FunctionDef | ast.With) for line in part.body[:-1])


def _returns(line):
    return isinstance(line, ast.Return) or isinstance(line, ast.With) and _returns(line.body[-1])


def _times_typed(function):
    """Return how often the tea is typed in ``function``: a second time, it may be returned in place of what was read."""
    return len([text for text in _parts(function, ast.Constant) if "Tea" in str(text.value)])


def _blocks_that_write(function):
    """Return the source of each `with` block of ``function`` that opens a file for writing."""
    blocks = [ast.unparse(block) for block in _parts(function, ast.With)]
    return [block for block in blocks if any("w" in mode for mode in _modes(block))]
