"""Checks for notebook 01, Use a temporary file."""
import contextlib
import csv
import gc
import inspect
import io
import os
import random
import tempfile
import time
from pathlib import Path
from unittest import mock

from checks.common import (
    NotYet,
    call_arguments,
    csv_bytes,
    exercise,
    first_difference,
    left_behind,
    letters,
    load_orders,
    names_called,
    one_letter,
    open_files,
    order_of,
    read_by_another_process,
    run_python,
    some_letters,
    without_words,
)
from checks.windows import TEMPORARY_FILE, as_on_windows, is_open_and_marked, removal_as_on_windows

__all__ = ["first_row", "place_the_seek", "text_of_orders", "when_is_it_there", "label_steps", "hand_over"]

LABEL_PROGRAM = Path(__file__).resolve().parents[1] / "bench" / "print_labels.py"
MAKERS = ("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory", "mkstemp", "mkdtemp")


MODE_FIRST = ("NamedTemporaryFile", "TemporaryFile")


def ten_orders():
    """Return ten orders with the columns id, shop, item: commas, quotes and the letter Ł are among them."""
    return [{"id": order["order_id"], "shop": order["shop"], "item": order["item"]} for order in load_orders()[:10]]


@contextlib.contextmanager
def tempfile_watched(function, descriptors=None):
    """Give a list, filled with the names of the makers of ``tempfile`` that are called in this block; refuse ``mktemp``.

    They are watched in the module and where the notebook of ``function`` has imported them by name. The list
    ``descriptors`` gets the descriptor of each mkstemp, and what os.fstat says of it.
    """
    used = []

    def watched(name, make):
        def make_and_tell(*arguments, **options):
            if name in MODE_FIRST and arguments and _is_a_name(arguments[0]):
                raise NotYet(f"{name} takes no name, it finds one by itself: its first argument is the mode")
            used.append(name)
            made = make(*arguments, **options)
            if name == "mkstemp" and descriptors is not None:
                descriptors.append((made[0], os.fstat(made[0])))
            return made
        return make_and_tell

    def refuse(*arguments, **options):
        raise NotYet("mktemp only makes up a name, and another program can take it before you do: "
                     "use a tool that makes the file, or a TemporaryDirectory")

    stand_ins = {name: watched(name, getattr(tempfile, name)) for name in MAKERS} | {"mktemp": refuse}
    originals = {name: getattr(tempfile, name) for name in stand_ins}
    namespace = getattr(function, "__globals__", {})
    imported = {name: value for name, value in namespace.items() if any(value is made for made in originals.values())}
    names = {id(made): name for name, made in originals.items()}
    try:
        namespace.update({name: stand_ins[names[id(value)]] for name, value in imported.items()})
        with mock.patch.multiple(tempfile, **stand_ins):
            yield used
    finally:
        namespace.update(imported)


def _is_a_name(argument):
    return isinstance(argument, os.PathLike) or isinstance(argument, str) and not set(argument) <= set("rwxabtU+")


@exercise
def first_row(my_choice):
    """Compare the choice with what NamedTemporaryFile does, tried here."""
    chosen = one_letter(without_words(my_choice), "ABCD")
    if chosen == "A":
        raise NotYet("not even a file of open() has the row at once: it waits until the block ends. "
                     "And who has said that this file is one for text?")
    if chosen == "B":
        raise NotYet('so it would be with open("labels.csv", "w"). Here nobody has said "w": '
                     "run the two lines in a cell of your own, and look")
    if chosen == "D":
        raise NotYet("it is open for reading and for writing. The question is what one may write to it")
    try:
        with tempfile.NamedTemporaryFile(suffix=".csv") as export:
            export.write("1,Bananas\n")
    except TypeError as error:
        return f"the program stops with TypeError: {error}"
    raise AssertionError("a temporary file took text in the default mode")


@exercise
def place_the_seek(my_place):
    """Run the program with ``export.seek(0)`` at the places named, and look at what it prints."""
    places = letters(without_words(my_place))
    if not places or not places <= set("ABCD"):
        one_letter(my_place, "ABCD")  # says which letters
    text = _two_lines(places)
    if places == {"C"}:
        return f"the program reads {text!r}"
    if "C" in places and text == _two_lines({"C"}):
        more = " and ".join(sorted(places - {"C"}))
        raise NotYet(f"the program prints both lines, and it does so without {more}: one place is enough")
    why = {"A": "at A the position is 0 already, and the two writes move it to the end",
           "B": "at B the position goes back too early, and the second line is written over the first",
           "D": "at D the reading is over"}[min(places & {"B"} or places - {"C"})]
    raise NotYet(f"the program reads {text!r}: {why}")


def _two_lines(places):
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as export:
        for place, line in [("A", "id,item\n"), ("B", "1,Bananas\n")]:
            if place in places:
                export.seek(0)
            export.write(line)
        if "C" in places:
            export.seek(0)
        return export.read()


@exercise
def text_of_orders(function):
    """Call ``text_of_orders(orders)`` with ten orders as if this computer ran Windows, and compare the text.

    As on Windows, a text file without ``encoding=`` gets cp1252 here, which has no letter for the first shop of
    "Łódź Tools", a text file without ``newline=`` translates line ends, and a second open of a file that is marked
    for deletion is refused. The text must come from a tool of ``tempfile``, and no file may be left behind.
    """
    orders = ten_orders()
    with left_behind() as left, tempfile_watched(function) as used, as_on_windows(function):
        try:
            text = function(orders)
        except TypeError as error:
            if "bytes-like" not in str(error):
                raise
            raise NotYet("still a bytes-like object is required: the file is open for bytes, and csv writes text") from None
        except io.UnsupportedOperation as error:
            raise NotYet(_which_mode(error)) from None
        except UnicodeEncodeError:
            raise NotYet(_which_encoding(function)) from None
        except NotYet as refused:
            if "marked for deletion" not in str(refused):
                raise
            raise NotYet(f"{refused}. Read it through the file object itself, after seek(0)") from None
        finally:
            _let_go(tempfile.tempdir)
    _compare_text(function, orders, text)
    if not used:
        raise NotYet("the text is right, but there is no temporary file: this exercise is about one")
    if left:
        raise NotYet(f"the text is right, but {_things(left)} in the temp folder: who removes it?")
    return "the text of all ten orders, with its line ends and its Ł, and nothing is left behind"


def _which_mode(error):
    if "writable" in str(error):
        return 'the TypeError is gone. Now the file can be read but not written: which mode can do both?'
    return 'the TypeError is gone. Now the file can be written but not read back: which mode can do both?'


def _which_encoding(function):
    for name in (*MODE_FIRST, "SpooledTemporaryFile", "open", "fdopen", "TextIOWrapper", "write_text"):
        for given in call_arguments(function, name):
            if given.get("encoding", "None") not in ("None", "'locale'"):
                return f"the TypeError is gone. Now the encoding {given['encoding']} has no Ł for Łódź Tools: take utf-8"
    return "the TypeError is gone. Now Windows stops at the Ł of Łódź Tools: say which encoding you want"


def _compare_text(function, orders, text):
    wanted = csv_bytes(orders).decode("utf-8")
    if isinstance(text, bytes | bytearray):
        raise NotYet("you return bytes: the text is wanted")
    if not isinstance(text, str):
        raise NotYet(f"you return {'None' if text is None else f'a {type(text).__name__}'}: the text is wanted")
    if not text:
        raise NotYet("the TypeError is gone. Now you return an empty text: where does the file object stand when it reads?")
    if text == repr(wanted):
        raise NotYet("the text is right, and repr() puts quotes around it and shows its line ends as \\r\\n: return the text itself")
    if text == wanted.strip():
        raise NotYet("the TypeError is gone. Now all rows are there, and the line end of the last one is missing: strip() takes it off")
    if text != wanted and text.split() == wanted.split():
        if any("lineterminator" in given for name in ("DictWriter", "writer") for given in call_arguments(function, name)):
            raise NotYet("the TypeError is gone. Now all rows are there, and lineterminator= gives them other line ends: leave it out")
        if "to_csv" in names_called(function) and "\r" not in text:
            raise NotYet("the TypeError is gone. Now all rows are there, and to_csv of pandas ends them with \\n here: "
                         'say lineterminator="\\r\\n"')
        if _file_is_right(function):
            raise NotYet("the file is right, and reading it by its name has changed its line ends: read it with "
                         'open(path, newline="", encoding="utf-8"), or through export, after seek(0)')
        raise NotYet('the TypeError is gone. Now all rows are there, and their line ends have changed: '
                     "which argument leaves them as they are?")
    if difference := first_difference(wanted, text, what="your text", as_rows=True):
        raise NotYet(difference)


def _file_is_right(function):
    """Tell whether a file was written with newline="", and then read by its name without it."""
    opened = call_arguments(function, "open")
    reading = [given for given in opened if not set("wxa") & set(given.get("mode", given.get(1, "")))]
    written = [given for given in opened if given not in reading]
    written += [given for name in MODE_FIRST for given in call_arguments(function, name)]
    by_name = "read_text" in names_called(function) or any("newline" not in given for given in reading)
    return by_name and bool(written) and all(given.get("newline") == "''" for given in written)


@exercise
def when_is_it_there(my_points):
    """Run the program of the exercise, look for the file at each point, and compare."""
    chosen = some_letters(without_words(my_points), "ABCDEF")
    there = _points_at_which_it_is_there()
    why = {"A": "at A the file is open, and it has had its name since it was made",
           "B": "at B the file is closed, and closing a NamedTemporaryFile removes it, even inside the block",
           "C": "at C the block has closed the file, and delete=False has kept it",
           "D": "at D os.remove has removed the file: delete=False keeps Python from doing it, not you",
           "E": "at E the inner block has closed a plain file of open(), and closing it does not remove it",
           "F": "at F the folder is gone, and the file with it"}
    if wrong := sorted(chosen ^ there):
        right = len(set("ABCDEF") - set(wrong))
        raise NotYet(f"{right} of 6 points are right. Look again: {why[wrong[0]]}")
    return "the file is there at A, C and E, and gone at B, D and F"


def _points_at_which_it_is_there():
    there = set()

    def point(letter, name):
        there.update({letter} if os.path.exists(name) else ())

    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as export:
        export.write("1,Bananas\n")
        point("A", export.name)
        export.close()
        point("B", export.name)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", delete=False) as export:
        export.write("1,Bananas\n")
    point("C", export.name)
    os.remove(export.name)
    point("D", export.name)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "labels.csv"), "w", encoding="utf-8") as export:
            export.write("1,Bananas\n")
        point("E", export.name)
    point("F", export.name)
    return there


@exercise
def label_steps(my_order):
    """Run the five lines in the order given, with the label program in a process of its own and Windows' rule."""
    order = order_of(without_words(my_order), "ABCDE")
    steps = _LabelSteps()
    try:
        with removal_as_on_windows():
            for letter in order:
                steps.run(letter)
    finally:
        steps.clear_away()
    return "the label program printed two labels, and the file is gone"


class _LabelSteps:
    """The five lines of the exercise, each a method; ``run`` says in a NotYet what stops the program."""

    def __init__(self):
        self.export, self.written = None, False

    def run(self, letter):
        line = {"A": self.print_labels, "B": self.close, "C": self.make, "D": self.remove, "E": self.write}[letter]
        if self.export is None and letter != "C":
            raise NotYet(f"line {letter} stops with NameError: name 'export' is not defined. Which line makes the file?")
        line()

    def make(self):
        self.export = tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", delete=False)

    def write(self):
        try:
            self.export.write("id,item\n1,Bananas\n2,Grapes\n")
            self.written = True
        except ValueError as error:
            raise NotYet(f"line E stops with ValueError: {error} It comes after line B, which has closed the file") from None

    def close(self):
        self.export.close()

    def remove(self):
        os.remove(self.export.name)  # refused while the file is open, with the sentence

    def print_labels(self):
        ended = run_python(LABEL_PROGRAM.read_text(encoding="utf-8"), self.export.name)
        if "FileNotFoundError" in ended.stderr:
            raise NotYet("the label program stops with FileNotFoundError: line D has removed the file before line A")
        if "labels printed: 2" not in ended.stdout:
            if self.export.closed:
                why = "the file is closed, and nothing was written"
            elif not self.written:
                why = "nothing has been written yet: which line writes?"
            else:
                why = "the file is still open, and its rows wait in your program"
            raise NotYet(f"the label program printed {ended.stdout.count('label:')} labels: {why}")

    def clear_away(self):
        if self.export is not None:
            self.export.close()
            with contextlib.suppress(OSError):
                os.remove(self.export.name)


@exercise
def hand_over(function):
    """Call ``hand_over(orders, program)`` with ten orders and compare what another process finds, as on Windows.

    Whatever system this is, Windows' rules are applied: text without ``encoding=`` is cp1252, text without ``newline=``
    gets CR LF, ``program`` is refused a file that is open and marked for deletion, and removing a file that is open is
    refused. Then two calls run at the same time, and one gets a program that fails. No file may be left by any of them,
    and the error must reach the caller. In the last calls one order has a key too many, and one is no dictionary: nothing
    may be left then, either. The working folder, which belongs to the whole process, may not be changed.
    """
    orders = ten_orders()
    first = _call(function, orders, _read_by_name)
    if not first.given:
        raise NotYet("program was never called")
    if len(first.given) != 1:
        raise NotYet(f"program was called {len(first.given)} times, once is enough")
    _compare_file(orders, first.content, first.open_when_read)
    if first.problem:
        raise first.problem
    if first.answer != READ:
        raise NotYet(f"program found all ten orders and answered {READ!r}, and you return {first.answer!r}: "
                     "return what program answers")
    again = _call_again(function)
    moment = time.time()
    with mock.patch.object(time, "time", lambda: moment):
        _call(function, orders, again)
    if first.left:
        raise NotYet(f"program found all ten orders, but afterwards {_things(first.left)}: who removes it?")
    failed = _call(function, orders, _fail, when="when program stops with an error")
    if failed.left:
        raise NotYet(f"when program stops with an error, {_things(failed.left)}: let the end of a block remove it")
    if failed.problem is None:
        raise NotYet(f"when program stops with an error, nobody hears of it: your function returns {failed.answer!r}. "
                     "Let the error go on to the caller")
    for order, why in [({**orders[0], "coupon": "MAY"}, "it has a key too many"), (None, "it is None, and no dictionary")]:
        refused = _call(function, [*orders, order], _read_by_name, when="when an order cannot be written")
        if refused.left:
            raise NotYet(f"when an order cannot be written, here because {why}, {_things(refused.left)}: "
                         "let the end of a block remove it")
    return "another process found all ten orders, on Windows, too, two calls did not meet, and nothing is left behind"


READ = "10 orders read"
DESCRIPTOR_OPEN = ("mkstemp gives you two things, the name and a descriptor that has the file open (os.open gives you one, too), "
                   "and Windows refuses to remove a file that is open: close the descriptor first, too")


class _ProgramFailed(Exception):
    """What ``program`` raises in the last call."""


class _Call:
    """One call of the learner's function: its answer or the problem, what ``program`` was given and found, what is left."""

    def __init__(self):
        self.answer, self.problem, self.content, self.open_when_read = None, None, None, False
        self.given, self.refused, self.left = [], [], []
        self.descriptors, self.home, self.move = [], os.getcwd(), os.chdir
        self.there_before = {entry.path: entry.stat().st_mtime_ns for entry in os.scandir(os.getcwd()) if entry.is_file()}

    def refuse(self, sentence, error=None):
        self.refused.append(sentence)  # kept here, because the function may catch the exception
        raise error or NotYet(sentence)

    def look_at(self, path):
        """Return the absolute path of what ``program`` is given, if a program on Windows could open it."""
        if not isinstance(path, str | os.PathLike):
            self.refuse("hand over the name: another program has no use for your file object")
        if os.getcwd() != self.home:
            self.move(self.home)  # Windows removes no folder that somebody works in, and this error would hide the sentence
            self.stay()
        if "\n" in os.fspath(path):
            self.refuse("program got the text of the file: hand over the file's name, and program opens it")
        if os.path.isdir(path):
            self.refuse("program got a folder: hand over the name of the file in it")
        path = os.path.abspath(path)
        if path in self.there_before and os.stat(path).st_mtime_ns == self.there_before[path]:
            self.refuse(f"program got {os.path.basename(path)!r}, an old file of the working folder: "
                        "the folder is missing in front of the name")
        self.given.append(path)
        if is_open_and_marked(path):
            self.refuse("Windows refuses the program: the file is open, and closing it would remove it",
                        PermissionError(13, "Permission denied"))
        if not os.path.isfile(path):
            self.refuse("program finds no file: it was removed before program ran, or it was never there",
                        FileNotFoundError(2, "No such file or directory"))
        return path

    def stay(self, *_, **__):
        """Refuse to change the working folder; stands for os.chdir."""
        self.refuse("os.chdir moves your whole program to another folder, the other call, too: stay where you are, "
                    "and hand over the whole path")

    def still_open(self, file=None):
        """Return the descriptors of mkstemp that are open; with ``file``, what os.stat says of one, those that have it open."""
        found = []
        for descriptor, made in self.descriptors:
            with contextlib.suppress(OSError):
                now = os.fstat(descriptor)
                if os.path.samestat(now, made) and (file is None or os.path.samestat(now, file)):
                    found.append(descriptor)
        return found

    @contextlib.contextmanager
    def rules(self):
        """Refuse, inside this block, os.chdir and the removal of a file that a descriptor of mkstemp or os.open has open."""
        def refusing(remove):
            def remove_if_closed(path, *, dir_fd=None):
                with contextlib.suppress(FileNotFoundError):
                    if self.still_open(os.stat(path) if dir_fd is None else os.stat(path, dir_fd=dir_fd)):
                        self.refuse(DESCRIPTOR_OPEN)
                return remove(path, dir_fd=dir_fd)
            return remove_if_closed

        real_open = os.open

        def noting_open(path, flags, mode=0o777, *, dir_fd=None):
            descriptor = real_open(path, flags, mode, dir_fd=dir_fd)
            if inspect.currentframe().f_back.f_globals.get("__name__") not in ("tempfile", "shutil"):
                self.descriptors.append((descriptor, os.fstat(descriptor)))
            return descriptor

        with (mock.patch.object(os, "chdir", self.stay), mock.patch.object(os, "unlink", refusing(os.unlink)),
              mock.patch.object(os, "remove", refusing(os.remove)), mock.patch.object(os, "open", noting_open)):
            yield


def _read_by_name(call, path):
    path = call.look_at(path)
    call.open_when_read = bool(open_files(path))
    call.content = read_by_another_process(path)
    return READ


def _fail(call, path):
    call.look_at(path)
    raise _ProgramFailed("program stopped with an error")


def _call_again(function):
    """Return a ``program`` that calls the function once more before it is done, as two people do at the same moment.

    The second call gets as many orders, with the same first one, and the same random numbers; its caller sees to the time.
    """
    dice = random.getstate()
    first, *others = ten_orders()

    def program(call, path):
        path = call.look_at(path)
        before = Path(path).read_bytes()
        random.setstate(dice)
        function([first, *others[::-1]], call.look_at)
        if path in call.given[1:] or not os.path.exists(path) or Path(path).read_bytes() != before:
            by_luck = ""
            if random.getstate() != dice:
                by_luck = " (random can give a name twice; here the check made it do so)"
            call.refuse(f"two calls at the same time both use the name {os.path.basename(path)}{by_luck}, and the second one "
                        "replaces or removes the file of the first: let tempfile find a name")
        return READ
    return program


def _call(function, orders, program, when=""):
    """Call the learner's ``function(orders, program)`` under Windows' rules; return the _Call, or raise what was refused.

    ``when`` says of a later call what goes wrong in it; the same function has passed the call in which all goes well.
    """
    call, before = _Call(), set(os.listdir())
    writing_may_fail = when == "when an order cannot be written"
    with left_behind():
        try:
            with (removal_as_on_windows() as refused, call.rules(), tempfile_watched(function, call.descriptors),
                  as_on_windows(function)):
                try:
                    call.answer = function(orders, lambda path: program(call, path))
                except (OSError, NotYet, _ProgramFailed) as error:
                    call.problem = error
                except Exception as error:
                    if not (isinstance(error.__context__, _ProgramFailed) or writing_may_fail):
                        raise
                    call.problem = error  # the learner's own error, raised because program stopped: it reaches the caller
        finally:
            os.chdir(call.home)
            mine = {os.path.abspath(name) for name in set(os.listdir()) - before}
            in_temp = {os.path.join(tempfile.tempdir, name) for name in os.listdir(tempfile.tempdir)}
            left = {path for path in call.given if os.path.exists(path)} | mine | in_temp
            left -= {path for path in left if any(path.startswith(other + os.sep) for other in left)}
            call.left = sorted(map(os.path.basename, left))
            _let_go(tempfile.tempdir, *left)
            if forgotten := call.still_open():
                call.refused.append(DESCRIPTOR_OPEN)
            for descriptor in forgotten:
                os.close(descriptor)
            for path in left - in_temp:
                with contextlib.suppress(OSError):
                    os.remove(path)
    if call.refused:
        raise NotYet(call.refused[0])
    if refused and when:
        never = "your close() is never reached" if "close" in names_called(function) else "the file is still open"
        raise NotYet(f"{when}, {never}, and Windows refuses to remove a file that is open: let the end of a with block close it")
    if refused:
        raise NotYet(refused[0])
    if call.problem and not writing_may_fail and (isinstance(call.problem, NotYet) or not call.given):
        raise call.problem
    return call


def _compare_file(orders, content, was_open):
    """Raise NotYet unless ``content`` (bytes) is a CSV file with these orders; how its values are quoted is free."""
    wanted = csv_bytes(orders)
    if was_open and len(content) < len(wanted) - len(orders):
        raise NotYet(f"program found {len(content):,} bytes of the ten orders: the file is still open, and the rest waits "
                     "in your program. Which step comes before handing over?")
    if b"\r\r\n" in content:
        raise NotYet("on Windows program finds an empty line after each row: which argument leaves line ends as they are?")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")))
    if rows != [list(orders[0]), *(list(order.values()) for order in orders)]:
        raise NotYet(first_difference(wanted, content, what="the file", as_rows=True))


def _things(names):
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} left behind"


def _let_go(*paths):
    """Close what the learner's function has left open below ``paths``, so that it can be removed, and says nothing later."""
    things = gc.get_objects()
    for kind in (TEMPORARY_FILE, io.TextIOWrapper, io.FileIO):
        for thing in [thing for thing in things if type(thing) is kind]:
            with contextlib.suppress(OSError, ValueError, TypeError):
                if not thing.closed and os.path.abspath(os.fsdecode(thing.name)).startswith(paths):
                    thing.close()
