"""Checks for notebook 03, Meet the empty file."""
import csv
import shutil
import tempfile
from pathlib import Path

from checks.common import (
    ORDERS_FILE,
    NotYet,
    code_of,
    exercise,
    letters,
    load_orders,
    read_by_another_process,
    run_python,
    temporary_folder,
    whole_number,
    whole_rows,
    why_still_waiting,
)

__all__ = ["place_the_line", "which_places", "copy_out"]

PROGRAM = """
import csv, sys
path = sys.argv[1]
bananas = {"order_id": "000001", "item": "Bananas"}
grapes = {"order_id": "000002", "item": "Grapes"}
def upload_by_name(path):
    with open(path, "rb") as uploaded:
        print(uploaded.read().hex())
""".lstrip()
NUMBERED = """
with open(path, "w", newline="", encoding="utf-8") as export:
    writer = csv.DictWriter(export, fieldnames=["order_id", "item"])
    writer.writeheader()
    writer.writerow(bananas)
    writer.writerow(grapes)
    upload_by_name(path)
    print("uploaded")
""".strip().splitlines()


@exercise
def place_the_line(my_line):
    """Run the numbered program with ``export.flush()`` after line ``my_line`` and count the uploaded rows."""
    my_line = whole_number(my_line)
    if my_line is None or not 1 <= my_line <= len(NUMBERED):
        raise NotYet(f"answer with the number of a line, 1 to {len(NUMBERED)}")
    lines = [*NUMBERED[:my_line], "    export.flush()", *NUMBERED[my_line:]]
    with temporary_folder() as folder:
        printed = run_python(PROGRAM + "\n".join(lines), Path(folder) / "orders.csv").stdout
    uploaded = bytes.fromhex(printed.split("uploaded")[0].strip())
    rows = whole_rows(uploaded)
    if rows == 2:
        return "the upload holds both rows"
    if my_line >= 6:
        raise NotYet("the upload holds 0 of 2 rows: it read the file before your flush")
    if my_line == 4:
        raise NotYet("the upload holds 1 of 2 rows: the second was written after your flush")
    if my_line == 3:
        raise NotYet("the upload holds the header and 0 of 2 rows: both were written after your flush")
    raise NotYet("the upload holds 0 of 2 rows: when your flush ran, nothing had been written yet")


@exercise
def which_places(my_places):
    """Run the loop once for each of the places A, B and C and compare with the answer, a set of letters."""
    answer = letters(my_places)
    if not answer or not answer <= {"A", "B", "C"}:
        raise NotYet('answer with a set of letters, such as {"A", "B"}')
    rows = {place: _rows_with_flush_at(place) for place in "ABC"}
    right = {place for place, count in rows.items() if count == len(load_orders())}
    if answer == right:
        return "B and C give all 1,142 rows; C makes fewer trips"
    if "A" in answer:
        others = "" if {"B", "C"} <= answer else "; and one of the others is missing"
        raise NotYet(f"with A alone the copy holds {rows['A']} of 1,142 rows: A runs before the first row is written{others}")
    if answer == {"C"}:
        raise NotYet("C is right, but it is not the only one: what has B sent after the last turn of the loop?")
    if answer == {"B"}:
        raise NotYet("B is right, but it is not the only one: what is still waiting when C runs?")
    raise NotYet("two of the three places give a complete copy")


def _rows_with_flush_at(place):
    orders = load_orders()
    with temporary_folder() as folder:
        target = Path(folder) / "copy.csv"
        with open(Path(folder) / "export.csv", "w", newline="", encoding="utf-8", buffering=1 << 20) as export:
            writer = csv.DictWriter(export, fieldnames=list(orders[0]))
            writer.writeheader()
            if place == "A":
                export.flush()
            for order in orders:
                writer.writerow(order)
                if place == "B":
                    export.flush()
            if place == "C":
                export.flush()
            shutil.copyfile(export.name, target)
        return whole_rows(target.read_bytes())


@exercise
def copy_out(function):
    """Call ``copy_out(orders, export, target)`` with 1,142 orders and let another process read the copy.

    The file gets a buffer of 1 MiB, so that nothing reaches the copy by luck. Afterwards the caller writes one
    more row to ``export``: it must stand behind the 1,142 others.
    """
    orders = load_orders()
    code = code_of(function)
    with temporary_folder() as folder:
        target = Path(folder) / "copy.csv"
        with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", dir=folder, delete=False,
                                         buffering=1 << 20) as export:
            function(orders, export, target)
            closed = export.closed
            seen = read_by_another_process(export.name)
            copied = read_by_another_process(target)
            if not closed:
                export.write("one more row\r\n")
        written = read_by_another_process(export.name)
    if copied is None:
        raise NotYet("there is no copy: nothing was written to target")
    rows = whole_rows(copied)
    if rows == len(orders) and copied != ORDERS_FILE.read_bytes():
        raise NotYet("the copy holds 1,142 rows, but they are not the orders, column by column")
    if rows == len(orders):
        if closed:
            raise NotYet("the copy is complete, but you closed export: the caller can no longer write to it")
        if seen != copied or written != copied + b"one more row\r\n":
            raise NotYet("the copy is complete, but export is not as the caller expects: the rows belong into it, "
                         "and the caller's next row must come behind them")
        if ".tell()" in code and ".flush()" not in code:
            return "all 1,142 rows, because tell() flushes as a side effect; flush() says what you mean"
        return "another process finds all 1,142 rows in the copy"
    raise NotYet(f"the copy holds {rows:,} of 1,142 rows{_why_short(code, closed)}")


def _why_short(code, closed):
    """Return the rest of a sentence for a short copy: why what the learner did does not help."""
    if closed:
        return ": the file was closed after the copy was made, and closed it must not be"
    if why_still_waiting(code):
        return f": {why_still_waiting(code)}"
    if ".flush()" in code and "copyfile" in code and code.index(".flush()") > code.index("copyfile"):
        return ": your flush comes after the copy was made"
    if ".flush()" in code:
        return ": your flush comes before the rows; what is written later waits again"
    return ": the rows are still waiting when the copy is made"
