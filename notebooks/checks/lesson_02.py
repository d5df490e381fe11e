"""Checks for notebook 02, Shape a CSV with DictWriter."""
import copy
import csv
import io
import re
from pathlib import Path

from checks.common import (
    NotYet,
    csv_bytes,
    exercise,
    first_difference,
    load_orders,
    one_letter,
    read_by_another_process,
    temporary_folder,
    whole_numbers,
)
from checks.windows import as_on_windows

__all__ = ["which_lines", "one_key_too_many", "which_quotes", "fill_the_call", "complaints", "read_as_text", "carrier"]


def _bytes_of_file(function, orders, path):
    """Call the learner's function as on Windows, with orders of its own; return what it returns, and the file's bytes.

    Raises NotYet when no other process finds a file, or when the function has changed the orders that it was given.
    """
    given = copy.deepcopy(orders)
    with as_on_windows(function):
        returned = function(given, path)
    if len(given) != len(orders):
        raise NotYet(f"you changed the caller's own list: it had {len(orders)} orders, and now it has {len(given)}")
    for number, (now, before) in enumerate(zip(given, orders), start=1):
        if now != before:
            key = next(key for key in {**before, **now} if now.get(key, ...) != before.get(key, ...))
            how = "lost" if key not in now else "got" if key not in before else "changed"
            raise NotYet(f"you changed the caller's own orders: order {number} has {how} the key {key!r}. "
                         "Other parts of the program still need them as they were")
    content = read_by_another_process(path)
    if content is None:
        raise NotYet("another process finds no file under the name that your function was given")
    if not content:
        raise NotYet("the file is empty for another process")
    return returned, content


def _line_ends(content):
    """Raise NotYet when the line ends in ``content`` were translated on their way into the file."""
    if b"\r\r\n" in content:
        raise NotYet('lines end in \\r\\r\\n, as on Windows without newline="": there an empty line follows each row')


@exercise
def which_lines(my_letter):
    """Compare the letter with B; each other letter has a reason of its own."""
    letter = one_letter(my_letter, "ABCD")
    if letter == "B":
        return "fieldnames sets the order, for the header and for each row"
    raise NotYet({
        "A": "these lines follow the dictionary; writeheader takes the names from fieldnames",
        "C": "here the price stands under item: each value belongs under its own name",
        "D": "this is another order than that of fieldnames: nobody puts the order number first",
    }[letter])


COLUMNS = ["order_id", "item", "price"]
KNOWN = [{"price": "5.75", "order_id": "000001", "item": "Tea, green"},
         {"order_id": "000002", "item": "Crème fraîche", "price": "1.80", "gift_wrap": "yes"},
         {"order_id": "000003", "item": 'Shelf 24", oak', "price": "39.00", "coupon": "MAY"},
         {"order_id": "000004", "item": "Łódź pear", "price": "0.60"},
         {"order_id": "000005", "item": "Bananas", "price": "1.19", "coupon": "JUNE", "gift_wrap": "no"}]


@exercise
def one_key_too_many(function):
    """Call the function with five orders, two keys too many among them twice, and with two orders that have none.

    While it runs, open() without newline= or encoding= does what Windows does.
    """
    for orders, left_out in [(KNOWN, ["coupon", "gift_wrap"]), ([KNOWN[0], KNOWN[3]], [])]:
        with temporary_folder() as folder:
            try:
                returned, content = _bytes_of_file(function, orders, Path(folder) / "known.csv")
            except ValueError as error:
                if "not in fieldnames" not in str(error):
                    raise
                raise NotYet(f"your function still stops with ValueError: {error}") from None
        _judge_known(orders, content)
        _judge_left_out(returned, left_out)
    return "all 5 orders are in the file, and the caller learns of coupon and gift_wrap"


def _judge_known(orders, content):
    _line_ends(content)
    known = [{name: order[name] for name in COLUMNS} for order in orders]
    wanted = csv_bytes(known).replace(b"\r\n", b"\n")
    if difference := first_difference(wanted, content.replace(b"\r\n", b"\n"), as_rows=True):
        raise NotYet(difference)


def _judge_left_out(returned, left_out):
    if returned is None:
        raise NotYet("the file is right, but the function returns nothing: return the list of the keys left out")
    if isinstance(returned, set | frozenset | dict):
        raise NotYet("you return a set, which has no order: sorted() makes a sorted list of it")
    if not isinstance(returned, list | tuple):
        raise NotYet(f"return a list of names; yours is {returned!r}")
    names = list(returned)
    if names == left_out:
        return
    if not left_out:
        raise NotYet(f"for orders without a key too many the list is empty; yours is {names}")
    if names == []:
        raise NotYet("the file is right, but the list of the keys left out is empty, and two were left out")
    if len(set(map(str, names))) < len(names):
        raise NotYet(f"each name once; your list is {names}")
    if sorted(map(str, names)) == left_out:
        raise NotYet(f"these are the names, but not in sorted order: {names}")
    raise NotYet(f"the keys left out are {left_out}; your list is {names}")


@exercise
def which_quotes(my_letter):
    """Compare the letter with C; each other letter has a reason of its own."""
    letter = one_letter(my_letter, "ABCD")
    if letter == "C":
        return "the item is quoted because of the quote inside it, and the price needs no quotes"
    raise NotYet({
        "A": "the item holds a quote; that, too, is a reason to put the value in quotes",
        "B": "the item is right; is a comma special when a semicolon separates the values?",
        "D": 'a reader would take the quote behind 3/8 for the end of the value; how does the writer prevent that?',
    }[letter])


GOODS = [{"item": "Tea, green", "price": "2.50"}, {"item": "Mum's jam", "price": "4.75"},
         {"item": 'Bolt 3/8"; zinc', "price": "0.25"}]


@exercise
def fill_the_call(function):
    """Let the function make a writer for a file in memory, write three goods with it, and compare the text."""
    file = io.StringIO(newline="")
    writer = function(file)
    if not isinstance(writer, csv.DictWriter):
        raise NotYet(f"the function must return a DictWriter; yours returns {writer!r:.60}")
    try:
        writer.writeheader()
        writer.writerows(GOODS)
    except (ValueError, csv.Error) as error:
        raise NotYet(f"your writer stops at the goods of the task with {type(error).__name__}: {error}") from None
    options = {"delimiter": ";", "quotechar": "'"}
    wanted = csv_bytes(GOODS, ["price", "item"], quoting=csv.QUOTE_ALL, lineterminator="\n", **options).decode()
    got = file.getvalue().replace("\r\n", "\n")
    if not got:
        raise NotYet("your writer writes into something else than the file that the function was given")
    if difference := first_difference(wanted, got, "the text", as_rows=True, **options):
        raise NotYet(difference)
    return "your writer makes the till's lines, also for an item with a semicolon and a quote"


LINES = [2, 6, 7, 1]
WHAT_A_COMPLAINT_IS_ABOUT = [
    "line {} does not decide how a line ends in the file: both write methods end each row alike on every system",
    "line {} gives no value to a price that is missing",
    "line {} does not keep the error away: a key that is no column stops the export, unless somebody says otherwise",
    "line {} does not decide which column comes first",
]
NEARLY = {
    (3, 6): "restval, in line 6, is for a key too few, and the coupon is a key too many",
    (3, 1): "without a coupon in line 1 there would be an error; which line keeps it away?",
    (3, 5): "without a coupon in line 5 there would be an error; which line keeps it away?",
    (4, 5): "line 5 hands a list on; which line puts the price first in it?",
    (2, 7): "extrasaction, in line 7, is for a key too many, and the price was a key too few",
}


@exercise
def complaints(my_lines):
    """Compare the four numbers with those of the lines that must be changed."""
    if isinstance(my_lines, str):
        my_lines = re.sub(r"(?i)\blines?\b|[-/]", " ", my_lines)
        if re.fullmatch(r"\s*\d{4}\s*", my_lines):
            my_lines = " ".join(my_lines.strip())
    numbers = whole_numbers(my_lines)
    if numbers is None or len(numbers) != 4:
        raise NotYet('type four numbers, one for each complaint, such as "9 9 9 9"')
    for complaint, (number, right, about) in enumerate(zip(numbers, LINES, WHAT_A_COMPLAINT_IS_ABOUT), start=1):
        if not 1 <= number <= 12:
            raise NotYet(f"complaint {complaint}: the program has no line {number}")
        if number != right:
            raise NotYet(f"complaint {complaint}: {NEARLY.get((complaint, number), about.format(number))}")
    return "each complaint has its line; the other arguments are as the till wants them"


SHOPS = [{"id": "000001", "shop": "Plain Goods", "postcode": "00501", "price": "39.00", "note": "call first"},
         {"id": "000002", "shop": "Łódź Tools", "postcode": "90-001", "price": "0.25", "note": ""},
         {"id": "000003", "shop": "O'Hara, Ltd", "postcode": "06000", "price": "1e3", "note": "N/A"},
         {"id": "000004", "shop": 'The "Corner" Shop', "postcode": "10115", "price": "4.50", "note": " two spaces kept "},
         {"id": "000005", "shop": "Petit Pain", "postcode": "", "price": "2.00", "note": "Ring twice\nthen call"}]


@exercise
def read_as_text(function):
    """Let the function read a file of five shops, and compare every value of the table with the text in the file."""
    import pandas

    with temporary_folder() as folder:
        path = Path(folder) / "shops.csv"
        path.write_bytes(csv_bytes(SHOPS))
        with as_on_windows(function):
            table = function(path)
    if not isinstance(table, pandas.DataFrame):
        raise NotYet(f"the function must return a table of pandas; yours returns {table!r:.60}")
    columns = list(SHOPS[0])
    if list(table.columns) != columns:
        raise NotYet(f"the columns of your table are {', '.join(map(str, table.columns))}, and in the file {', '.join(columns)}")
    if len(table) != len(SHOPS):
        raise NotYet(f"your table has {len(table)} rows, and the file {len(SHOPS)}")
    for number, shop in enumerate(SHOPS):
        for column in columns:
            value = table[column].iloc[number]
            if isinstance(value, str) and value == shop[column]:
                continue
            shown = "NaN, which means missing" if pandas.isna(value) else repr(getattr(value, "item", lambda: value)())
            raise NotYet(f"row {number + 1}: in the file the {column} is {shop[column]!r}, in your table it is {shown}")
    return "all 25 values are the texts that stand in the file: the zeros, the empty note and the N/A too"


CARRIER_COLUMNS = ["postcode", "shop", "order_id", "note", "weight"]
CHOSEN = [0, 1, 2, 3, 4, 5, 7, 9, 19, 20, 23, 34]  # places in orders.csv of each kind of note, and of letters beyond ASCII


@exercise
def carrier(function):
    """Call the function with a dozen of the orders and compare every byte of its file with the specification.

    While it runs, open() without newline= or encoding= does what Windows does. Rows may end in CR LF or in LF.
    """
    everything = load_orders()
    orders = [everything[place] for place in CHOSEN]
    with temporary_folder() as folder:
        _, content = _bytes_of_file(function, orders, Path(folder) / "carrier.csv")
    if content.startswith(b"\xef\xbb\xbf"):
        raise NotYet("the file starts with three bytes for Excel, a byte order mark: utf-8-sig writes it, utf-8 does not")
    _line_ends(content)
    end = "\r\n" if b"\r\n" in content.partition(b"Ring twice")[0] else "\n"
    rows = [CARRIER_COLUMNS] + [[order["postcode"], order["shop"], order["order_id"], order["note"], "0"] for order in orders]
    wanted = "".join("|".join('"' + value.replace('"', '""') + '"' for value in row) + end for row in rows).encode("utf-8")
    if content == wanted:
        return f"{len(orders)} orders, every byte as the specification asks, on Windows too"
    if b"Ring twice\r\nthen" in content:
        raise NotYet('a line end inside a note has become \\r\\n, as on Windows without newline=""')
    raise NotYet(first_difference(wanted, content, as_rows=True, delimiter="|"))
