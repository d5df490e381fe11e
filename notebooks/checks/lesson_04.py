"""Checks for notebook 04, Count the missing rows."""
import contextlib
import csv
import io
import re
from pathlib import Path

from checks.common import (
    NotYet,
    code_of,
    exercise,
    letters,
    load_orders,
    temporary_folder,
    whole_number,
    whole_rows,
)

__all__ = ["rows_seen", "verify_export", "which_were_flushed"]


@exercise
def rows_seen(my_rows):
    """Write 20 rows of 15 bytes through a byte buffer of 100 bytes and count after 5, 10 and 20 what a reader sees."""
    try:
        answer = [whole_number(rows) for rows in my_rows]
    except TypeError:
        answer = []
    if len(answer) != 3 or None in answer or isinstance(my_rows, (set, dict, str)):
        raise NotYet("answer with a list of three numbers, such as [5, 10, 20]")
    seen = []
    with temporary_folder() as folder:
        path = Path(folder) / "grapes.csv"
        with open(path, "w", newline="", encoding="utf-8", buffering=100) as export:
            export.reconfigure(write_through=True)
            export.write("order_id,item\r\n")
            for number in range(1, 21):
                export.write(f"{number:06d},Grapes\r\n")
                seen.append(whole_rows(path.read_bytes()))
    right = [seen[4], seen[9], seen[19]]
    if answer == right:
        return "another reader saw exactly these rows"
    if answer == [5, 10, 20]:
        raise NotYet("that is every row at once: but rows wait in the buffer until the next one does not fit")
    if answer == [0, 0, 0]:
        raise NotYet("the rows do not wait for ever: which row is the first that no longer fits into 100 bytes?")
    if answer[0] == 5:
        raise NotYet("after 5 rows the buffer holds 90 of its 100 bytes: has anything made it send them?")
    if answer[0] != 0:
        raise NotYet("after 5 rows, six lines of 15 bytes have been given to a buffer of 100: do they still fit?")
    if answer == [0, 6, 18]:
        raise NotYet("six lines travel at a time, but the first of all is the header, and it is no row")
    if answer == [0, 6, 20]:
        raise NotYet("the row that no longer fits does not travel with the others: it stays as the first in the emptied buffer")
    if answer == [0, 5, 19] or answer == [0, 6, 19]:
        raise NotYet("you filled all 100 bytes: but a row is not cut in two, what waits goes before it")
    if answer[1] == right[1]:
        raise NotYet("the first two numbers are right, the third is not: how often have six lines travelled by row 20?")
    raise NotYet("a trip carries six whole lines, and the first line of the first trip is the header")


@exercise
def verify_export(function):
    """Call ``verify_export(path, written)`` on good and bad exports of the orders, 1,142 rows with line breaks in 82.

    A whole file must pass. A file that is short by 72 rows or by one, that is empty, or that holds all
    rows twice must be answered with a ValueError which names the rows written and the rows found.
    """
    # ASCII only, so that a reader without encoding= gets the same verdict on every system.
    orders = [{column: value.encode("ascii", "replace").decode() for column, value in order.items()}
              for order in load_orders()]
    code = code_of(function)
    with temporary_folder() as folder:
        path = Path(folder) / "export.csv"
        _must_complain(function, _file_with(path, orders[:1070]), 1142, 1070, code)
        _must_pass(function, _file_with(path, orders), code)
        path.write_bytes(b"")
        _must_complain(function, path, 2, 0, code)
        _must_complain(function, _file_with(path, orders[:1141]), 1142, 1141, code)
        _must_complain(function, _file_with(path, orders * 2), 1142, 2284, code)
        _must_complain(function, _file_with(path, []), 1, 0, code)
    return "whole files pass; short, empty and doubled ones are refused, with both numbers"


def _file_with(path, rows):
    columns = ["order_id", "placed", "shop", "postcode", "item", "quantity", "price", "tags", "note"]
    with open(path, "w", newline="", encoding="utf-8") as export:
        writer = csv.DictWriter(export, fieldnames=columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _must_pass(function, path, code):
    try:
        function(path, 1142)
    except ValueError as error:
        told = str(error).replace(",", "")
        if "1143" in told:
            raise NotYet("you refuse a whole file: it has 1,142 rows and a header, and the header is no row") from None
        if "1225" in told or "1224" in told or _counts_lines(code):
            raise NotYet("you refuse a whole file: 82 of its rows have a line break inside, "
                         "so it has more lines than rows") from None
        raise NotYet(f"you refuse a whole file of 1,142 rows: {error}") from None


def _counts_lines(code):
    return "csv." not in code and "pandas" not in code and "count_visible_rows" not in code


def _must_complain(function, path, written, found, code):
    told = None
    # Who only prints is told so in the verdict; prints that look for a mistake stay visible.
    quiet = contextlib.redirect_stdout(io.StringIO()) if _only_prints(code) else contextlib.nullcontext()
    try:
        with quiet:
            answer = function(path, written)
    except ValueError as error:
        if type(error).__name__ == "EmptyDataError" and "No columns" in str(error):  # pandas' own words, not the learner's
            raise NotYet("with an empty file pandas itself stops with EmptyDataError: catch it, and raise your own ValueError "
                         "with both numbers") from None
        told = str(error)
        for name in [str(path), path.as_posix(), path.parent.name]:  # its digits are no counts
            told = told.replace(name, "")
        told = told.replace(",", "")
    except AssertionError:
        raise NotYet("an assert is left out when Python runs with -O, and the check with it: raise ValueError") from None
    except StopIteration:
        raise NotYet("an empty file has not even a header: next() finds nothing there and stops with StopIteration") from None
    if told is None:
        raise NotYet(_why_silent(answer, written, found, code))
    if "1148" in told or "1147" in told:
        raise NotYet("you count lines: the file has 1,148 lines, but 1,070 rows, because some rows have a line break inside")
    numbers = re.findall(r"-?\d+", told)
    if found and str(found + 1) in numbers and str(found) not in numbers and found + 1 != written:
        raise NotYet(f"you found {found + 1:,} rows and the file has {found:,}: you counted the header, and the header is no row")
    if str(written) not in numbers or str(found) not in numbers or (found == 0 and "-1" in numbers):
        raise NotYet(f"with {written:,} rows written and {found:,} found, your ValueError must name both numbers; "
                     f"it says: {told}")


def _only_prints(code):
    return "print(" in code and "raise" not in code


def _why_silent(answer, written, found, code):
    case = f"{written:,} {'row' if written == 1 else 'rows'} written, {found:,} in the file"
    if isinstance(answer, bool):
        return f"{case}: you return {answer}, and a caller who does not look goes on; raise ValueError"
    if _only_prints(code):
        return f"{case}: you print, and the program that called you goes on; raise ValueError"
    if found > written:
        return f"{case}: you let it pass; too many rows, perhaps exported twice, are wrong too"
    if written - found == 1 and found == 0:
        return f"{case}, only the header: you let it pass; the header is no row"
    if written - found == 1:
        return f"{case}: you let it pass; compare the two numbers, one row missing is enough (is the header counted?)"
    if "st_size" in code or "exists" in code or "getsize" in code:
        return f"{case}: you let it pass; a short file exists and is not empty, so count its rows"
    if _counts_lines(code):
        return (f"{case}: you let it pass; some rows have a line break inside, "
                "so the short file has 1,148 lines: count rows with csv")
    return f"{case}: you let it pass, without a ValueError"


@exercise
def which_were_flushed(my_files):
    """Make the four files through an 8,192 byte buffer, with and without a flush, and compare with the answer."""
    answer = letters(my_files)
    if not answer or not answer <= set("ABCD"):
        raise NotYet('answer with a set of letters, such as {"A", "B"}')
    made = {"A": (1142, "the last row"), "B": (1142, None), "C": (1, "the header"), "D": (50, "the last row")}
    right = {name for name, (count, flush_after) in made.items() if _rows_visible(count, flush_after) == count}
    if answer == right:
        return "in A and D every row is there, the last one too"
    if "B" in answer:
        raise NotYet("B has 1,148 lines, but its last order is 001070 of 1,142: some rows have a line break inside")
    if "C" in answer:
        raise NotYet("C is not empty, but all it holds is the header: that flush came before the row")
    if answer == {"A"}:
        raise NotYet("A is right, but not alone: 50 orders are 4,304 bytes; what would D hold without a flush?")
    if answer == {"D"}:
        raise NotYet("D is right, but not alone: which is the last order in A, and could it be there without a flush?")
    raise NotYet("compare the number written with the last order in the file")


def _rows_visible(count, flush_after):
    orders = load_orders()[:count]
    with temporary_folder() as folder:
        path = Path(folder) / "export.csv"
        with open(path, "w", newline="", encoding="utf-8", buffering=8192) as export:
            export.reconfigure(write_through=True)
            writer = csv.DictWriter(export, fieldnames=list(orders[0]))
            writer.writeheader()
            if flush_after == "the header":
                export.flush()
            writer.writerows(orders)
            if flush_after == "the last row":
                export.flush()
            return whole_rows(path.read_bytes())
