"""Checks for notebook 02, Shape a CSV with DictWriter."""
import contextlib
import copy
import csv
import io
from pathlib import Path
from unittest import mock

from checks.common import NotYet, code_of, exercise, load_orders, read_by_another_process, temporary_folder
from checks.windows import open_replaced

__all__ = ["predict_line", "write_for_carrier", "export_known", "append_orders"]

BOM = b"\xef\xbb\xbf"


@contextlib.contextmanager
def as_on_windows(function):
    """While ``function`` runs, let open() choose as Windows does what the caller leaves open.

    Text without newline= is written with CR LF; text without encoding= is in the code page of western
    Windows. So a forgotten option shows on every system.
    """
    real_open = io.open

    def open_as_on_windows(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, **named):
        if "b" not in mode:
            encoding = "cp1252" if encoding in (None, "locale") else encoding
            newline = "\r\n" if newline is None and mode.strip("tU") != "r" else newline
        return real_open(file, mode, buffering, encoding, errors, newline, *rest, **named)

    def text_encoding(encoding, stacklevel=2):  # pathlib asks it, and with UTF-8 mode it would answer utf-8
        return "locale" if encoding is None else encoding

    with open_replaced(function, open_as_on_windows), mock.patch.object(io, "text_encoding", text_encoding):
        yield


def _run(function, *arguments):
    """Call the learner's function as on Windows and return what it returns."""
    if not callable(function):
        raise NotYet("give the check the function itself, without calling it")
    with as_on_windows(function):
        try:
            return function(*arguments)
        except UnicodeEncodeError:
            raise NotYet("a shop or a note could not be written: without encoding=\"utf-8\", Windows may use "
                         "an encoding that lacks its letters") from None


def _content(path):
    """Return the bytes that another process finds, or raise NotYet."""
    content = read_by_another_process(path)
    if content is None:
        raise NotYet("there is no file: nothing was written to path")
    if not content:
        raise NotYet("the file is empty")
    return content


@exercise
def predict_line(my_line):
    """Write the row with the options of the exercise and compare the bytes with the answer."""
    row = {"id": "007", "text": 'say "hi"', "size": 3, "left": None}
    text = io.StringIO(newline="")
    csv.DictWriter(text, list(row), delimiter=";", quoting=csv.QUOTE_NONNUMERIC).writerow(row)
    right = text.getvalue().encode("utf-8")
    if isinstance(my_line, str):
        my_line = my_line.encode("utf-8")
    if not isinstance(my_line, bytes):
        raise NotYet("answer with bytes, such as b'a;b'")
    if my_line == right:
        return "these are the bytes"
    if my_line.rstrip(b"\r\n") == right.rstrip(b"\r\n"):
        raise NotYet("the values are right; now the end of the line: which two characters does DictWriter put there by default?")
    if b"," in my_line:
        raise NotYet("delimiter=';' stands between the values")
    if b'""hi""' not in my_line:
        raise NotYet("what happens to a quote inside a quoted value?")
    values = my_line.rstrip(b"\r\n").split(b";")
    if len(values) != 4:
        raise NotYet(f"the row has 4 values, your line {len(values)}")
    if values[2] != b"3":
        raise NotYet("3 is a number: does QUOTE_NONNUMERIC quote it?")
    if values[3] != b'""':
        raise NotYet("the last value: None is written as an empty value, and it is not a number")
    if values[0] != b'"007"':
        raise NotYet("the first value is a text: it keeps its zeros and gets quotes")
    raise NotYet("look again at the second value, quote by quote")


CARRIER_COLUMNS = ["order_id", "item", "note", "weight"]


def _carrier_line(values):
    return "|".join('"' + value.replace('"', '""') + '"' for value in values) + "\n"


@exercise
def write_for_carrier(function):
    """Call ``write_for_carrier(orders, path)`` with 1,142 orders and compare every byte with the specification.

    While it runs, open() without newline= or encoding= chooses as Windows does.
    """
    orders = load_orders()
    rows = [[order["order_id"], order["item"], order["note"], "0"] for order in orders]
    wanted = "".join(map(_carrier_line, [CARRIER_COLUMNS, *rows])).encode("utf-8")
    with temporary_folder() as folder:
        path = Path(folder) / "carrier.csv"
        _run(function, copy.deepcopy(orders), path)
        content = _content(path)
    if content == wanted:
        return "1,142 orders, every byte as the specification asks"
    _explain_carrier(content, wanted)


def _explain_carrier(content, wanted):
    if content.startswith(BOM):
        raise NotYet("the file starts with a BOM: utf-8-sig writes one, utf-8 does not")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotYet("the file is not UTF-8: say encoding=\"utf-8\" when you open it") from None
    first = text.splitlines()[0]
    if "|" not in first:
        raise NotYet(f"the values are not separated by |: the first line is {first!r}")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="|"))
    if sorted(rows[0]) == sorted(CARRIER_COLUMNS) and rows[0] != CARRIER_COLUMNS:
        raise NotYet(f"the columns stand in another order than the carrier's: {', '.join(rows[0])}")
    if rows[0] != CARRIER_COLUMNS:
        if rows[0][:1] == ["000001"]:
            raise NotYet("the header is missing")
        raise NotYet(f"the first line is {first!r}, and not the header that the specification shows")
    if "\r\r\n" in text:
        raise NotYet("lines end in \\r\\r\\n: your file translates line ends, because newline=\"\" is missing")
    if "Ring twice\r\nthen" in text:
        raise NotYet("on Windows each \\n becomes \\r\\n, even inside a note: newline=\"\" is missing")
    if "\r\n" in text:
        raise NotYet("the lines end in \\r\\n, which is the default of DictWriter; the carrier wants \\n alone")
    if any(not row for row in rows):
        raise NotYet("there are empty lines in the file")
    if len(rows) - 1 != len(load_orders()):
        raise NotYet(f"the file holds {len(rows) - 1:,} of 1,142 orders")
    if rows[1][-1] == "":
        raise NotYet("the weight is empty: a missing value is to be 0")
    if not first.startswith('"') or '|""|' not in text or '|"0"\n' not in text:
        raise NotYet(f"not every value is in quotes: the second line is {text.splitlines()[1]!r}")
    lines = zip(text.splitlines(), wanted.decode("utf-8").splitlines())
    for number, (line, right) in enumerate(lines, start=1):
        if line != right:
            raise NotYet(f"line {number} is {line!r}, and the specification gives {right!r}")
    raise NotYet("all lines are right, but the file ends in another way: its last line wants a \\n, and nothing after it")


@exercise
def export_known(function):
    """Call ``export_known(orders, path)`` with five orders, two of which have a key too many."""
    given = [{"order_id": f"{number:06d}", "item": "Tea, green", "price": "5.75"} for number in range(1, 6)]
    given[2]["coupon"] = "SPRING"
    given[4]["gift_wrap"] = "yes"
    orders = copy.deepcopy(given)
    with temporary_folder() as folder:
        path = Path(folder) / "known.csv"
        returned = _run(function, orders, path)
        content = _content(path)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8", errors="replace"), newline="")))
    if orders != given:
        raise NotYet("you changed the caller's own orders: the surplus keys are gone for everybody")
    if rows[0] != ["order_id", "item", "price"]:
        raise NotYet(f"the header is now {', '.join(rows[0])}: the columns were to stay")
    if b"\r\r\n" in content:
        raise NotYet("on Windows there is an empty line after each row: keep newline=\"\"")
    if len(rows) - 1 != len(given):
        raise NotYet(f"the file holds {len(rows) - 1} of 5 orders: one with a key too many must not be lost")
    if rows[1:] != [[order["order_id"], order["item"], order["price"]] for order in given]:
        raise NotYet("all orders are in the file, but not with the values that they had")
    left_out = ["coupon", "gift_wrap"]
    if returned is None:
        raise NotYet("all 5 orders are in the file, but nobody learns what was left out: return the sorted names")
    if isinstance(returned, (str, bytes)) or not hasattr(returned, "__iter__"):
        raise NotYet(f"return the names as a list: {left_out}")
    names = list(returned)
    if names != left_out:
        if len(names) > 2 and set(names) == set(left_out):
            raise NotYet("each name once is enough")
        if set(names) == set(left_out) and not isinstance(returned, (set, frozenset)):
            raise NotYet("these are the names; now sort them")
        if set(names) == set(left_out):
            raise NotYet("these are the names, as a set; sorted() makes a list of them, in order")
        raise NotYet(f"the keys left out are {left_out}, and you returned {names!r}")
    if isinstance(returned, (set, frozenset, dict)):
        raise NotYet("these are the names, as a set; sorted() makes a list of them, in order")
    return "all 5 orders are in the file, and the caller knows of coupon and gift_wrap"


@exercise
def append_orders(function):
    """Call ``append_orders(orders, path)`` on a missing, an empty and a filled file, twice each.

    The filled file has its columns in another order than the orders have their keys.
    """
    first, second = [{"order_id": "000001", "item": "Tea, green"}], [{"order_id": "000002", "item": "Bananas"},
                                                                    {"order_id": "000003", "item": "Crème fraîche"}]
    for state, before in [("missing", None), ("empty", b""), ("filled", b"item,order_id\r\nOlive oil 0.5 l,000000\r\n")]:
        with temporary_folder() as folder:
            path = Path(folder) / "orders.csv"
            if before is not None:
                path.write_bytes(before)
            _run(function, copy.deepcopy(first), path)
            _run(function, copy.deepcopy(second), path)
            content = _content(path)
        _judge_appended(content, state, [*first, *second], code_of(function))
    return "one header and every value under its name, for a missing, an empty and a filled file"


def _judge_appended(content, state, added, code):
    if BOM in content:
        raise NotYet("there is a BOM in the file: use utf-8")
    if b"\r\r\n" in content:
        raise NotYet("on Windows there is an empty line after each row: open with newline=\"\"")
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    except UnicodeDecodeError:
        raise NotYet("the file is not UTF-8: say encoding=\"utf-8\" when you open it") from None
    names = ["item", "order_id"]
    headers = [row for row in rows if sorted(row) == names]
    if not headers:
        if state == "empty":
            raise NotYet("a file that exists and is empty got no header: ask for its size, not whether it exists")
        why = ": when you ask whether it exists, open() has already made it" if "exists" in code else ""
        raise NotYet(f"a new file got no header{why}")
    if len(headers) > 1:
        raise NotYet(f"the file holds {len(headers)} headers after two calls")
    if sorted(rows[0]) != names:
        raise NotYet("the header is not the first line")
    values = [row for row in rows[1:] if row]
    filled = state == "filled"
    if len(values) < len(added) + filled:
        why = ': the last call threw away what was there. Mode "a" appends' if len(values) == 2 else ""
        raise NotYet(f"{len(values)} of {len(added) + filled} orders are in the file after two calls{why}")
    if filled and rows[:2] != [["item", "order_id"], ["Olive oil 0.5 l", "000000"]]:
        raise NotYet("what stood in the file before was changed: append, and leave the rest as it is")
    found = [dict(zip(rows[0], row)) for row in values][filled:]
    if found != added:
        if filled and [row[::-1] for row in values[1:]] == [[order["item"], order["order_id"]] for order in added]:
            raise NotYet("an item stands under order_id: the file has its columns in another order, and its own header decides")
        raise NotYet(f"the rows are not the orders that were given; the first is {values[filled]!r}")
