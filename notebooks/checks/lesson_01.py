"""Checks for notebook 01, Use a temporary file."""
import io
import os
import tempfile
from pathlib import Path
from unittest import mock

from checks.common import (
    NotYet,
    code_of,
    csv_bytes,
    exercise,
    load_orders,
    read_by_another_process,
    temporary_folder,
    whole_rows,
)
from checks.windows import RemovalRefused, is_open_and_marked, open_files, open_replaced, removal_as_on_windows

__all__ = ["keep_the_file", "text_of_orders", "hand_over"]


@exercise
def keep_the_file(my_arguments):
    """Make a NamedTemporaryFile with these arguments, write, leave the block; then another process looks for it."""
    if not isinstance(my_arguments, dict) or not all(isinstance(name, str) for name in my_arguments):
        raise NotYet('answer with a dictionary of arguments, such as {"suffix": ".csv"}')
    if "delete_on_close" in my_arguments and my_arguments.get("delete", True):
        raise NotYet("gone: with delete_on_close=False the file outlives close(), but not the end of the block")
    with temporary_folder() as folder:
        standard = {"mode": "w", "newline": "", "encoding": "utf-8", "dir": folder}
        try:
            with tempfile.NamedTemporaryFile(**{**standard, **my_arguments}) as export:
                export.write("order_id,item\r\n000001,Bananas\r\n")
        except TypeError as error:
            if "bytes-like" in str(error):
                raise NotYet("the file must stay a text file") from None
            raise NotYet("NamedTemporaryFile has no such argument, or not with such a value") from None
        content = read_by_another_process(export.name)
        if content is not None:
            os.remove(export.name)
    if content is None and "dir" in my_arguments:
        raise NotYet("gone: in another folder the file lives no longer than in this one")
    if content is None and {"prefix", "suffix"} & set(my_arguments):
        raise NotYet("gone: another name does not make the file live longer")
    if content is None:
        raise NotYet("gone: another process finds no file by this name")
    if whole_rows(content) != 1:
        raise NotYet("the file is there, but its row is not")
    return "another process finds the file and its row after the block"


@exercise
def text_of_orders(function):
    """Call ``text_of_orders(orders)`` as if this computer ran Windows, and compare with data/orders.csv.

    As on Windows, a temporary text file without ``encoding=`` gets cp1252 here, which has no letter for
    the first shop of "Łódź Tools", and a second open of a file that is marked for deletion is refused.
    """
    orders = load_orders()
    wanted = csv_bytes(orders).decode("utf-8")
    code = code_of(function)
    real_open = io.open

    def open_as_on_windows(file, *arguments, **options):
        if isinstance(file, (str, os.PathLike)) and is_open_and_marked(file):
            raise NotYet("Windows refuses: the file is open and marked for deletion. Read it through the handle, after seek(0)")
        return real_open(file, *arguments, **options)

    with open_replaced(function, open_as_on_windows), \
            mock.patch.object(tempfile, "NamedTemporaryFile", _as_on_windows(tempfile.NamedTemporaryFile)), \
            mock.patch.object(tempfile, "TemporaryFile", _as_on_windows(tempfile.TemporaryFile)):
        try:
            text = function(orders)
        except TypeError as error:
            if "bytes-like" not in str(error):
                raise
            raise NotYet("still a bytes-like object is required: the file is binary, and csv writes text") from None
        except io.UnsupportedOperation:
            raise NotYet('mode="w" can write but not read back: which mode can do both?') from None
        except UnicodeEncodeError:
            raise NotYet("Windows stops at the Ł of Łódź Tools: say which encoding you want") from None
    if isinstance(text, (bytes, bytearray)):
        raise NotYet("you return bytes: the text is wanted")
    if not isinstance(text, str):
        raise NotYet(f"you return {'None' if text is None else type(text).__name__}: the text is wanted")
    if text == wanted:
        return "the text of all 1,142 orders, line ends and Łódź included"
    if not text:
        hint = "seek(0) must come after the writing" if "seek" in code else "after writing, the file stands at its end"
        raise NotYet(f"you return 0 characters: {hint}")
    if text.split() == wanted.split():
        raise NotYet("all rows are there, but their line ends have changed: what does csv want for newline?")
    raise NotYet(f"you return {len(text):,} of {len(wanted):,} characters")


def _as_on_windows(make):
    def make_file(mode="w+b", buffering=-1, encoding=None, *arguments, **options):
        if "b" not in mode and encoding is None:
            encoding = "cp1252"
        return make(mode, buffering, encoding, *arguments, **options)
    return make_file


@exercise
def hand_over(function):
    """Call ``hand_over(orders, program)`` where ``program`` lets another process read the file by name.

    Whatever system this is, Windows' rule is applied: ``program`` is refused a file that is open and marked
    for deletion, and removing a file that is open is refused too. A second call gets a program that fails;
    no file may be left behind by either.
    """
    orders = load_orders()
    answers, left, problem = [], [], None
    given, refusals = [], []

    def program(path):
        if not isinstance(path, (str, os.PathLike)):
            raise NotYet("hand over the name, not the open file: another program has no use for your handle")
        given.append(os.fspath(path))
        if is_open_and_marked(path):
            refusals.append("Windows refuses the program: the file is open and marked for deletion")
            raise PermissionError(13, "Permission denied")
        content = read_by_another_process(path)
        if content is None:
            refusals.append("the program finds no file: it was removed before the program ran")
            raise FileNotFoundError(2, "No such file or directory")
        answers.append(whole_rows(content))
        return f"{answers[-1]} rows"

    def failing_program(path):
        given.append(os.fspath(path))
        raise ChildProcessError("the program failed")

    with temporary_folder() as folder, mock.patch.object(tempfile, "tempdir", folder), removal_as_on_windows():
        try:
            returned = function(orders, program)
        except (RemovalRefused, OSError) as error:
            returned, problem = None, error  # keeps the learner's open file alive until _let_go closes it
        left += _still_there(folder, given)
        if not problem and not left and answers == [len(orders)]:
            try:
                function(orders, failing_program)
            except ChildProcessError:
                pass
            left_by_failure = _still_there(folder, given)
        for path in {*left, *given}:
            if os.path.isfile(path):
                _let_go(path)
    if not given:
        raise problem or NotYet("program was never called")
    if refusals:
        raise NotYet(refusals[0])
    if not answers:
        raise problem or NotYet("the program did not get to read the file")
    if answers[0] < len(orders):
        raise NotYet(f"the program found {answers[0]:,} of 1,142 rows: close the file before you hand over its name")
    if problem:
        raise problem
    if left:
        raise NotYet("the program found all rows, but the file is left behind")
    if len(answers) != 1:
        raise NotYet(f"program was called {len(answers)} times, once is enough")
    if returned != f"{len(orders)} rows":
        raise NotYet("return what the program answered")
    if left_by_failure:
        raise NotYet("when the program fails, the file is left behind: remove it in a finally, or let a block do it")
    return "the program found all 1,142 rows, on Windows too, and nothing is left behind"


def _still_there(folder, given):
    return [*(str(path) for path in Path(folder).rglob("*")), *(path for path in given if os.path.exists(path))]


def _let_go(path):
    for file in open_files(path):
        file.close()
    Path(path).unlink(missing_ok=True)
