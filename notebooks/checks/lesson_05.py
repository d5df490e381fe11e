"""Checks for notebook 05, Look inside the buffer."""
import csv
import io
import re
import warnings
from pathlib import Path

from checks.common import (
    NotYet,
    code_of,
    csv_bytes,
    exercise,
    load_orders,
    read_by_another_process,
    temporary_folder,
    whole_rows,
    why_still_waiting,
)

__all__ = ["trace_trips", "visible_log", "halve_the_trips"]

ROW_SIZES, BUFFER_SIZE = [45, 45, 45, 120, 20, 20], 100
MOST_ROWS_BEHIND = 10


class _NotingFile(io.FileIO):
    """A real file that keeps what each trip brings."""

    def __init__(self, path):
        super().__init__(path, "w")
        self.trips = []

    def write(self, data):
        self.trips.append(bytes(data))
        return super().write(data)


@exercise
def trace_trips(my_trips):
    """Write six rows through a byte buffer of 100 bytes into a recorder and compare the sizes of its trips."""
    try:
        answer = [int(size) for size in my_trips]
    except (TypeError, ValueError):
        raise NotYet("answer with a list of sizes, such as [100, 195]") from None
    with temporary_folder() as folder:
        noting_file = _NotingFile(Path(folder) / "rows.bin")
        with io.BufferedWriter(noting_file, BUFFER_SIZE) as byte_buffer:
            for size in ROW_SIZES:
                byte_buffer.write(b"x" * size)
    trips = [len(trip) for trip in noting_file.trips]
    if answer == trips:
        return "the recorder saw the same four trips"
    if answer == ROW_SIZES:
        raise NotYet("that is one trip a row: but a row that fits into the buffer waits there")
    if answer == [sum(ROW_SIZES)]:
        raise NotYet("that is one trip for all: but the rows are 295 bytes and the buffer holds 100")
    if sum(answer) < sum(ROW_SIZES) and answer == trips[:len(answer)]:
        raise NotYet(f"these trips are right, but they carry {sum(answer)} of 295 bytes: what happens to the rest at the end?")
    if sum(answer) != sum(ROW_SIZES):
        raise NotYet(f"your trips carry {sum(answer)} bytes, and the rows are 295 bytes")
    if BUFFER_SIZE in answer:
        raise NotYet("a trip of 100 would cut a row in two: a buffer is not filled to the brim, what waits goes first")
    if 165 in answer or 160 in answer:
        raise NotYet("the row of 120 travels with no other: what waits goes first, then the 120 by itself")
    if answer == [*trips[:-1], *ROW_SIZES[-2:]]:
        raise NotYet("the first three trips are right; then two rows of 20 wait, and both fit: what makes them leave?")
    right = next((place for place, (mine, real) in enumerate(zip(answer, trips, strict=False)) if mine != real), len(trips))
    raise NotYet(f"trip {right + 1} is not {answer[right]} bytes: which row no longer fits, and what is waiting then?")


@exercise
def visible_log(open_log):
    """Open a log with ``open_log(path)``, write three rows with csv.writer, let another process read after each."""
    code = code_of(open_log)
    with temporary_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a binary file with buffering=1 warns, and the sentence below says it better
        path = Path(folder) / "log.csv"
        log = _opened(open_log, path)
        try:
            _watch_the_log(log, path, code)
        finally:
            log.close()
    return "another process sees each row as soon as it is written"


def _opened(open_log, path):
    try:
        log = open_log(path)
    except ValueError as error:
        if "unbuffered" in str(error):
            raise NotYet("a text file cannot go without its byte buffer: buffering=0 is for binary files") from None
        raise
    if log is None:
        raise NotYet("open_log returned None: it must return the open file")
    if not (hasattr(log, "write") and hasattr(log, "close")):
        raise NotYet(f"open_log returned a {type(log).__name__}: it must return the open file")
    if getattr(log, "closed", False):
        raise NotYet("the log is closed already: the job cannot write to it any more")
    return log


def _watch_the_log(log, path, code):
    if isinstance(log, io.RawIOBase | io.BufferedIOBase):
        raise NotYet("the log is binary now: csv.writer writes text, and such a file takes only bytes")
    writer = csv.writer(log)
    writer.writerow(["time", "message"])
    for number, message in enumerate(["started", "halfway", "finished"], start=1):
        writer.writerow([f"12:0{number}", message])
        seen = read_by_another_process(path)
        if seen is None:
            raise NotYet("there is no file at path: the other process looks for it by that name")
        rows = whole_rows(seen.replace(b"\r\r\n", b"\r\n"))  # Windows, where newline='' was left out
        if rows != number:
            raise NotYet(f"after {number} written, another process sees {rows}{_why_not_visible(code)}")


def _why_not_visible(code):
    if ".flush()" in code:
        return ": your flush runs when the log is opened, before there is a row"
    if why_still_waiting(code):
        return f": {why_still_waiting(code)}"
    if re.search(r"buffering=\s*\d", code) or re.search(r"open\([^()]*,\s*'\w+',\s*\d", code):
        return ": that number is the size of the byte buffer, and the rows wait above it, in the text layer"
    return ": the rows wait in the file object"


@exercise
def halve_the_trips(write_live):
    """Call ``write_live(orders, export)`` on a file that keeps its trips; count them, and the rows in each.

    The byte buffer holds 1 MiB, so that no trip happens by luck.
    """
    orders = load_orders()
    with temporary_folder() as folder:
        noting_file = _NotingFile(Path(folder) / "live.csv")
        with io.TextIOWrapper(io.BufferedWriter(noting_file, 1 << 20), encoding="utf-8", newline="") as export:
            write_live(orders, export)
            closed, trips = export.closed, list(noting_file.trips)
    if closed:
        raise NotYet("you closed export: every row is visible, but the caller can no longer write to it")
    rows_in = [_data_rows(trip) for trip in trips]
    count = f"{len(trips):,} trip" if len(trips) == 1 else f"{len(trips):,} trips"
    if not trips:
        raise NotYet("not one trip: when write_live returns, all 1,142 rows are still waiting in the file")
    if max(rows_in) > MOST_ROWS_BEHIND:
        raise NotYet(f"{count}, but one of them brought {max(rows_in):,} rows: until then the screen was that many rows behind")
    if sum(rows_in) < len(orders):
        raise NotYet(f"{count}, but when write_live returns {sum(rows_in):,} of 1,142 rows are visible: who sends the last ones?")
    if b"".join(trips) != csv_bytes(orders):
        raise NotYet("the rows that arrived are not the orders: write a header, then each order once")
    if len(trips) > len(orders) // 2:
        raise NotYet(f"{count}, and half of 1,142 is 571: a flush, or a line end in a line-buffered file, is a trip")
    return f"{count} instead of 1,142, and the screen is never more than {MOST_ROWS_BEHIND} rows behind"


def _data_rows(trip):
    rows = list(csv.reader(io.StringIO(trip.decode("utf-8", errors="replace"), newline="")))
    return len(rows) - (bool(rows) and rows[0][:1] == ["order_id"])
