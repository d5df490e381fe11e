"""Checks for notebook 08, Recognise it elsewhere."""
import contextlib
import csv
import gzip
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest import mock

from checks.common import (
    ORDERS_FILE,
    NotYet,
    call_arguments,
    calls_in,
    code_of,
    csv_bytes,
    csv_rows,
    exercise,
    first_difference,
    load_orders,
    named_but_not_called,
    names_called,
    one_letter,
    run_python,
    temporary_folder,
    what_stopped,
    whole_number,
)
from checks.induced_failures import error_from, let_step_fail, must_come_out
from checks.windows import as_on_windows

__all__ = ["find_the_attachment", "archive_at_noon", "zip_orders", "upload_orders", "sort_reports", "predict_the_log",
           "fork_four_times", "sort_more_reports"]


# --- First sitting: pandas -------------------------------------------------------------------------------------

SCRIPT = """\
table = pandas.read_csv("orders.csv", dtype=str)

table.to_csv("all.csv", index=False)
attach("all.csv")

with open("first.csv", "w", newline="", encoding="utf-8") as export:
    table.head(10).to_csv(export, index=False)
    attach("first.csv")

with open("last.csv", "wb") as export:
    table.tail(10).to_csv(export, index=False)
    attach("last.csv")

with open("near.csv", "w", newline="", encoding="utf-8") as export:
    table[table["postcode"] == "06000"].to_csv(export, index=False)
attach("near.csv")
"""
WHY_WHOLE = {
    "all.csv": "pandas got the name alone, so it opened and closed the file itself",
    "last.csv": "the file is binary, and there pandas flushes",
    "near.csv": "the block has ended before its name is used",
}


@exercise
def find_the_attachment(my_line):
    """Run the script with an ``attach`` that counts the rows in each file, and answer for the line that was named."""
    lines = SCRIPT.splitlines()
    number = _line_named(my_line, lines)
    if number is None or not 1 <= number <= len(lines):
        raise NotYet(f"answer with the number of one line, from 1 to {len(lines)}")
    found = _rows_attached()
    line = lines[number - 1].strip()
    if not line.startswith("attach("):
        raise NotYet(f"line {number} mails nothing: which of the four lines with attach comes too early?")
    name = line.split('"')[1]
    if found[name]:
        raise NotYet(f"the check has run the script, and {name} was attached with {_rows(found[name])}: {WHY_WHOLE[name]}")
    others = ", ".join(f"{other} {rows:,}" for other, rows in found.items() if rows)
    return f"{name} was attached with 0 rows, because they were still waiting in export; the others had theirs ({others})"


def _line_named(my_line, lines):
    """Return the number in 8, [8], "line 8" or "#8", or of the line that is quoted or whose file is named, else None."""
    if isinstance(my_line, list | tuple | set) and len(my_line) == 1:
        my_line = next(iter(my_line))
    if not isinstance(my_line, str):
        return whole_number(my_line)
    named = [number for number, line in enumerate(lines, start=1)
             if "attach(" in line and line.split('"')[1] in my_line]
    if len(named) == 1 and not re.search(r"\d", my_line):
        return named[0]
    return whole_number(re.sub(r"^\W*(lines?)?\W*", "", my_line, flags=re.IGNORECASE))


def _rows_attached():
    """Run the script in a folder of its own and return how many rows each file held when it was attached."""
    import pandas  # here, so that the other notebooks need not wait for it

    found = {}

    def attach(name):
        text = Path(name).read_text(encoding="utf-8")
        found[name] = max(0, len(list(csv.reader(io.StringIO(text)))) - 1)

    with temporary_folder() as folder, contextlib.chdir(folder):
        Path("orders.csv").write_bytes(ORDERS_FILE.read_bytes())
        exec(compile(SCRIPT, "the script", "exec"), {"pandas": pandas, "attach": attach})
    return found


def _rows(number):
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


# --- First sitting: gzip ---------------------------------------------------------------------------------------

@exercise
def archive_at_noon(my_choice):
    """Do to an archive what the chosen proposal says, and read it at noon and in the evening."""
    choice = one_letter(my_choice, "ABCD")
    noon, evening = _read_at_noon_and_in_the_evening(choice)
    if isinstance(noon, EOFError):
        also = ", and fsync sends on only what has left it" if choice == "B" else ""
        raise NotYet(f"the check has done that, and accounting got EOFError: {noon}. "
                     f"The compressor keeps the end until it is closed{also}")
    if len(evening) < 3:
        raise NotYet(f'accounting reads {len(noon)} orders at noon, but in the evening the archive holds {len(evening)} of 3: '
                     'mode "wt" begins the file anew, and the orders of the morning are gone')
    return f"accounting reads {len(noon)} orders at noon, and all {len(evening)} in the evening"


def _read_at_noon_and_in_the_evening(choice):
    with temporary_folder() as folder:
        path = Path(folder) / "orders.csv.gz"
        archive = gzip.open(path, "wt", encoding="utf-8")
        try:
            archive.write("000001,Tea\n000002,Grapes\n")
            if choice in "AB":
                archive.flush()
            if choice == "B":
                os.fsync(archive.fileno())
            if choice in "CD":
                archive.close()
            noon = _read_archive(path)
            if choice in "CD":
                archive = gzip.open(path, {"C": "at", "D": "wt"}[choice], encoding="utf-8")
            archive.write("000003,Bananas\n")
        finally:
            archive.close()
        return noon, _read_archive(path)


def _read_archive(path):
    try:
        with gzip.open(path, "rt", encoding="utf-8") as archive:
            return archive.read().splitlines()
    except EOFError as error:
        return error


# --- First sitting: zip ----------------------------------------------------------------------------------------

@exercise
def zip_orders(function):
    """Call ``zip_orders(table, path)`` with a data frame of 2 orders, then of all 1,142, and read the archive by its name.

    It is called as on Windows, and the second archive takes the place of the first. In a folder that is not there the error
    must come out.
    """
    from pandas import DataFrame  # here, so that the other notebooks need not wait for pandas

    orders = load_orders()
    with temporary_folder() as folder:
        path = str(Path(folder) / "orders.zip")
        for some in (orders[:2], orders):
            with _kept_archives():
                with as_on_windows(function):
                    _zip_once(function, DataFrame(some), path)
                _judge_zip(path, some, function)
        nowhere = Path(folder) / "not-there" / "orders.zip"
        with _kept_archives():
            error = error_from(function, DataFrame(orders[:2]), str(nowhere))
        if not nowhere.exists():  # a program may make the folder
            must_come_out(error, "", "when there is no folder for the archive")
    return f"the archive is whole, and its member holds all 1,142 orders{_not_on_windows(function)}"


def _zip_once(function, table, path):
    try:
        function(table, path)
    except UnicodeEncodeError as error:
        raise NotYet(f"{error.object[error.start]!r} cannot be written in every encoding: choose utf-8") from None
    except FileExistsError:
        raise NotYet('where an archive is at path already, your function stops with FileExistsError: mode "w" begins it anew') from None
    except ValueError as error:
        if "closed file" not in str(error):
            raise
        why = _who_closed(function) if "BytesIO" in names_called(function) else "The member was closed by then"
        raise NotYet(f"{what_stopped(error, function).rstrip('.')}. {why}") from None


def _not_on_windows(function):
    """Return a remark for the done sentence about a text layer without newline= or encoding=, or ''."""
    for given in call_arguments(function, "TextIOWrapper"):
        if "newline" not in given and 3 not in given:
            return '. (On Windows there would be an empty line after each row: say newline="")'
        if "encoding" not in given and 1 not in given:
            return '. (On Windows the text might not be UTF-8: say encoding="utf-8")'
    return ""


@contextlib.contextmanager
def _kept_archives():
    """Hold on to each zip archive that is opened inside this block: one that nobody closes stays open, as it may anywhere."""
    kept, opened = [], zipfile.ZipFile.__init__

    def open_and_keep(archive, *arguments, **named):
        kept.append(archive)
        opened(archive, *arguments, **named)

    with mock.patch.object(zipfile.ZipFile, "__init__", open_and_keep):
        try:
            yield
        finally:
            for archive in kept:
                with contextlib.suppress(Exception):
                    archive.close()


def _judge_zip(path, orders, function):
    if not Path(path).exists():
        raise NotYet("there is no archive at path")
    try:
        with zipfile.ZipFile(path) as archive:
            names, content = archive.namelist(), b""
            if names == ["orders.csv"]:
                content = archive.read("orders.csv")
    except zipfile.BadZipFile as error:
        content = Path(path).read_bytes()
        if content and not content.startswith(b"PK"):
            raise NotYet(f"BadZipFile: {error}. What stands at path was never a zip archive") from None
        raise NotYet(f"BadZipFile: {error}. Your function does not close the archive: as long as it is open, it has no end") from None
    if names != ["orders.csv"]:
        raise NotYet(f"the archive holds {', '.join(names) or 'no member'}, and it should hold one member, orders.csv{_kept(function)}")
    if trouble := _not_utf8(content, "the member"):
        raise NotYet(trouble)
    rows = _rows_in(content)
    trouble = first_difference(_table(orders), rows, "the member")
    held = max(0, len(rows) - 1)
    if held < len(orders) and _is_empty_or_begins(rows, orders):
        raise NotYet(f"the member holds {held:,} of the {len(orders):,} orders{_kept(function) or _why_waiting(function, 'member')}")
    if trouble:
        raise NotYet(trouble)


def _kept(function):
    return ': mode "a" keeps what the archive has held before' if "'a'" in str(call_arguments(function, "ZipFile")) else ""


# --- First sitting: uploads ------------------------------------------------------------------------------------

@exercise
def upload_orders(function):
    """Call ``upload_orders(table, upload)`` with a data frame of 2 orders, then of all 1,142, and read afterwards.

    ``upload`` keeps the stream, as a library does that sends in the background. It is read when the function
    has returned, from where it stood when it was passed on. Then it fails, and the error must come out.
    """
    orders = load_orders()
    with as_on_windows(function):
        _try_upload(function, orders[:2])
        _try_upload(function, orders)
    _try_broken_upload(function, orders[:2])
    return ("the library was called once, and finds all 1,142 rows when it reads after your function has returned"
            + _not_on_windows(function))


def _try_upload(function, orders):
    uploads = []

    def upload(stream, *_, **__):
        uploads.append(_Upload(stream))

    from pandas import DataFrame  # here, so that the other notebooks need not wait for pandas

    try:
        try:
            function(DataFrame(orders), upload)
        except ValueError as error:
            if "closed file" not in str(error):
                raise
            raise NotYet(f"{what_stopped(error, function).rstrip('.')}. {_who_closed(function)}") from None
        if not uploads:
            raise NotYet("upload was never called")
        if len(uploads) > 1:
            raise NotYet(f"upload was called {len(uploads)} times: once is what was asked for")
        uploads[0].judge(orders, function)
    finally:
        for used in uploads:
            with contextlib.suppress(Exception):
                used.stream.close()


def _try_broken_upload(function, orders):
    from pandas import DataFrame

    def look(stream):
        if _rows_in(stream.read()) != _table(orders):
            raise NotYet("when upload fails, you try again, and then it does not find all rows from where the stream stands: let the error "
                         "through")

    let_step_fail(lambda upload: function(DataFrame(orders), upload), "upload", look)


def _who_closed(function):
    if "memory.close" in calls_in(function):
        return "Your function closes the memory, and a closed memory holds nothing"
    return "Closing the text layer, as the end of a with block does, closes the memory below it, too; detach() takes it off instead"


class _Upload:
    """One call of the library: what it was passed, and how that looked at this moment."""

    def __init__(self, stream):
        self.stream = stream
        self.is_stream = all(hasattr(stream, name) for name in ("read", "seekable", "closed"))
        self.is_text = isinstance(stream, io.TextIOBase)
        self.closed = self.is_stream and stream.closed
        self.can_seek = self.is_stream and not self.closed and stream.seekable()
        if self.can_seek and not self.is_text:
            start = stream.tell()
            self.from_here = stream.read()
            stream.seek(0)
            self.from_start = stream.read()
            stream.seek(start)

    def judge(self, orders, function):
        total = f"{len(orders):,}"
        if isinstance(self.stream, bytes | bytearray | memoryview):
            raise NotYet("the library takes an open stream, and you passed it the bytes themselves: pass the memory")
        if not self.is_stream:
            raise NotYet(f"the library takes an open binary stream, and you passed it {_a(type(self.stream).__name__)}")
        if self.is_text:
            instead = ("a StringIO holds text, and a BytesIO holds bytes" if isinstance(self.stream, io.StringIO) else
                       'open the file with "rb"' if "TextIOWrapper" not in names_called(function) else "pass the memory below")
            raise NotYet(f"the library takes bytes, and you passed it a text stream: {instead}")
        if self.closed:
            raise NotYet("the memory was closed before it was passed on: closing the text layer closes what is below it")
        if not self.can_seek:  # so there is nothing to see before it is read
            self.from_here = self.from_start = self.stream.read()
            self.stream = io.BytesIO(self.from_here)
        if trouble := _not_utf8(self.from_start, "the memory"):
            raise NotYet(trouble)
        rows = _rows_in(self.from_start)
        held = max(0, len(rows) - 1)
        if not _is_empty_or_begins(rows, orders):
            raise NotYet(first_difference(_table(orders), rows, "the upload"))
        if held < len(orders):
            raise NotYet(f"the memory holds {held:,} of the {total} rows when it is passed on"
                         + _why_waiting(function))
        if len(_rows_in(self.from_here)) < len(rows):
            raise NotYet(f"the memory holds all of the {total} rows, but it does not stand at its start when you "
                         "pass it on: the library reads on from there"
                         + (". You named seek but did not call it" if named_but_not_called(function, "seek") else ""))
        try:
            sent = self.stream.read()
        except ValueError:
            raise NotYet("what you passed on was closed when the library came to read it, after your function had returned"
                         + _why_closed(function)) from None
        if sent != self.from_here:
            raise NotYet("when you passed the memory on it stood at its start, and when the library came to read it, it did not: "
                         "your function has read it, or moved in it, meanwhile")
        if trouble := first_difference(_table(orders), _rows_in(sent), "the upload"):
            raise NotYet(trouble)


def _why_waiting(function, below="memory"):
    called = names_called(function)
    if "StringIO" in called and "getvalue" not in called:
        return ": a StringIO stands at its end after to_csv, and read() goes on from there; getvalue() gives all"
    if "BytesIO" in called and {"read", "copyfileobj"} & called and not {"seek", "getvalue"} & called:
        return ": a BytesIO stands at its end after to_csv, and read() goes on from there; getvalue() gives all"
    opens = called & {"open", "NamedTemporaryFile"}
    if opens and "archive.write" in calls_in(function) and not {"flush", "close"} & called:
        return ": the file whose name you gave is still open, and they wait in it"
    if f"{below}.flush" in calls_in(function):
        return f": {below}.flush() works on the {below}, and the rows wait in the text layer above it"
    if any(name.endswith(".buffer.flush") for name in calls_in(function)):
        return f": .buffer.flush() works on the {below}, and the rows wait in the text layer above it"
    if named_but_not_called(function, "flush"):
        return ": you named flush but did not call it; it needs its ()"
    if "sleep" in called:
        return ": they wait in the text layer, and nobody sends them on while you wait"
    if "TextIOWrapper" not in called:
        return ""
    if re.search(r"\bwith [^\n]*TextIOWrapper\(", code_of(function)):
        return ": the others were never written"
    if not called & {"flush", "detach", "close"}:
        return ": the others wait in the text layer"
    if 0 <= code_of(function).find(".flush()") < code_of(function).find(".to_csv("):
        return ": your flush comes before to_csv has written anything"
    if below == "member":
        return ": flush or close the text layer after to_csv, while the member is still open"
    return ""


def _why_closed(function):
    if "memory.close" in calls_in(function):
        return ": your function closes it itself"
    if re.search(r"\bwith [^:]*\b(BytesIO|open|TemporaryFile|SpooledTemporaryFile|NamedTemporaryFile)\(", code_of(function)):
        return ": the end of its with block closes it"
    if "TextIOWrapper" in names_called(function):
        return ": a text layer that is closed, or that goes with your function, closes the memory below it"
    if "close" in names_called(function):
        return ": your function closes it itself"
    return ""


def _a(name):
    return "nothing" if name == "NoneType" else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _not_utf8(content, what):
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return f"the bytes in {what} are not UTF-8"
    return None


def _rows_in(content):
    return csv_rows(bytes(content).decode("utf-8-sig", errors="replace"))


def _table(orders):
    return _rows_in(csv_bytes(orders))


def _is_empty_or_begins(rows, orders):
    return rows[:1] in ([], [list(orders[0])])


# --- Reports ---------------------------------------------------------------------------------------------------

# The letters that are right for each report, and the question that leads to them.
FIRST_REPORTS = [
    ("A", "the name is used in the line after to_csv: who has flushed the open file by then?"),
    ("C", "the flush was made, and the library gets the open file, not its name: from where does it read on?"),
    ("B", "the rows were flushed, and the reader misses the end of the archive: who writes that?"),
    ("A", "nothing is lost, it only comes late, and a terminal is different: where are the lines for that hour?"),
    ("AB", "the archive itself is whole, and it is the text layer above its member that nobody closed: what was in it?"),
]
MORE_REPORTS = [
    ("DA", "the tool wrote to the same file while the command line was waiting: how many writers are there?"),
    ("E", "each worker began as a copy of the first process: what was waiting in it at that moment?"),
    ("D", "the first run's file object was still alive when the second opened the file: how many writers are there?"),
    ("B", "the archive is right in the morning, so no row is lost: what is missing while it is still open?"),
    ("E", "exit code 0 says nothing of the file: how does a forked worker end, and who closes what it has left open?"),
]


@exercise
def sort_reports(my_letters):
    """Compare five letters, A to C, with the causes of the five reports, and help with the first wrong one."""
    _sorted(my_letters, FIRST_REPORTS, "ABC")
    return ("all five reports have their cause. "
            "(A is honest for report 5, and so is B: its rows were waiting, and the text layer was not closed. Closing it cures both.)")


@exercise
def sort_more_reports(my_letters):
    """Compare five letters, A to E, with the causes of the five reports, and help with the first wrong one."""
    answer = _sorted(my_letters, MORE_REPORTS, "ABCDE")
    other = {"D": "A is true of report 1 as well", "A": "You say A for report 1, and D says more"}.get(
        answer[0], "A and D are both true of report 1")
    return f"all five reports have their cause. ({other}: the command line was waiting, and that only mattered because of a second writer.)"


def _sorted(my_letters, reports, among):
    """Return the letters given, one or more a report ("A/D" for one of them), or raise NotYet."""
    answer = _letters_for_each(my_letters, len(reports))
    if answer is None or not set("".join(answer)) <= set(among):
        raise NotYet(f'answer with five letters from A to {among[-1]}, one for each report, such as "{(among * 2)[:5]}"')
    pairs = zip(answer, reports, strict=True)
    wrong = [number for number, (given, (right, _)) in enumerate(pairs, start=1) if not set(given) <= set(right)]
    if wrong:
        right = len(reports) - len(wrong)
        raise NotYet(f"{right} of {len(reports)} {'is' if right == 1 else 'are'} right. Look at report {wrong[0]} again: "
                     f"{reports[wrong[0] - 1][1]}")
    return answer


def _letters_for_each(answer, count):
    """Return such as ["D", "E"] for "DE", "1. D, 2. E", ["d", "e"], {1: "D", 2: "E"}, or None when they are not ``count``."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, str):
        words = re.split(r"[\s,;]+", answer)
    elif isinstance(answer, list | tuple):
        words = list(map(str, answer))
    else:
        return None
    words = [found for word in words if (found := re.sub("[^A-Z]", "", word.upper()))]
    for letters in (words, list("".join(words))):
        if len(letters) == count:
            return letters
    return None


# --- Second sitting: a log, and a fork -------------------------------------------------------------------------

LOG_LINES = ["start", "sort now", "sorting", "end"]


@exercise
def predict_the_log(my_lines):
    """Run the program with a real child process and compare the lines of its log with the answer, a list."""
    if isinstance(my_lines, set | frozenset):
        raise NotYet("a set has no order: answer with a list")
    if isinstance(my_lines, str):
        my_lines = re.findall(r"sort(?:[\s_]+now|ing)|[a-z]+", my_lines.lower())
    try:
        words = [str(line).lower().replace("_", " ").split() for line in my_lines]
    except TypeError:
        words = []
    answer = [line for line in (re.sub(r"^\W*\d*\W*|\W*$", "", " ".join(line)) for line in words) if line]
    found = _run_the_logging_program()
    if answer == found:
        return "the log holds: " + ", ".join(found)
    if sorted(answer) != sorted(LOG_LINES):
        raise NotYet('answer with these four in the right order: "start", "sort now", "sorting", "end"')
    if answer == LOG_LINES:
        raise NotYet('this is the order of the program, but "sort now" was written after the flush: where is it in line 5?')
    if answer[0] == "sorting":
        raise NotYet('"sorting" is not the first line: what has line 3 done with "start"?')
    if answer[-1] == "sorting":
        raise NotYet('"sorting" is not the last line: it is in the file when line 5 has ended, and what still waits comes later')
    raise NotYet("your program writes its own three lines in their order; where does the child come in between?")


def _run_the_logging_program():
    sort_orders = [sys.executable, "-I", "-c", "print('sorting')"]
    with temporary_folder() as folder:
        path = Path(folder) / "job.log"
        with open(path, "w", newline="", encoding="utf-8") as log:
            log.write("start\n")
            log.flush()
            log.write("sort now\n")
            subprocess.run(sort_orders, stdout=log, check=True)
            log.write("end\n")
        return path.read_text(encoding="utf-8").splitlines()


FORKING = """\
import os, sys
export = open(sys.argv[1], "w")
export.write("id,item\\n")
for number in range(4):
    if os.fork() == 0:
        export.write(f"{number},Tea\\n")
        export.flush()
        os._exit(0)
    os.wait()
export.close()
"""
ON_WINDOWS = ["id,item", "0,Tea", "id,item", "1,Tea", "id,item", "2,Tea", "id,item", "3,Tea", "id,item"]  # it has no fork


@exercise
def fork_four_times(my_lines):
    """Run the program, where the system can fork, and compare the number of lines in its file with the answer."""
    answer = whole_number(my_lines)
    if answer is None:
        raise NotYet("answer with a whole number of lines")
    found = _lines_after_four_forks()
    if answer == len(found):
        headers = found.count("id,item")
        return f"the file has {headers} headers and {len(found) - headers} orders, {len(found)} lines"
    if answer == 5:
        raise NotYet("5 is one header and 4 orders, as if nothing were copied: what was waiting when each child began?")
    if answer == 8:
        raise NotYet("8 is a header and an order from each child: who else still has a header waiting, in line 9?")
    if answer == 6:
        raise NotYet("6 is 4 orders and 2 headers: line 4 forks four times, not once, and each child gets a copy")
    if answer == 10:
        raise NotYet("10 is 5 headers and 5 orders: but only the children write orders, one each")
    if answer == 4:
        raise NotYet("4 is the orders alone: where does the header go that was waiting when each child began?")
    if answer > len(found):
        raise NotYet(f"{answer:,} is too many: each child ends in line 7, so it forks no further, and it flushes two lines at most")
    raise NotYet(f"{answer:,} is too few: count what each of the four children sends on in line 6, then what line 9 sends on")


def _lines_after_four_forks():
    if not hasattr(os, "fork"):
        return ON_WINDOWS
    with temporary_folder() as folder:
        path = Path(folder) / "workers.csv"
        run_python(FORKING, path)
        return path.read_text(encoding="utf-8").splitlines()
