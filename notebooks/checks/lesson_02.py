"""Checks for notebook 02, Shape a CSV with DictWriter."""
import copy
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
    first_difference,
    load_orders,
    names_called,
    one_letter,
    open_files,
    read_by_another_process,
    temporary_folder,
    whole_numbers,
    without_words,
)
from checks.windows import as_on_windows

__all__ = ["which_lines", "one_key_too_many", "which_quotes", "fill_the_call", "complaints", "read_as_text", "carrier"]


def _unchanged(given, orders):
    """Raise NotYet when ``given``, what the function was called with, is no longer what the ``orders`` are."""
    if len(given) != len(orders):
        raise NotYet(f"you changed the caller's own list: it had {len(orders)} orders, and now it has {len(given)}")
    for number, (now, before) in enumerate(zip(given, orders), start=1):
        if now != before:
            key = next(key for key in {**before, **now} if now.get(key, ...) != before.get(key, ...))
            how = "lost" if key not in now else "got" if key not in before else "changed"
            raise NotYet(f"you changed the caller's own orders: order {number} has {how} the key {key!r}. "
                         "Other parts of the program still need them as they were")


def _bytes_of_file(function, orders, path):
    """Call the learner's function as on Windows, with orders of its own; return the bytes of its file, and who closed it.

    What it returns is kept until the file is read, as a caller may keep it. The second value tells whether nobody closed
    the file but CPython, at the end of the function. Raises NotYet when another process finds no file, or when the
    function has changed the orders that it was given.
    """
    given = copy.deepcopy(orders)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)  # Python's word for a file that nobody closed
        try:
            with as_on_windows(function):
                kept = function(given, path)
        except AttributeError as error:
            if "'list' object" not in str(error) or "writerow" not in names_called(function):
                raise
            raise NotYet("writerow takes one dictionary, and yours gets the list of all orders: writerows, with an s, "
                         "takes a list") from None
    closed_by_nobody = any(path.name in str(warning.message) for warning in told if warning.category is ResourceWarning)
    try:
        _unchanged(given, orders)
        content = read_by_another_process(path)
    finally:
        closed_by_nobody = bool(open_files(path)) or closed_by_nobody
        del kept
        for file in open_files(path):
            file.close()
    if content is None:
        raise NotYet("there is no file under the name that your function was given: open `path`")
    if not content:
        raise NotYet("the file is empty: was it written, and closed? A with block closes it")
    return content, closed_by_nobody


def _line_ends(content):
    """Raise NotYet when the line ends in ``content`` were translated on their way into the file."""
    if b"\r\r\n" in content:
        raise NotYet('lines end in \\r\\r\\n, as on Windows without newline="": there an empty line follows each row')


@exercise
def which_lines(my_letter):
    """Compare the letter with B; each other letter has a reason of its own."""
    letter = one_letter(without_words(my_letter), "ABCD")
    if letter == "B":
        return "fieldnames sets the order, for the header and for each row"
    raise NotYet({
        "A": "these lines follow the dictionary; writeheader takes the names from fieldnames",
        "C": "here the price stands under item: each value belongs under its own name",
        "D": "here id stands first, as neither the dictionary nor fieldnames has it; which of the two decides?",
    }[letter])


COLUMNS = ["id", "item", "price"]
KNOWN = [{"price": "5.75", "id": "000001", "item": "Tea, green"},
         {"id": "000002", "item": "Crème fraîche", "price": "1.80", "gift_wrap": "yes"},
         {"id": "000003", "item": 'Shelf 24", oak', "price": "39.00", "coupon": "MAY"},
         {"id": "000004", "item": "Łódź pear", "price": "0.60"},
         {"id": "000005", "item": "Bananas", "price": "1.19", "coupon": "JUNE", "gift_wrap": "no"}]
OTHERS = [{"shelf": "A", "id": "000006", "item": "Figs", "price": "2.20", "bin": "7", "van": "2"},  # surplus keys in front too,
          {"id": "000007", "zone": "N", "price": "0.95"},                                           # two in one order, no item
          {"id": "000008", "item": "Olive oil", "van": "1", "aisle": "4", "row": "9"},              # no price
          {"id": "000009", "item": "Pipe |", "price": "3.00", "date": "today"}]
IN_TURN = [(KNOWN, ["coupon", "gift_wrap"]), ([KNOWN[0], KNOWN[3]], []),
           (OTHERS, ["aisle", "bin", "date", "row", "shelf", "van", "zone"])]


@exercise
def one_key_too_many(function):
    """Call the function three times: with the orders of the task, with two that have no key too many, and with others.

    The third time orders have several keys too many, also in front, or one too few, and the names are others, in an order
    in which no list comes out sorted by luck.
    """
    for orders, left_out in IN_TURN:
        returned, content = _written_and_returned(function, orders)
        wanted = csv_bytes([{name: order.get(name, "") for name in COLUMNS} for order in orders], COLUMNS)
        _judge_known(wanted.replace(b"\r\n", b"\n"), content.replace(b"\r\n", b"\n"))
        _judge_left_out(returned, left_out, function)
    function(copy.deepcopy(IN_TURN[0][0]), io.StringIO(newline=""))  # any file will do, sys.stdout too
    return "all 5 orders are in the file, and the caller learns of coupon and gift_wrap, or of other names with other orders"


def _written_and_returned(function, orders):
    """Give the function a list of its own and an open file; return what it returns, and the bytes in the file."""
    given = copy.deepcopy(orders)
    with temporary_folder() as folder:
        path = Path(folder) / "known.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            try:
                returned = function(given, file)
            except ValueError as error:
                if "not in fieldnames" not in str(error):
                    raise
                raise NotYet(f"your function still stops with ValueError: {error}") from None
            except KeyError as error:
                missing = error.args[0] if error.args else None
                if missing not in COLUMNS or all(missing in order for order in orders):
                    raise
                raise NotYet(f"your function stops with KeyError: {error}, at an order that has no {missing}. "
                             "DictWriter leaves the place of such a key empty") from None
            if file.closed:
                raise NotYet("the file is closed afterwards: who has opened it may go on writing, and sys.stdout must stay open")
        _unchanged(given, orders)
        content = path.read_bytes()
    if not content:
        raise NotYet("nothing was written into the file that your function was given, which is open already")
    return returned, content


def _judge_known(wanted, content):
    """Raise NotYet unless ``content`` holds the rows that are ``wanted``; more quotes than needed are no mistake."""
    difference = first_difference(wanted, content, as_rows=True)
    if not difference or b"\r" in content:
        if difference:
            raise NotYet(difference)
        return
    rows, seen = ([tuple(row) for row in csv.reader(io.StringIO(text.decode("utf-8", "replace"), newline=""))]
                  for text in (wanted, content))
    if rows == seen:
        return
    double = next((row for row in rows[1:] if seen.count(row) > 1), None)
    if double and seen.count(rows[0]) == 1 and list(dict.fromkeys(seen)) == rows:
        raise NotYet(f"the order {double[0]} stands {seen.count(double)} times in the file, and should stand there once: "
                     "how often does writerow run for it?")
    raise NotYet(difference)


def _judge_left_out(returned, left_out, function):
    if returned is None and re.search(r"return .+\.sort\(", code_of(function)):
        raise NotYet("the function returns None: .sort() sorts the list itself and gives nothing back; sorted(…) gives a sorted list")
    if returned is None and not left_out:
        raise NotYet("for orders without a key too many the function returns nothing: return an empty list")
    if returned is None:
        raise NotYet("the file is right, but the function returns nothing: return the list of the keys left out")
    if isinstance(returned, dict):
        raise NotYet("you return a dictionary: return the names alone, as a sorted list")
    if isinstance(returned, set | frozenset):
        raise NotYet("you return a set, which has no order: sorted() makes a sorted list of it")
    if isinstance(returned, tuple):
        raise NotYet("you return a tuple, and the caller waits for a list: sorted() makes one")
    if not isinstance(returned, list):
        raise NotYet(f"return a list of names; yours is {returned!r}")
    names = returned
    if names == left_out:
        return
    if not left_out:
        raise NotYet(f"for orders without a key too many the list is empty; yours is {names}")
    if names == []:
        raise NotYet(f"the file is right, but the list of the keys left out is empty, and {len(left_out)} were left out")
    if len(set(map(str, names))) < len(names):
        raise NotYet(f"each name once; your list is {names}")
    if sorted(map(str, names)) == left_out:
        raise NotYet(f"these are the names, but not in sorted order: {names}")
    whose = "with other orders, some with several keys too many, " if len(left_out) > 2 else ""
    raise NotYet(f"{whose}the keys left out are {left_out}; your list is {names}")


@exercise
def which_quotes(my_letter):
    """Compare the letter with C; each other letter has a reason of its own."""
    letter = one_letter(without_words(my_letter), "ABCD")
    if letter == "C":
        return "the item is quoted because of the quote inside it, and the price needs no quotes"
    raise NotYet({
        "A": "the item holds a quote; that, too, is a reason to put the value in quotes",
        "B": "the item is right; is a comma special when a semicolon separates the values?",
        "D": 'a reader would take the quote behind 3/8 for the end of the value; how does the writer prevent that?',
    }[letter])


GOODS = [{"item": "Tea, green", "price": "2.50"}, {"item": "Mum's jam", "price": "4.75"},
         {"item": 'Bolt 3/8"; zinc', "price": "0.25"}, {"item": "Figs", "price": 0.95}]  # the last price is a number


@exercise
def fill_the_call(function):
    """Let the function make a writer for a file in memory, write four goods with it, and compare the text."""
    file = io.StringIO(newline="")
    try:
        writer = function(file)
    except TypeError as error:
        if '"quoting" must be an integer' not in str(error):
            raise
        raise NotYet(f"DictWriter stops with TypeError: {error}. The constants of csv are such numbers: write csv.QUOTE_ALL, "
                     "without quotes around it") from None
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
    if (quote := writer.writer.dialect.quotechar) not in (None, '"', "'") and quote in got:
        raise NotYet(f"your text has {quote} for its quotes, and the till waits for '")
    if difference := first_difference(wanted, got, "the text", as_rows=True, **options):
        if '""' in got and " values, wanted are " in difference:  # the till would find a semicolon where the learner has none
            raise NotYet("""your text has " for its quotes, and the till waits for '""")
        raise NotYet(difference)
    return "your writer makes the till's lines, also for an item with a semicolon and a quote"


LINES = [2, 6, 7, 1]
WHAT_A_COMPLAINT_IS_ABOUT = [
    "line {} does not open the file: where it is opened, somebody has to say that line ends stay as they are",
    "line {} gives no value to a price that is missing",
    "line {} does not keep the error away: a key that is no column stops the export, unless somebody says otherwise",
    "line {} does not decide which column comes first",
]
NEARLY = {
    (3, 6): "restval, in line 6, is for a key too few, and the coupon is a key too many",
    (3, 1): "line 1 does not name the coupon, so the writer should stop with an error; which line prevents that error?",
    (3, 5): "line 5 names the columns, without a coupon, so the writer should stop with an error; which line prevents that error?",
    (4, 5): "line 5 hands a list on; which line puts the price first in it?",
    (2, 7): "extrasaction, in line 7, is for a key too many, and the price was a key too few",
}


@exercise
def complaints(my_lines):
    """Compare the four numbers with those of the lines that must be changed."""
    if isinstance(my_lines, str):
        my_lines = re.findall(r"\d+", my_lines)
        if len(my_lines) == 1 and len(my_lines[0]) == 4:
            my_lines = list(my_lines[0])
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
         {"id": "000005", "shop": "Petit Pain", "postcode": "", "price": "2.00", "note": "Ring twice\nthen call"},
         {"id": "000006", "shop": "Figs & Co", "postcode": "01067", "price": "0.90", "note": ""}]  # one more than head() takes


@exercise
def read_as_text(function):
    """Let the function read a file of six shops, and compare every value of the table with the text in the file."""
    import pandas

    with temporary_folder() as folder:
        path = Path(folder) / "shops.csv"
        path.write_bytes(csv_bytes(SHOPS))
        try:
            with as_on_windows(function):
                table = function(path)
        except UnicodeDecodeError:
            raise NotYet("reading stops at the letters of a shop: the file is UTF-8, and open() without encoding= takes cp1252 here, "
                         'as on Windows: say encoding="utf-8"') from None
    if not isinstance(table, pandas.DataFrame):
        raise NotYet(f"the function must return a table of pandas; yours returns {table!r:.60}")
    columns = list(SHOPS[0])
    if list(table.columns) == [",".join(columns)]:
        raise NotYet(f"your table has one single column, {table.columns[0]!r}: sep= must be the delimiter of the file, the comma")
    if list(table.columns) != columns:
        raise NotYet(f"the columns of your table are {', '.join(map(str, table.columns))}, and in the file {', '.join(columns)}")
    if len(table) != len(SHOPS):
        head = ": head() takes the first five" if len(table) == 5 and "head" in names_called(function) else ""
        raise NotYet(f"your table has {len(table)} rows, and the file {len(SHOPS)}{head}")
    for number, shop in enumerate(SHOPS):
        for column in columns:
            value = table[column].iloc[number]
            if isinstance(value, str) and value == shop[column]:
                continue
            shown = "NaN, which means missing" if pandas.isna(value) else repr(getattr(value, "item", lambda: value)())
            raise NotYet(f"row {number + 1}: in the file the {column} is {shop[column]!r}, in your table it is {shown}")
    return "all 30 values are the texts that stand in the file: the zeros, the empty note and the N/A too"


PARCELS = ["shop", "note", "weight"]
CHOSEN = [0, 1, 2, 3, 4, 5, 7, 9, 19, 20, 23, 34]  # places in orders.csv of each kind of note, and of letters beyond ASCII


@exercise
def carrier(function):
    """Call the function with a dozen of the orders and compare every byte of its file; then once more on the same path,
    with two orders whose weight is known.

    While it runs, open() without newline= or encoding= does what Windows does. Rows may end in CR LF or in LF.
    """
    everything = load_orders()
    orders = [everything[place] for place in CHOSEN]
    fewer = [everything[0], {**everything[4], "note": "left|right", "weight": 2}, {**everything[0], "weight": "0.50"}]
    with temporary_folder() as folder:
        path = Path(folder) / "carrier.csv"
        first, closed_by_nobody = _bytes_of_file(function, orders, path)
        _judge_parcels(orders, first)
        second, _ = _bytes_of_file(function, fewer, path)
    if second == first:
        raise NotYet("the second time, on the same path, the old file is still there: the new one must replace it")
    if second.startswith(first):
        raise NotYet("the second time, on the same path, the new file stands behind the old one: it must replace it")
    _judge_parcels(fewer, second)
    by_python = ""
    if closed_by_nobody:
        by_python = ". But your program never closes the file, and leaves that to Python; a with block is sure to close it"
    return f"{len(orders)} orders, every byte as the specification asks, on Windows too{by_python}"


def _judge_parcels(orders, content):
    if content.startswith(b"\xef\xbb\xbf"):
        raise NotYet("the file starts with three bytes for Excel, a byte order mark: utf-8-sig writes it, utf-8 does not")
    _line_ends(content)
    end = "\r\n" if b"\r\n" in content.partition(b"Ring twice")[0] else "\n"
    rows = [PARCELS] + [[order["shop"], order["note"], str(order.get("weight", "0"))] for order in orders]
    wanted = "".join("|".join('"' + value.replace('"', '""') + '"' for value in row) + end for row in rows).encode("utf-8")
    if content == wanted:
        return
    if b"Ring twice\r\nthen" in content:
        raise NotYet('a line end inside a note has become \\r\\n, as on Windows without newline=""')
    raise NotYet(first_difference(wanted, content, as_rows=True, delimiter="|"))
