"""Checks for notebook 04, Count the missing rows."""
import ast
import contextlib
import csv
import errno
import inspect
import io
import linecache
import os
import re
import shutil
from pathlib import Path

from checks.common import (
    NotYet,
    a_number,
    call_arguments,
    code_of,
    csv_bytes,
    exercise,
    load_orders,
    names_called,
    some_letters,
    temporary_folder,
    whole_numbers,
    whole_rows,
)
from checks.windows import as_on_windows, open_replaced

__all__ = ["parcels_in_the_file", "alarm", "verify_export", "empty_short_whole", "which_were_flushed", "two_lines"]

WRITTEN = 1142


def _parcels(count=WRITTEN):
    """Return the parcels of the lesson: each of their lines takes 32 bytes, and so does the header's."""
    return [{"parcel": f"{number:06}", "tracking_number": f"LX{number:09}PT", "outcome": "delivered"}
            for number in range(1, count + 1)]


def _seen_while_open(rows, flush_after=None):
    """Write ``rows`` as the lesson does, and return the bytes that are in the file before its block ends."""
    with temporary_folder() as folder:
        path = Path(folder) / "parcels.csv"
        with open(path, "w", newline="", buffering=4096) as export:
            writer = csv.DictWriter(export, fieldnames=list(rows[0]))
            writer.writeheader()
            if flush_after == "the header":
                export.flush()
            writer.writerows(rows)
            if flush_after == "the last row":
                export.flush()
            return path.read_bytes()


@exercise
def parcels_in_the_file(my_parcels):
    """Write the parcels, count those that are in the file while it is open, and compare with the answer."""
    answer = a_number(my_parcels, of="parcels")
    content = _seen_while_open(_parcels())
    seen = whole_rows(content)
    if answer == seen:
        return f"{len(content):,} bytes are the header and {seen:,} parcels"
    if answer == seen + 1:
        raise NotYet(f"the file has {answer:,} lines, but the first one is the header, and it is no parcel")
    if answer == WRITTEN - seen:
        raise NotYet(f"{answer} is how many are missing; how many are in the file?")
    if answer in (1091, 1092):
        raise NotYet("30 characters are not the whole line: two more characters end it, and so it takes 32 bytes")
    if answer == WRITTEN:
        raise NotYet("that is every parcel, and with the header they take 36,576 bytes")
    if answer == len(content):
        raise NotYet("that is how many bytes there are; each line takes 32 of them")
    if answer > WRITTEN:
        raise NotYet("no more than 1,142 parcels were written")
    raise NotYet("how many lines of 32 bytes are 32,768 bytes, and which one of them is no parcel?")


@exercise
def alarm(my_questions):
    """Make a short copy inside the block, ask each of the six questions there, and compare with the answer."""
    if isinstance(my_questions, str):
        my_questions = re.sub(r"(?i)\bor\b", " ", my_questions)
    answer = some_letters(my_questions, "ABCDEF")
    with temporary_folder() as folder:
        path, copy = Path(folder) / "parcels.csv", Path(folder) / "copy.csv"
        with open(path, "w", newline="", buffering=4096) as export:
            writer = csv.DictWriter(export, fieldnames=list(_parcels(1)[0]))
            writer.writeheader()
            writer.writerows(_parcels())
            shutil.copyfile(path, copy)
            size, size_of_original = copy.stat().st_size, path.stat().st_size
        copied = copy.read_bytes()
    seen = whole_rows(copied)
    if "A" in answer and size:
        raise NotYet(f"A: the copy has {size:,} bytes, so the answer is yes, and nobody notices")
    if "B" in answer:
        import pandas
        table = pandas.read_csv(io.BytesIO(copied))
        raise NotYet(f"B: pandas has just read {len(table):,} rows without an error, so the answer is yes, and nobody notices")
    if "C" in answer and size == size_of_original:
        raise NotYet(f"C: both have {size:,} bytes at that moment, so the answer is yes: the copy is as short as the file it was made from")
    if "E" in answer and copied.endswith(b"\r\n"):
        raise NotYet("E: the last line is whole, and it ends in a line end, so the answer is yes, and nobody notices")
    if answer == {"D"}:
        raise NotYet("D is right, but there is another: which question compares how many there are with how many there should be?")
    if answer == {"F"}:
        raise NotYet("F is right, but there is another: which question would look for the parcel 001142?")
    return f"the last row of the copy is parcel {seen:06}, and it has {seen:,} rows; you compared with what was written"


# --- verify_export -----------------------------------------------------------------------------------------------

@exercise
def verify_export(function):
    """Call ``verify_export(path, written)`` as on Windows, on good and bad exports of the orders, 82 with a line break.

    A whole file must pass, whatever ends its lines, and one without rows when none were written. A file that is short by
    72 rows or by one, that is empty, that holds all rows twice, a row too many, or rows when none were written, must be
    answered with a ValueError which names the rows written and the rows found. The file must stay as it is.
    """
    orders = load_orders()
    if _exchanged(function):
        raise NotYet(PATH_FIRST)
    _must_complain(function, orders[:1070], 1142)
    _must_pass(function, orders)
    _must_complain(function, None, 2)
    _must_complain(function, orders[:1141], 1142)
    _must_complain(function, orders * 2, 1142)
    _must_complain(function, [], 1)
    _must_complain(function, orders[:3], 0)
    _must_complain(function, orders[:3], 2)
    _must_pass(function, orders[:10])
    _must_pass(function, orders[:10], line_end=b"\n")
    _must_pass(function, [{**orders[0], "note": "Ring twice\u2028Thank you"}, orders[1]])
    _must_pass(function, [])
    _must_pass(function, [{**orders[0], "note": "As before:\n" + ",".join(orders[1].values())}, orders[1]],
               why="the second line of a note in it looks like a row, and is none: count rows with csv, and not lines")
    return "whole files pass; short, empty and doubled ones are refused, with both numbers, on Windows too"


PATH_FIRST = "your function gets the path first, and then written: def verify_export(path, written)"
NAMES_OF_FILES = {"path", "file", "filename", "file_name", "filepath", "file_path", "name"}


def _exchanged(function):
    names = [name.lower() for name in inspect.signature(function).parameters]
    return len(names) > 1 and names[1] in NAMES_OF_FILES and names[0] not in NAMES_OF_FILES


def _tried(function, rows, written, line_end=b"\r\n"):
    """Call ``function`` on a file with ``rows`` (None: an empty file); return what it returns and its ValueError, or None."""
    content = b"" if rows is None else csv_bytes(rows, list(load_orders()[0])).replace(b"\r\n", line_end)
    # Who only prints is told so in the verdict; prints that look for a mistake stay visible.
    quiet = contextlib.redirect_stdout(io.StringIO()) if _only_prints(function) else contextlib.nullcontext()
    returned = complaint = None
    with temporary_folder() as folder:
        path = Path(folder) / "export.csv"
        path.write_bytes(content)
        try:
            with quiet, as_on_windows(function), _noting_opened(function) as opened:
                returned = function(str(path), written)
        except UnicodeDecodeError as error:
            raise NotYet(_why_not_readable(function, error)) from error
        except UnicodeError as error:
            raise NotYet(f"reading stops with {type(error).__name__}: {error}. These orders are written in utf-8") from error
        except ValueError as error:
            if str(error).startswith("I/O operation on closed file"):
                raise NotYet(_why_closed(function)) from error
            if _is_pythons_own(error, function):
                raise
            complaint = error
        except StopIteration:
            raise NotYet("an empty file has not even a header: next() finds nothing there and stops with StopIteration") from None
        except (Exception, SystemExit) as error:
            if isinstance(error, FileNotFoundError):
                _must_have_opened(path, opened)
            if isinstance(error, OSError) and error.errno == errno.EBADF:  # the number was opened in place of the path
                raise NotYet(PATH_FIRST) from error
            _look_at_a_slip(function, error, rows, written)
            _look_at_another_error(function, error, rows)
            raise
        if path.read_bytes() != content:
            raise NotYet("your function has changed the file that it was to check: open it for reading")
        _must_have_opened(path, opened)
        told = str(complaint)
        for name, shown in [(str(path), path.name), (path.as_posix(), path.name), (path.parent.name, "")]:  # its digits are no counts
            told = told.replace(name, shown)
    return returned, complaint, told


@contextlib.contextmanager
def _noting_opened(function):
    """Give a list of what ``function`` opens, inside this block."""
    opened, open_before = [], io.open

    def noting_open(file, *arguments, **options):
        opened.append(file)
        return open_before(file, *arguments, **options)

    with open_replaced(function, noting_open):
        yield opened


def _must_have_opened(path, opened):
    """Raise NotYet when none of the names in ``opened`` is ``path``, as with a name that the learner has typed."""
    names = [os.fsdecode(file) for file in opened if isinstance(file, str | bytes | os.PathLike)]
    if names and not any(Path(name).absolute() == path for name in names):
        raise NotYet(f"your function opened {names[0]}, and not path: the caller says which file it is to count")


def _why_not_readable(function, error):
    """Say at which letter reading stopped, and with which encoding: the one that was said, or that of Windows."""
    start = error.start
    while start and error.object[start] & 0xC0 == 0x80:  # from inside a letter of two bytes back to where it begins
        start -= 1
    letter = error.object[start:start + 4].decode("utf-8", errors="ignore")[:1]
    where = f"the letter {letter} of a name in these orders" if letter else "a letter in these orders"
    said = [call["encoding"] for name in ("open", "read_text", "read_csv") for call in call_arguments(function, name)
            if "encoding" in call and not re.search("utf[-_]?8", call["encoding"].lower())]
    if said:
        return f"encoding={said[0]} cannot read {where}: they are written in utf-8"
    reading = "read_text()" if "open" not in names_called(function) and "read_text" in names_called(function) else "open()"
    return f'on Windows {reading} without encoding= stops at {where}: say encoding="utf-8"'


def _why_closed(function):
    if any(isinstance(node, ast.With) for node in ast.walk(ast.parse(code_of(function)))):
        return "the with block had ended, so the file was closed when you counted: count inside the block"
    return "the file was closed when you counted: count first, and close it then"


def _is_pythons_own(error, function):
    """Tell whether ``error`` comes from a line of ``function`` itself that raises nothing, such as int("")."""
    line = _own_line(error, function)
    return bool(line) and not re.search(r"\braise\b", line)


def _own_line(error, function):
    """Return the line of ``function`` itself at which ``error`` came up, or "" when it came up in something called there."""
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    code = last.tb_frame.f_code
    return linecache.getline(code.co_filename, last.tb_lineno).strip() if code is getattr(function, "__code__", None) else ""


def _look_at_a_slip(function, error, rows, written):
    """Raise NotYet when ``error`` comes up because there is no row in the file, or no reason to raise anything."""
    line, name = _own_line(error, function), type(error).__name__
    if not rows and line and isinstance(error, IndexError):
        what = "an empty file has no row, not even a header" if rows is None else "a file with a header alone has no row"
        raise NotYet(f"{what}, and there `{line}` stops with {name}: {error}") from error
    if isinstance(error, UnboundLocalError) and rows is not None and len(rows) == written and re.search(r"\braise\b", line):
        raise NotYet(f"with a whole file of {written:,} rows `{line}` stops with {name}: {error}. "
                     "Raise only where the two numbers differ, inside that if") from error


def _look_at_another_error(function, error, rows):
    """Raise NotYet when ``error`` was raised on purpose, and is none that the caller waits for."""
    name = type(error).__name__
    if rows is not None and len(rows) in (10, WRITTEN):
        return
    if isinstance(error, SystemExit):
        raise NotYet("you end the whole program: raise ValueError, and the caller decides what happens then") from error
    if isinstance(error, AssertionError):
        raise NotYet("an assert is left out when Python runs with -O, and the check with it: raise ValueError") from error
    if name in _raised_names(function):
        raise NotYet(f"you raise {name}, and a caller that waits for ValueError does not catch it: raise ValueError") from error


def _raised_names(function):
    """Return the names of the exceptions that ``function`` raises with a statement of its own."""
    raised = [node.exc for node in ast.walk(ast.parse(code_of(function))) if isinstance(node, ast.Raise) and node.exc]
    return {ast.unparse(each.func if isinstance(each, ast.Call) else each).rpartition(".")[2] for each in raised}


def _must_pass(function, rows, line_end=b"\r\n", why=None):
    _, complaint, told = _tried(function, rows, len(rows), line_end)
    if complaint is None:
        return
    if why:
        raise NotYet(f"you refuse a whole file of {len(rows):,} rows: {why}") from complaint
    if not rows:
        raise NotYet("you refuse a file with a header and no row when 0 rows were written: the two numbers are equal") from complaint
    if line_end == b"\n":
        raise NotYet("you refuse a whole file whose lines end in \\n alone: count rows with csv, and not line ends") from complaint
    numbers = _numbers_in(told)
    if "splitlines" in names_called(function) and len(rows) == 2:
        raise NotYet("you refuse a whole file: splitlines() ends a line at characters where csv does not, such as U+2028 "
                     "in a note; give csv the open file") from complaint
    if numbers == {len(rows)} and len(re.findall(rf"\b{len(rows)}\b", _without_commas(told))) > 1:
        raise NotYet(f"you refuse a whole file of {len(rows):,} rows, and your error names that number twice: "
                     "compare written and found as numbers, with !=, and raise only where they differ") from complaint
    if len(rows) + 1 in numbers:
        raise NotYet(f"you refuse a whole file: it has {len(rows):,} rows and a header, and the header is no row") from complaint
    if {1225, 1224} & numbers or _counts_lines(function):
        raise NotYet("you refuse a whole file: 82 of its rows have a line break inside, so it has more lines than rows") from complaint
    raise NotYet(f"you refuse a whole file of {len(rows):,} rows: {complaint}") from complaint


def _must_complain(function, rows, written):
    returned, complaint, told = _tried(function, rows, written)
    found = len(rows or [])
    if complaint is None:
        raise NotYet(_why_silent(function, returned, written, found))
    if type(complaint).__name__ == "EmptyDataError" and "No columns" in str(complaint):  # pandas' own words
        raise NotYet("with an empty file pandas itself stops with EmptyDataError: catch it, and raise your own ValueError "
                     "with both numbers") from complaint
    numbers = _numbers_in(told)
    if {1148, 1147} & numbers:
        option = _option_of_reading(function)
        if option:
            raise NotYet(f"with {option} the rows fall apart at the line breaks inside them, and you found "
                         f"{min({1148, 1147} & numbers):,} of 1,070: the file is an ordinary one with commas")
        raise NotYet("you count lines: the file has 1,148 lines, but 1,070 rows, because some rows have a line break inside")
    if rows is None and -1 in numbers:
        raise NotYet("you took a header away from an empty file, which has none: it holds 0 rows, and not -1")
    if found + 1 in numbers and found not in numbers and found + 1 != written:
        raise NotYet(f"you found {found + 1:,} rows and the file has {found:,}: you counted the header, and the header is no row")
    if re.search(r"\{\w*\}|%[ds]", told):
        raise NotYet(f"your ValueError says {told!r}: with an f in front of the text its names become numbers, "
                     'such as f"{found} found"') from complaint
    others = numbers - {written}
    if written in numbers and len(others) == 1 and not others & {found, written - found}:
        raise NotYet(_why_another_count(function, others.pop(), found))
    if {written, found} <= numbers:
        _look_at_the_places(told, written, found)
    else:
        raise NotYet(f"with {written:,} rows written and {found:,} found, your ValueError must name both numbers; "
                     f"it says: {told or 'nothing'}")


def _numbers_in(told):
    return {int(number) for number in re.findall(r"(?<!\w)-?\d+|\d+", _without_commas(told))}


def _without_commas(told):
    return re.sub(r"(?<=\d)[,_](?=\d{3})", "", told)


def _option_of_reading(function):
    """Return "delimiter=';'" where ``function`` reads with an option that these orders were not written with."""
    for name in ("DictReader", "reader", "read_csv"):
        for call in call_arguments(function, name):
            for option in ("dialect", "delimiter", "sep", "quoting", "quotechar"):
                if call.get(option, "'excel'") != "'excel'":
                    return f"{option}={call[option]}"
    return None


def _why_another_count(function, count, found):
    """Say what is wrong with a ``count`` that the learner's error names in place of ``found``."""
    said = f"your error says {count:,} found, but the file has {found:,} rows"
    called = names_called(function)
    path = next(iter(inspect.signature(function).parameters), None)
    if any(call.get(0) in (path, f"str({path})") for name in ("DictReader", "reader") for call in call_arguments(function, name)):
        return f"{said}: csv has read the letters of the name; open the file, and give csv the file object"
    if count == found - 1:
        if "enumerate" in called:
            return f"{said}: one too few, for enumerate begins with 0"
        taken = next((name for name in ("DictReader", "read_csv") if name in called), None)
        if taken and ".index" not in code_of(function):
            return f"{said}: one too few, for {taken} has taken the header away already"
        return f"{said}: one too few"
    if count == 0 and any(isinstance(node, ast.Try) for node in ast.walk(ast.parse(code_of(function)))):
        return f"{said}: which error has your except caught, on Windows?"
    if count == 0 and any("a" in call.get("mode", call.get(1, "")) for call in call_arguments(function, "open")):
        return f"{said}: a mode with an a begins at the end of the file; open it for reading"
    if count == 0:
        return f"{said}: had something read the file to its end before you counted?"
    return f"{said}: what have you counted?"


def _look_at_the_places(told, written, found):
    """Raise NotYet when ``told`` calls the rows found written, and the other way round, or one of the two missing."""
    told = _without_commas(told)
    missing = re.search(r"(\d+) (?:rows? |orders? )?(?:are |is )?(?:missing|lost)\b", told)
    if missing and int(missing[1]) in {written, found} - {abs(written - found)}:
        raise NotYet(f"your error says {int(missing[1]):,} missing, but {written:,} rows were written and {found:,} are in the file")
    words = re.findall(rf"\b(?:{written}|{found}|written|wrote|expected|found|read|counted|got)\b", told.lower())
    kinds = ["number" if word.isdigit() else "written" if word in ("written", "wrote", "expected") else "found" for word in words]
    if sorted(kinds) != ["found", "number", "number", "written"]:
        return
    if kinds[2:] == ["number", "number"]:  # "written/found: 1142/1070"
        pairs = [(0, 2), (1, 3)]
    else:
        pairs = [(0, 1), (2, 3)]
    called = {}
    for pair in pairs:
        kind, number = sorted(pair, key=lambda place: kinds[place] == "number")
        called[kinds[kind]] = words[number]
    if called == {"written": str(found), "found": str(written)}:
        raise NotYet(f"your error says {found:,} written and {written:,} found: the numbers have changed places")


def _counts_lines(function):
    return not {"reader", "DictReader", "read_csv"} & names_called(function)


def _only_prints(function):
    return "print" in names_called(function) and not _raised_names(function)


def _why_silent(function, returned, written, found):
    case = f"{written:,} {'row' if written == 1 else 'rows'} written, {found:,} in the file"
    if isinstance(returned, bool):
        return f"{case}: you return {returned}, and a caller who does not look goes on; raise ValueError"
    if _only_prints(function):
        return f"{case}: you print, and the program that called you goes on; raise ValueError"
    if "ValueError" in names_called(function) and not _raised_names(function):
        return f"{case}: you make a ValueError, but you do not raise it"
    if not written:
        return f"{case}: you let it pass; when no row was written, none may be in the file"
    if found > written:
        return f"{case}: you let it pass; too many rows, perhaps exported twice, are wrong too"
    if (written, found) == (1, 0):
        return f"{case}, only the header: you let it pass; the header is no row"
    if written - found == 1:
        return f"{case}: you let it pass; compare the two numbers, one row missing is enough (is the header counted?)"
    if {"stat", "exists", "getsize"} & names_called(function):
        return f"{case}: you let it pass; a short file exists and is not empty, so count its rows"
    if _counts_lines(function) and {"read", "readlines", "read_text", "splitlines", "enumerate", "sum"} & names_called(function):
        return (f"{case}: you let it pass; some rows have a line break inside, "
                "so the short file has 1,148 lines: count rows with csv")
    return f"{case}: you let it pass, without a ValueError"


# --- The staircase -----------------------------------------------------------------------------------------------

SIZES = [2, 200, 255, 256, 1000, 1023]
WORDS = {"E": "empty", "S": "short", "W": "whole"}


@exercise
def empty_short_whole(my_files):
    """Write each number of parcels, look while the file is open, and compare with the letters given."""
    answer = _letters_or_words(my_files)
    if len(answer) != len(SIZES) or not set(answer) <= set(WORDS):
        raise NotYet('answer with six letters, one for each file, each an E, an S or a W, such as "SSSEEW"')
    for given, count in zip(answer, SIZES, strict=True):
        content = _seen_while_open(_parcels(count))
        seen = whole_rows(content)
        right = "E" if not content else "W" if seen == count else "S"
        if given != right:
            raise NotYet(f"the file with {count:,} parcels is not {WORDS[given]}: {_why_not(given, count, seen)}")
    return "two are empty, two are short, and two are whole by luck"


def _letters_or_words(answer):
    """Return "EEW" for "E E W", "eew", ["E", "E", "W"] and "empty, empty, whole"."""
    words = re.findall("[A-Za-z]+", answer if isinstance(answer, str) else " ".join(map(str, _as_list(answer))))
    if len(words) > 1 and all(word.upper() in WORDS or word.lower() in WORDS.values() for word in words):
        return "".join(word[0].upper() for word in words)
    return "".join(words).upper()


def _as_list(answer):
    # A set or a dictionary keeps no order, or no letter twice: it is no answer.
    return answer if isinstance(answer, list | tuple) else []


def _why_not(given, count, seen):
    lines = f"with its header it has {count + 1:,} lines"
    if not seen:
        return f"{lines}, and 256 must collect before the first trip is made"
    if given == "E":
        return f"{lines}, and 256 are sent as soon as they have collected"
    if given == "S":
        return f"{lines}, which is {(count + 1) // 256} times 256, so that nothing is left to wait"
    return f"{lines}, of which {seen + 1:,} have been sent; what has become of the rest?"


# --- Detectives --------------------------------------------------------------------------------------------------

@exercise
def which_were_flushed(my_letters):
    """Make the five files, and those that they would be without a flush, and compare with the answer."""
    answer = some_letters(my_letters, "ABCDE")
    made = {"A": (1142, "the last row"), "B": (1142, None), "C": (1, "the header"), "D": (50, "the last row"), "E": (511, None)}
    content = {name: _seen_while_open(_parcels(count), flush_after) for name, (count, flush_after) in made.items()}
    right = {name for name, (count, _) in made.items()
             if whole_rows(content[name]) == count and content[name] != _seen_while_open(_parcels(count))}
    if answer == right:
        return "A and D hold their last row, and without a flush they would not"
    if "B" in answer:
        raise NotYet(f"B holds {whole_rows(content['B']):,} of 1,142 parcels: a flush after the last one would have sent it, too")
    if "C" in answer:
        raise NotYet("C is not empty, but all it holds is the header: that flush came before the parcel")
    if "E" in answer:
        raise NotYet("E is whole, but it would be whole without a flush too: how many bytes are two trips?")
    if answer == {"A"}:
        raise NotYet("A is right, but not alone: what would D, with its 51 lines, hold without a flush?")
    raise NotYet("D is right, but not alone: could the last parcel be in A without a flush?")


@exercise
def two_lines(my_lines):
    """Change line 9 of the script, then move line 8, see what comes of it, and compare with the two numbers."""
    if isinstance(my_lines, str):
        my_lines = re.findall(r"\d+", my_lines)
        if len(my_lines) == 1 and re.fullmatch("[1-9]{2}", my_lines[0]):  # "98"
            my_lines = list(my_lines[0])
    numbers = whole_numbers(my_lines)
    if not numbers or len(numbers) != 2:
        raise NotYet('answer with two numbers of lines, such as "3 4"')
    blind, early = numbers
    if not {blind, early} <= set(range(1, 11)):
        raise NotYet("the script has the lines 1 to 10")
    given_to = _script_copies(inside_the_block=True)
    if (blind, early) == (8, 9):
        raise NotYet("these are the two lines, but the other way round: the first question was about the check")
    if blind != 9:
        raise NotYet(_why_not_blind(blind, given_to))
    if early != 8:
        raise NotYet(_why_not_early(early, given_to))
    return (f"with line 9 on for-accounting.csv the check stops at {given_to:,} of 1,142 parcels, "
            f"and with line 8 after the block that file holds {_script_copies(inside_the_block=False):,}")


def _script_copies(inside_the_block):
    """Return how many parcels the script copies when the copy is made inside the block, or after it."""
    with temporary_folder() as folder:
        path = Path(folder) / "parcels.csv"
        with open(path, "w", newline="", buffering=4096) as export:
            writer = csv.DictWriter(export, fieldnames=list(_parcels(1)[0]))
            writer.writeheader()
            writer.writerows(_parcels())
            copied = path.read_bytes()
        return whole_rows(copied if inside_the_block else path.read_bytes())


def _why_not_blind(line, given_to):
    if line == 8:
        return f"line 8 copies {given_to:,} parcels, that is right; but why does the check not notice? Which file does it count?"
    if line in (1, 7):
        return f"line {line} counts well: written is 1,142 in the end, and so many were written"
    if line == 10:
        return "line 10 only prints, after the check has let the export pass"
    return f"line {line} has to do with writing; the check is in another line, and which file does it look at?"


def _why_not_early(line, given_to):
    if line == 9:
        return "line 9 checks and copies nothing: which line copies, and is the file closed by then?"
    if line == 2:
        return "another buffering= would change how many parcels are missing, not that some are: which line copies too early?"
    if line in (5, 6, 7):
        return f"line {line} handles every parcel, so all 1,142 are written: which line copies before they are all in the file?"
    return f"line {line} is not why the copy holds {given_to:,} parcels: which line copies, and is the file closed by then?"
