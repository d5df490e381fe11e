"""Checks for notebook 05, Look inside the buffer."""
import contextlib
import csv
import io
import re
import sys
import warnings
from pathlib import Path

from checks.common import (
    NotYet,
    call_arguments,
    calls_in,
    csv_bytes,
    exercise,
    first_difference,
    letters,
    load_orders,
    names_called,
    open_files,
    order_of,
    read_by_another_process,
    temporary_folder,
    whole_numbers,
    whole_rows,
    why_still_waiting,
)
from checks.windows import as_on_windows

__all__ = ["overtake", "trace_trips", "halve_the_trips", "visible_log", "which_switch", "bound"]

PIECES, BUFFER_SIZE = [45, 45, 45, 120, 20, 20], 100
MOST_ORDERS_BEHIND = 10
MOST_IN_TEXT_LAYER, SMALL_BUFFER, LARGE_BUFFER = 8192, 4096, 131_072


class _NotingFile(io.FileIO):
    """A real file that keeps what each trip brings."""

    def __init__(self, path):
        super().__init__(path, "w")
        self.trips = []

    def write(self, data):
        self.trips.append(bytes(data))
        return super().write(data)


def _count(number, thing):
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _by_their_numbers(answer, count):
    """Return "ABC" for "3C, 2B, 1A" and for {1: "A", 2: "B", 3: "C"}, and any other answer as it is."""
    text = " ".join(f"{number}: {letter}" for number, letter in answer.items()) if isinstance(answer, dict) else answer
    pairs = sorted(re.findall(r"(\d)[\s.:)=-]*([A-Za-z])\b", text)) if isinstance(text, str) else []
    in_order = [str(number) for number in range(1, count + 1)]
    return "".join(letter for _, letter in pairs) if [number for number, _ in pairs] == in_order else answer


# --- overtake ----------------------------------------------------------------------------------------------------

@exercise
def overtake(my_order):
    """Write three lines through the three objects of a file, and compare their order in it with the answer."""
    answer = order_of(_by_their_numbers(my_order, 3))
    if sorted(answer) != ["A", "B", "C"]:  # the example that order_of() gives would be the answer
        raise NotYet('answer with the letters A, B and C, each once, in the order of the file, such as "ABC"')
    with temporary_folder() as folder:
        path = Path(folder) / "order.txt"
        with open(path, "w", newline="") as export:
            export.write("A\n")
            export.buffer.write(b"B\n")
            export.buffer.raw.write(b"C\n")
        found = "".join(path.read_text().split())
    if answer == found:
        return f"the file holds {', '.join(found)}: what enters further in is in the file earlier"
    if answer == "ABC":
        raise NotYet("the file does not hold A, B, C: that is the order of the lines of the program, but two of the three objects "
                     "keep what they get")
    if answer[0] != "C":
        raise NotYet(f"the first is not {answer[0]}: one of the three objects keeps nothing, so its line is in the file at once")
    raise NotYet("C is the first, as you say; when the block ends, B waits in the byte buffer already, and A still has to come down to it")


# --- trace_trips -------------------------------------------------------------------------------------------------

@exercise
def trace_trips(my_trips):
    """Give six pieces to a byte buffer of 100 bytes above a file that notes its trips, and compare their sizes."""
    answer = _sizes_in(my_trips) if isinstance(my_trips, str) else whole_numbers(my_trips)
    if not answer:
        raise NotYet('answer with the sizes of the trips in their order, such as "45, 45, 45"')
    with temporary_folder() as folder:
        noting_file = _NotingFile(Path(folder) / "pieces.bin")
        with io.BufferedWriter(noting_file, BUFFER_SIZE) as byte_buffer:
            for size in PIECES:
                byte_buffer.write(b"x" * size)
    trips = [len(trip) for trip in noting_file.trips]
    if answer == trips:
        return f"the raw file made the same {len(trips)} trips, and no piece was cut in two"
    if isinstance(my_trips, str) and re.search(r"\d\s*[*x\u00d7+]\s*\d", my_trips) and sum(answer) != sum(PIECES):
        raise NotYet('write one number for each trip, with commas between them, such as "45, 45, 45"')
    raise NotYet(_wrong_trips(answer, trips))


def _sizes_in(text):
    """Return the numbers in ``text``: "90 bytes, then 45" has two, "trip 1: 45+45" has 90; where + joins all, each counts."""
    text = re.sub(r"\b(?:trip\s*)?[1-9]\s*(?:[:)]|\.\s)|\.0+\b", " ", text, flags=re.IGNORECASE)
    sums = re.findall(r"(?<!\d)-?\d+(?:\s*\+\s*\d+)*", text)
    return [sum(map(int, one.split("+"))) for one in (sums if len(sums) > 1 else re.findall(r"(?<!\d)-?\d+", text))]


def _wrong_trips(answer, trips):
    total = sum(PIECES)
    if answer == PIECES:
        return "that is one trip for each piece: but a piece that fits into the buffer waits there"
    if answer == [total]:
        return f"that is one trip for all: but the pieces are {total} bytes and the buffer holds {BUFFER_SIZE}"
    if answer == [len(trips)]:
        return f"{len(trips)} is how many trips there are: answer with the bytes that each of them brings"
    if answer == trips[:len(answer)]:
        return f"these trips are right, but they bring {sum(answer)} of {total} bytes: what happens to the rest?"
    if sum(answer) != total:
        return f"your trips bring {_count(sum(answer), 'byte')}, and the pieces are {total} bytes together"
    if min(answer) < 1:
        return "a trip brings at least one byte: when nothing waits, closing makes none"
    if BUFFER_SIZE in answer:
        return f"a trip of {BUFFER_SIZE} would cut a piece in two: the buffer is not filled to the brim, what waits goes first"
    if 165 in answer or 160 in answer or 140 in answer:
        return "the piece of 120 travels with no other: what waits goes first, and then the 120 by themselves"
    if answer == [*trips[:-1], *PIECES[-2:]]:
        return "the first three trips are right; then two pieces of 20 wait, and both fit: what makes them leave?"
    if answer[0] == 135:
        return f"the first trip is not 135 bytes: the third piece does not fit beside the first two, for the buffer holds {BUFFER_SIZE}"
    right = next((place for place, (mine, real) in enumerate(zip(answer, trips, strict=False)) if mine != real), len(trips))
    if right == len(trips):
        return f"your first {len(trips)} trips are right, and after them nothing is left"
    return f"trip {right + 1} is not {_count(answer[right], 'byte')}: which piece no longer fits, and what is waiting then?"


# --- halve_the_trips ---------------------------------------------------------------------------------------------

@exercise
def halve_the_trips(write_live):
    """Call ``write_live(orders, export)`` with 1,142, 1,141 and 7 orders on a file that notes its trips; count and compare.

    The numbers are even and odd, and only one of them ends near a ten: what is left over at the end must go as well. At last
    every second order is left out, for an id that ends in 0 is no count. The byte buffer holds 1 MiB, so that no trip
    happens by luck.
    """
    orders, counts = load_orders(), []
    for some, which in [(orders, ""), (orders[:-1], ""), (orders[:7], ""), (orders[::2], " with odd numbers")]:
        trips = _live_trips(write_live, some)
        _judge_live(some, trips, f"{len(some):,} orders{which}", write_live)
        counts.append(len(trips))
    return (f"{counts[0]:,} trips for {len(orders):,} orders, {_count(counts[2], 'trip')} for 7, and the screen is never more than "
            f"{MOST_ORDERS_BEHIND} orders behind")


def _live_trips(write_live, orders):
    """Return what each trip brings while ``write_live`` runs."""
    with temporary_folder() as folder:
        path = Path(folder) / "live.csv"
        noting_file, given = _NotingFile(path), [dict(order) for order in orders]
        export = io.TextIOWrapper(io.BufferedWriter(noting_file, 1 << 20), encoding="utf-8", newline="")
        try:
            write_live(given, export)
            trips = list(noting_file.trips)
            if path.exists() and path.stat().st_size > sum(map(len, trips)):
                raise NotYet("something went to the file past export: write to the export that you got, because the caller "
                             "goes on with it")
            if given != orders:
                raise NotYet("when write_live returns, the caller's orders are no longer what they were: "
                             f"the list had {len(orders):,}, and now it has {len(given):,}" if len(given) != len(orders) else
                             "when write_live returns, the caller's orders are no longer what they were")
            if _is_closed(export):
                raise NotYet("you closed export, and the caller can no longer write to it")
        finally:
            with contextlib.suppress(ValueError):  # it was detached
                export.close()
            noting_file.close()
    return trips


def _is_closed(export):
    try:
        return export.closed
    except ValueError:
        raise NotYet("you took export apart with detach(), and the caller can no longer write to it") from None


def _judge_live(orders, trips, number, write_live):
    rows_in, count = [_orders_in(trip) for trip in trips], _count(len(trips), "trip")
    why = f" ({why})" if (why := why_still_waiting(write_live)) else ""
    if not trips:
        raise NotYet(f"not one trip: when write_live returns, all {number} are still waiting in the file object{why}")
    headers = sum(sorted(row) == sorted(orders[0]) for row in _rows_in(b"".join(trips)))
    if headers > 1:
        raise NotYet(f"the header stands {headers:,} times in what reached the screen: once, before the first order, is enough")
    if max(rows_in) > MOST_ORDERS_BEHIND:
        one = f"{'it' if len(trips) == 1 else 'one of them'} brought {max(rows_in):,} orders"
        raise NotYet(f"{count} for {number}, but {one}: until then the screen was {max(rows_in):,} behind{why}")
    if len(trips) > (len(orders) + 1) // 2:  # who flushes after each second order may send a last one by itself
        by_line = any(given.get("line_buffering") == "True" for given in call_arguments(write_live, "reconfigure"))
        raise NotYet(f"{count} for {number}, and half of {len(orders):,} is {len(orders) / 2:g}: "
                     + ("with line_buffering=True each line end flushes" if by_line else "each flush that sends something is a trip"))
    if sum(rows_in) < len(orders) and b"".join(trips) == csv_bytes(orders)[:sum(map(len, trips))]:
        raise NotYet(f"when write_live returns after {number}, {sum(rows_in):,} of them are visible: who sends the last ones?{why}")
    difference = first_difference(csv_bytes(orders), b"".join(trips), "what reached the screen", as_rows=True)
    if difference:
        raise NotYet(difference)


def _rows_in(content):
    return list(csv.reader(io.StringIO(content.decode("utf-8", errors="replace"), newline="")))


def _orders_in(trip):
    rows = _rows_in(trip)
    return len(rows) - (bool(rows) and rows[0][:1] == ["order_id"])


# --- visible_log -------------------------------------------------------------------------------------------------

MESSAGES = ["started", "Łódź done", "finished"]
SHORT_ROWS = [["a"], []]  # a byte buffer of a few bytes keeps these back, when the longer ones go straight through it


@exercise
def visible_log(open_log):
    """Open a log with ``open_log(path)``, as on Windows too, write rows, and let another program read after each."""
    with temporary_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a binary file with buffering=1 warns, and the sentence below says it better
        path = Path(folder) / "log.csv"
        with as_on_windows(open_log):
            log = _opened(open_log, path)
            try:
                _watch_the_log(log, path, open_log)
            finally:
                if callable(getattr(log, "close", None)):
                    log.close()
                for file in open_files(path):  # of an object that has nothing but a write method
                    file.close()
    return "another program sees each row as soon as it is written, whole and with its letters"


NOW_AND_THEN = "a flush that comes from time to time is late for a reader who looks at once"


def _opened(open_log, path):
    try:
        log = open_log(path)
    except ValueError as error:
        if "unbuffered" in str(error):
            raise NotYet("a text file cannot go without its byte buffer: buffering=0 is for files of bytes") from None
        raise
    except TypeError as error:
        told = str(error)
        if "keyword argument" not in told or not re.search("'(line_buffering|write_through|buffering)'", told):
            raise
        raise NotYet(f"your function stops with TypeError: {error}. open() takes buffering= alone; line_buffering= and "
                     "write_through= are for reconfigure()") from None
    if log in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        raise NotYet("that is the screen, and no file: open the file at path, and return it")
    if log is None:
        raise NotYet("open_log returned None: it must return the open file")
    if not callable(getattr(log, "write", None)):
        raise NotYet(f"open_log returned a {type(log).__name__}, and csv.writer needs something with a write method, such as an open file")
    if getattr(log, "closed", False):
        raise NotYet("the log is closed already, and the job cannot write to it any more")
    if isinstance(log, io.TextIOWrapper) and isinstance(log.buffer, io.TextIOBase):
        log.buffer.close()
        raise NotYet("your TextIOWrapper stands around a text file, and gives it bytes: TypeError: write() argument must be str, "
                     "not bytes. open() has made the TextIOWrapper already; give the switch to that one")
    if isinstance(log, io.RawIOBase | io.BufferedIOBase):
        raise NotYet("the log is binary now: csv.writer writes text, and such a file takes only bytes")
    return log


def _watch_the_log(log, path, open_log):
    rows = [["time", "message"]]
    rows += [[f"12:0{number}", message] for number, message in enumerate(MESSAGES, start=1)]
    writer, seen = csv.writer(log), b""
    for number, row in enumerate(rows + SHORT_ROWS):
        before = seen
        try:
            writer.writerow(row)
        except UnicodeEncodeError:
            raise NotYet(f'the row {row} stops the job: its letters need encoding="utf-8", and Windows takes another by itself') from None
        except TypeError as error:
            if "must be str, not bytes" not in str(error):
                raise
            raise NotYet(f"the job stops with TypeError: {error}. What you put around the file gives it bytes, "
                         "and the file waits for text") from None
        at_once = path.read_bytes() if path.exists() else b""
        seen = read_by_another_process(path)
        if seen is None:
            raise NotYet("there is no file at path: the other program looks for it by that name")
        if len(at_once) < len(seen):  # a thread that flushes now and then sent it before the other process had started
            raise NotYet(f"the row {row} is not visible when writerow returns, but a moment later: {NOW_AND_THEN}")
        if row in SHORT_ROWS:
            if seen == before:
                raise NotYet(f"the longer rows are visible at once, but the row {row} is not: a row that fits into the byte buffer "
                             "waits there")
        elif number and (found := whole_rows(seen.replace(b"\r\r\n", b"\r\n"))) < number:
            raise NotYet(f"after {_count(number, 'row')} another program sees {found}{_why_not_visible(open_log)}")
    if names_called(open_log) & {"Thread", "Timer"}:  # its flush may have come in time by luck, on a quiet machine
        raise NotYet("each row was seen this time, by luck: " + NOW_AND_THEN)
    if b"\r\r\n" in seen:
        raise NotYet('each row is visible at once, but on Windows with a blank line after it: leave newline="" in')
    expected = io.StringIO(newline="")
    csv.writer(expected).writerows(rows + SHORT_ROWS)
    difference = first_difference(expected.getvalue().encode("utf-8"), seen, "the log", as_rows=True)
    if difference:
        raise NotYet(difference)


def _why_not_visible(open_log):
    calls = calls_in(open_log)
    if names_called(open_log) & {"Thread", "Timer"}:
        return f": {NOW_AND_THEN}"
    if any(name.endswith(".flush") and not name.endswith(".buffer.flush") for name in calls):
        return ": your flush runs when the log is opened, and no row is there yet"
    if why := why_still_waiting(open_log):
        return f": {why}"
    third = "buffering" if "os.open" in calls else 2
    sizes = [given.get("buffering", given.get(third)) for given in call_arguments(open_log, "open")]
    if any(size is not None and re.fullmatch(r"[2-9]|[1-9][\d_]+", size) for size in sizes):  # 0 and 1 are no sizes
        return ": that number is the size of the byte buffer, and the rows wait above it, in the text layer"
    return ": the rows wait in the file object"


# --- which_switch ------------------------------------------------------------------------------------------------

RIGHT_SWITCHES = "ABCF"
ABOUT_SWITCHES = {  # (job, letter) -> why it does not fit
    (1, "B"): "a flush is not needed, because the end of the block sends what waits",
    (1, "C"): "a flush at each line end makes a trip for each of a million rows, and nobody looks before the block has ended",
    (2, "A"): "with nothing at all the rows still wait at the moment when the name is handed over",
    (2, "C"): "a trip for each row works, but there is only one moment at which somebody looks",
    (3, "A"): "with nothing at all the colleague sees no row for hours",
    (3, "B"): "one flush sends what waits now, and a minute later the next row waits again",
    (4, "A"): "with nothing at all the log stays as it is",
    (4, "B"): "one flush shows what was printed up to then, and nothing of what comes later",
    (4, "C"): "buffering=1 is for a file that you open, and print writes to one that Python has opened",
}


@exercise
def which_switch(my_switches):
    """Compare four letters, one for each job, with those that fit best, and say of the first wrong one why it does not."""
    if isinstance(my_switches, set | frozenset):
        raise NotYet('a set has no order: answer with four letters in one text, such as "FEDC"')
    answer = order_of(_by_their_numbers(my_switches, len(RIGHT_SWITCHES)))
    if len(answer) != len(RIGHT_SWITCHES) or not set(answer) <= set("ABCDEF"):
        raise NotYet('answer with four letters from A to F, one for each job, such as "FEDC"')
    for job, (mine, right) in enumerate(zip(answer, RIGHT_SWITCHES, strict=True), start=1):
        if mine != right:
            raise NotYet(f"job {job} is not {mine}: {_why_not_this(job, mine)}")
    return "no switch for the export, one flush for the one moment, buffering=1 for the watched file, -u for print"


def _why_not_this(job, letter):
    general = {"D": "buffering=1024 sets the size of the byte buffer, and the text layer above it keeps what it kept",
               "E": "with write_through the rows wait in the byte buffer, one place further down",
               "F": "-u is for print, and changes nothing for a file that you open"}
    if job == 1 and letter in "DE":
        return "this export needs no switch, because the end of the block sends all"
    if job == 4 and letter in "DE":
        return "this sets something for a file that you open, and print writes to one that Python has opened"
    return ABOUT_SWITCHES.get((job, letter)) or general[letter]


# --- bound -------------------------------------------------------------------------------------------------------

@exercise
def bound(my_exports):
    """Work out for which of six exports a missing flush can be the reason, and compare with the answer."""
    answer = letters(my_exports)
    if not answer or not answer <= set("ABCDEF"):  # the example that some_letters() gives would be of right letters
        raise NotYet('answer with letters from A to F in one text, such as "BDE"')
    small, large = (size + MOST_IN_TEXT_LAYER for size in (SMALL_BUFFER, LARGE_BUFFER))
    if "E" in answer:
        raise NotYet("E cannot be one: what waits is always the last that was written, and E lacks something in the middle")
    for letter, missing in [("B", 64_000), ("D", 90_000)]:
        if letter in answer:
            raise NotYet(f"{letter} cannot be one: with a buffer of {SMALL_BUFFER:,} bytes at most {small:,} wait, "
                         f"and {letter} lacks {missing:,}")
    for letter, missing, size in [("F", 6_000, small), ("A", 64_000, large), ("C", 90_000, large)]:
        if letter not in answer:
            raise NotYet(f"{letter} can be one, too: it lacks the last {missing:,} bytes, and with its Python up to {size:,} can wait")
    return f"A, C and F lack an end that fits into what can wait: {large:,} bytes with Python 3.14, {small:,} before"
