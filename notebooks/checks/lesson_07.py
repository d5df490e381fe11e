"""Checks for notebook 07, Publish in one step."""
import contextlib
import csv
import errno
import functools
import gc
import inspect
import io
import os
import shutil
import signal
import stat
import time
import traceback
from pathlib import Path
from unittest import mock

from safe_export import AnotherExport, Refused, safe_export, unfinished_file

from checks.common import (
    NotYet,
    as_program,
    csv_bytes,
    exercise,
    first_difference,
    is_lock,
    names_called,
    open_files,
    order_of,
    sets_permissions,
    some_letters,
    temporary_folder,
    what_stopped,
)
from checks.windows import HAS_PERMISSIONS, as_on_windows, handles_watched, open_handles, open_replaced

__all__ = ["torn_ways", "publish_steps", "publish_in_one_step", "tidy_after_an_error", "keep_the_readers", "what_it_promises"]

NAMES = ["order_id", "item"]
ROWS = [{"order_id": f"{number:06d}", "item": "Bananas" if number > 1 else "Crème fraîche"} for number in range(1, 41)]
OLD = b"order_id,item\r\n000000,Yesterday\r\n"
NEW = csv_bytes(ROWS)
IN_PLACE = ("the new rows arrive, but not in one step: while the target itself is being filled, readers find an empty file or a part "
            "of it")


def _content(path):
    """Return the bytes of a file; the learner's ``open`` and the stand-ins for it are left out."""
    with io.FileIO(path) as file:
        return file.readall()


def _seen(path):
    return _seen_in(_content(path)) if path.exists() else "no file"


def _seen_in(content):
    if content == OLD:
        return "yesterday's file"
    if content == NEW:
        return "today's file"
    return f"{max(0, content.count(bytes([10])) - 1)} of 40 rows" if content else "an empty file"


def _is_or_holds(path):
    found = _seen(path)
    words = {"no file": "is not there", "an empty file": "is empty"}
    return words.get(found) or (f"is {found}" if found.endswith("file") else f"holds {found}")


def _others_beside(target):
    """Return the names of what lies beside ``target``; a lock file is no unfinished export."""
    return sorted(path.name for path in target.parent.iterdir() if path != target and not is_lock(path))


# --- Which ways show half a file -------------------------------------------------------------------------------

@exercise
def torn_ways(my_ways):
    """Publish in the four ways, look between the steps, and compare with the answer."""
    answer = some_letters(my_ways, "ABCD")
    found = {"A": _open_and_write(), "B": _remove_and_replace(), "C": _copy(), "D": _replace()}
    if answer == {"D"}:
        raise NotYet("D is the only one with a whole file at every moment: name the others")
    for letter, seen in found.items():
        torn = [words for words in seen if words not in ("yesterday's file", "today's file")]
        if torn and letter not in answer:
            raise NotYet(f"a letter is missing: with {letter} the check has just found {torn[0]}")
        if not torn and letter in answer:
            raise NotYet(f"with {letter} the check found {' and then '.join(dict.fromkeys(seen))}, each of them whole, and nothing else")
    return "A, B and C let a reader find no whole file for a moment; with D there is a whole one at every moment"


def _target(folder):
    target = Path(folder) / "orders.csv"
    target.write_bytes(OLD)
    return target, Path(f"{target}.part")


def _open_and_write():
    with temporary_folder() as folder:
        target, _ = _target(folder)
        seen = [_seen(target)]
        with open(target, "wb") as export:
            seen.append(_seen(target))
            export.write(NEW)
        return [*seen, _seen(target)]


def _remove_and_replace():
    with temporary_folder() as folder:
        target, part = _target(folder)
        part.write_bytes(NEW)
        os.remove(target)
        seen = [_seen(target)]
        os.replace(part, target)
        return [*seen, _seen(target)]


def _copy():
    with temporary_folder() as folder:
        target, part = _target(folder)
        part.write_bytes(NEW)
        seen = [_seen(target)]

        def watched_open(file, mode="r", *rest, open=open, **options):
            opened = open(file, mode, *rest, **options)
            if "w" in mode:
                seen.append(_seen(target))
            return opened

        with mock.patch("builtins.open", watched_open):
            shutil.copyfile(part, target)
        return [*seen, _seen(target)]


def _replace():
    with temporary_folder() as folder:
        target, part = _target(folder)
        seen = [_seen(target)]
        part.write_bytes(NEW)
        seen.append(_seen(target))
        os.replace(part, target)
        return [*seen, _seen(target)]


# --- The steps in order ----------------------------------------------------------------------------------------

LINES = {
    "A": "os.replace(unfinished, target)",
    "B": "    csv.writer(export).writerows(rows)",
    "C": "os.remove(target)",
    "D": 'with open(unfinished, "w", newline="") as export:',
    "E": "    os.replace(unfinished, target)",
    "F": "    export.flush()",
    "G": "    os.fsync(export.fileno())",
}


@exercise
def publish_steps(my_order):
    """Run the lines in the order of the answer over yesterday's file, and look at the target after each of them."""
    order = order_of(my_order)
    if not order or not set(order) <= set(LINES):
        raise NotYet('answer with letters from A to G in your order, such as "GFE"')
    if len(set(order)) < len(order):
        raise NotYet("there is only one of each line, so use a letter once at most")
    for letter, what in (("D", "opens the unfinished file"), ("B", "writes the rows")):
        if letter not in order:
            raise NotYet(f"no line of your program {what}")
    with temporary_folder() as folder:
        target, unfinished = _target(folder)
        seen, error = _run_lines(order, target, unfinished)
    torn = next((letter for letter, found in seen.items() if found not in ("yesterday's file", "today's file")), None)
    if torn:
        removed = ("it removes the file that was just published" if "A" in order[:order.index(torn)] else
                   "nobody has a file any more until the new one gets its name")
        why = {"C": removed, "E": "it was moved too early"}.get(torn, "")
        if torn == "E" or torn not in "CE" and "E" in order[:order.index(torn)]:
            why = "the file was moved inside the block, while rows still waited; and Windows moves no file that is open"
        raise NotYet(f"after line {torn} a reader finds {seen[torn]}{': ' + why if why else ''}")
    if error:
        raise NotYet(error)
    if "E" in order:
        raise NotYet("readers find a whole file, but E moves a file that is open: Windows refuses that")
    if "A" not in order:
        raise NotYet("at the end a reader still finds yesterday's file: no line gives the new one its name")
    if seen[order[-1]] == "yesterday's file":
        raise NotYet("at the end a reader still finds yesterday's file")
    if "G" not in order:
        lacks = "G is missing" if "F" in order else "F and G are missing"
        raise NotYet(f"readers find a whole file at every moment, but after a power cut it may be empty: {lacks}")
    if "F" not in order[:order.index("G")]:
        raise NotYet("fsync can save only what has left your program: the flush must come before it, after the rows")
    if order.index("F") < order.index("B") or order.index("G") < order.index("B"):
        raise NotYet("readers find a whole file at every moment, but flush or fsync came before the rows: a power cut may empty it")
    return "a reader finds yesterday's file after each line but the last, and then today's"


def _run_lines(order, target, unfinished):
    """Return what was found after each line that was run, and a sentence if one of them raised, else None."""
    seen, program = {}, ""
    for letter in order:
        indent = " " * 4 if letter == "D" else LINES[letter][:len(LINES[letter]) - len(LINES[letter].lstrip())]
        program += f"{LINES[letter]}\n{indent}look({letter!r})\n"

    def look(letter):
        seen[letter] = _seen(target)

    rows = [NAMES, *(list(row.values()) for row in ROWS)]
    names = {"os": os, "csv": csv, "open": functools.partial(open, encoding="utf-8"), "rows": rows, "target": target,
             "unfinished": unfinished, "look": look}
    try:
        exec(compile(program, "<your lines>", "exec"), names)
    except SyntaxError as error:
        return seen, f"Python cannot read your program: {error.msg}. B, E, F and G stand inside the block that D opens"
    except (NameError, OSError, ValueError) as error:
        line = order[len(seen)]
        why = {FileNotFoundError: "E has moved the unfinished file already" if "E" in order[:order.index(line)]
               else "there is no unfinished file yet", NameError: "nothing has been opened yet",
               ValueError: "the file is closed by then",
               PermissionError: f"{line} moves a file that is open: Windows refuses that"}.get(type(error), "what it needs is not there")
        return seen, f"line {line} stops with {type(error).__name__}: {why}"
    finally:
        export = names.get("export")
        if export is not None and not export.closed:
            export.close()
    return seen, None


# --- One call of the learner's function, watched ---------------------------------------------------------------

class _RowsBreakOff(Exception):
    pass


class _Accident:
    """Something that goes wrong while the learner's function runs.

    Parameters: ``what`` are the words for it; ``where`` is "row" (the 20th), "open", "chmod" or "os.replace"; ``error`` is raised.
    """

    def __init__(self, what, where, error):
        self.what, self.where, self.error, self.happened = what, where, error, False

    def strike(self):
        self.happened = True
        raise self.error


def _rows_break_off():
    return _Accident("the rows broke off at the 20th", "row", _RowsBreakOff("this is the check's doing"))


def _replace_refused():
    return _Accident("os.replace failed, as on Windows when somebody reads the target", "os.replace",
                     PermissionError(errno.EACCES, "this is the check's doing"))


class _Watch:
    """Calls the learner's function once, as on Windows, and looks at the target at every row and every step.

    The target is read by its name, as any reader could; what is found at a moment is also what a kill at that moment
    leaves. The file that is published must be complete, synced, closed, and from the target's own folder, or a folder
    in it. The stand-ins for functions of os have parameters with the names of the real ones, for a caller who names them.
    """

    def __init__(self, target, accident=None, first_day=False):
        self.target, self.accident, self.first_day = target, accident, first_day
        self.before = "no file" if first_day else "yesterday's file"
        self.replaced, self.synced_too_early, self.asked = False, False, False
        self.synced, self.mode, self.verdict = None, None, None  # synced: which file was synced when it was whole
        self.old_mode = None  # the permissions of the old file when it is replaced
        self.left = {path.name: path.read_bytes() for path in target.parent.iterdir() if path != target and path.is_file()}

    def call(self, function):
        """Let ``function`` publish; return self, or raise NotYet, or what the function raises."""
        try:
            with as_on_windows(function), handles_watched(), _in_place_of(function, self._stand_ins()), self._opening(function):
                function(self._rows(), str(self.target), list(NAMES))
        finally:
            # The learner's code may have caught our exception on its way.
            if self.verdict:
                raise NotYet(self.verdict) from None
        if not self.replaced and not (self.accident and self.accident.happened):
            self._say_why_not_replaced(function)
        return self

    def _say_why_not_replaced(self, function):
        if _seen(self.target) == "today's file":
            raise NotYet(IN_PLACE)
        if inspect.isgeneratorfunction(function):
            raise NotYet("a function with yield in it only starts when somebody loops over it, and nobody does. Leave yield out")
        if not self.asked:
            raise NotYet("your function asks for none of the rows")
        if self.first_day:
            raise NotYet("where there is no file yet, os.replace was not called, and so nothing was published")
        raise NotYet(f"os.replace was not called for the target, which {_is_or_holds(self.target)}")

    def _stand_ins(self):
        stand_ins = {os.fsync: self._fsync, os.replace: self._replace, os.rename: self._rename, os.remove: self._remove,
                     os.unlink: self._remove}
        if hasattr(os, "fdatasync"):
            stand_ins[os.fdatasync] = self._fsync
        where = self.accident.where if self.accident else None
        if where == "chmod":
            stand_ins |= {real: self._struck for name in ("chmod", "fchmod") if (real := getattr(os, name, None))}
        if where == "open":
            stand_ins |= {os.mkdir: self._struck, os.open: self._open_by_number}
        return stand_ins

    def _stop(self, sentence):
        self.verdict = self.verdict or sentence
        raise NotYet(sentence)

    def _look(self, moment):
        found = _seen(self.target)
        if not self.replaced and found != self.before:
            if found == "today's file":
                self._stop(IN_PLACE)
            day = "on the very first day, " if self.first_day else ""
            self._stop(f"{day}{moment} a reader finds {found}: a kill at that moment leaves exactly this")

    def _rows(self):
        self.asked = True
        for number, row in enumerate(ROWS, start=1):
            self._look(f"at row {number}")
            if self.accident and self.accident.where == "row" and number == 20:
                self.accident.strike()
            yield row
        self._look("after the last row")

    def _struck(self, *given, **named):
        self.accident.strike()

    def _open_by_number(self, path, flags, *rest, real=os.open, **named):
        if flags & os.O_CREAT:
            self.accident.strike()
        return real(path, flags, *rest, **named)

    def _opening(self, function):
        if not self.accident or self.accident.where != "open":
            return contextlib.nullcontext()

        def open_or_fail(file, mode="r", *rest, real=io.open, **named):
            if set(mode) & set("wax+"):
                self.accident.strike()
            return real(file, mode, *rest, **named)

        return open_replaced(function, open_or_fail)

    def _fsync(self, fd, real=os.fsync):
        descriptor = fd.fileno() if hasattr(fd, "fileno") else fd
        if isinstance(descriptor, int) and stat.S_ISREG(os.fstat(descriptor).st_mode) and not self.replaced:
            self._look("at os.fsync")
            self.synced_too_early = os.fstat(descriptor).st_size != len(NEW)
            self.synced = None if self.synced_too_early else os.fstat(descriptor)
        real(descriptor)

    def _replace(self, src, dst, *, real=os.replace, **named):
        source, destination = Path(src).resolve(), Path(dst).resolve()
        if source == self.target.resolve():
            self._stop("os.replace(a, b) gives the file a the name b: yours moves the target away, and readers find no file")
        if destination == self.target.resolve() and source.exists():
            self._look("before os.replace")
            if not source.is_relative_to(destination.parent):
                self._stop("your unfinished file is in another folder than the target, which may be on another file system, "
                           "where os.replace fails: make it beside the target")
            if self.accident and self.accident.happened and self.accident.where == "row":
                self._stop(f"{self.accident.what}, and you publish all the same, {_seen(source)}")
            self._judge(source)
            if open_files(self.target):
                self._stop("the old file is open in your program when you call os.replace: Windows refuses that")
            if self.accident and self.accident.where == "os.replace":
                self.accident.strike()
            self.old_mode = stat.S_IMODE(self.target.stat().st_mode) if self.target.exists() else None
            self.replaced, self.mode = True, stat.S_IMODE(source.stat().st_mode)
        real(src, dst, **named)

    def _rename(self, src, dst, *, real=os.rename, **named):
        source, destination = Path(src).resolve(), Path(dst).resolve()
        if destination != self.target.resolve() and source != self.target.resolve():
            return real(src, dst, **named)
        if not self.first_day and source.is_relative_to(self.target.parent.resolve()) and source != self.target.resolve():
            self._look("before the move")
            if inspect.currentframe().f_back.f_back.f_globals.get("__name__") == "shutil":  # in between is the coat of _named_as
                self._stop("shutil.move is not one step everywhere: on Windows, where the target exists, it copies the rows piece by "
                           "piece. Use os.replace")
            self._stop("os.rename fails on Windows when the target exists: use os.replace, which is the same on every system")
        return self._replace(src, dst, **named)

    def _remove(self, path, *, dir_fd=None, real=os.remove):
        if dir_fd is None and Path(path).resolve() == self.target.resolve() and self.target.exists() and not self.replaced:
            self._stop("you remove the old file, and from then on a reader finds no file: os.replace puts the new one in its place "
                       "in one step")
        if open_files(path, dir_fd) and not is_lock(path):  # safe_export.py treats its lock otherwise on Windows
            self._stop("Windows refuses to remove a file that is open: close it first")
        real(path, dir_fd=dir_fd)

    def _judge(self, source):
        content = _content(source)
        if b"\r\r\n" in content:
            self._stop('the lines of the unfinished file end in \\r\\r\\n: Windows makes them so when newline="" is missing')
        left = self.left.get(source.name)
        if left and content != NEW and content.startswith(left):
            self._stop("your rows stand behind what the run that broke off has left in the unfinished file: open it with "
                       '"w", which begins it anew')
        header, *rows = content.splitlines() or [b""]
        if header != NEW.splitlines()[0] and NEW.splitlines()[0] in rows:
            self._stop(f"the header stands in line {rows.index(NEW.splitlines()[0]) + 2} of the unfinished file, behind rows: it must "
                       "be the first line")
        if not NEW.startswith(content):
            told = first_difference(NEW, content, "the unfinished file", as_rows=True)
            self._stop(told + (': say encoding="utf-8" when you open it' if "is not UTF-8" in told else ""))
        if content != NEW:
            self._stop(f"when you call os.replace the unfinished file {_is_or_holds(source)}: finish it first, flush and close")
        if open_files(source):
            self._stop("the file is still open when you call os.replace: Windows refuses that, and an error of close() would come "
                       "too late")
        if open_handles(source):
            self._stop("the handle that mkstemp gives is still open when you call os.replace, and Windows refuses that: close it "
                       "with os.close()")
        if self.synced_too_early:
            self._stop("os.fsync came before the rows had left your program: flush first, then fsync")
        if not self.synced or not os.path.samestat(self.synced, source.stat()):
            self._stop("readers find the old file or the new one, but a power cut may leave an empty one: nobody called os.fsync "
                       "for this file before os.replace")


@contextlib.contextmanager
def _in_place_of(function, stand_ins):
    """Let stand-ins take the place of functions of os, also under the names that the notebook has given them."""
    places = [vars(os)] + [getattr(function, "__globals__", {})]
    before = [(place, name, value) for place in places for name, value in list(place.items())
              if any(value is real for real in stand_ins)]
    for place, name, value in before:
        place[name] = _named_as(value, stand_ins[value])
    try:
        yield
    finally:
        for place, name, value in before:
            place[name] = value


def _named_as(real, stand_in):
    """Return ``stand_in`` in a coat, so that an error of the call is the one of ``real``."""
    if real in (os.replace, os.rename):
        def coat(src, dst, **named):
            return stand_in(src, dst, **named)
    else:
        def coat(*given, **named):
            return stand_in(*given, **named)
    coat.__name__ = coat.__qualname__ = real.__name__
    return coat


def _after_accident(function, target, accident, same=False, first_day=False):
    """Let ``function`` publish while ``accident`` happens; raise NotYet unless its error comes out and the old file is there.

    Without ``same`` an error that is raised *from* it counts as well.
    """
    watch, error = _Watch(target, accident, first_day), accident.error
    try:
        watch.call(function)
    except BaseException as raised:
        if isinstance(raised, NotYet) or not accident.happened:
            raise
        is_same = raised is error or (type(raised), raised.args) == (type(error), error.args)
        if not is_same and (same or raised.__cause__ is not error):
            first = type(error).__name__.strip("_")
            other = (f"a new {first} comes out in place of the first" if type(raised) is type(error) else
                     f"instead of {first} another error comes out")
            raise NotYet(f"{accident.what}, and {other}: "
                         f"{what_stopped(raised, function)}. The line raise alone, inside except, lets the first one through") from None
        # The error keeps the frames that it came through, and these keep a file that was opened without with.
        traceback.clear_frames(raised.__traceback__)
        error.__traceback__ = raised.__traceback__ = None
        gc.collect()
    else:
        if accident.happened:
            raise NotYet(f"{accident.what}, and your function returned as if nothing had happened: the caller believes in a file "
                         "that is not there. Let the error through")
        return
    if _seen(target) != watch.before:
        raise NotYet(f"{accident.what}, and the target now {_is_or_holds(target)} instead of "
                     + ("nothing" if first_day else "the old file"))


def _publish(function, target, written=None):
    """Let ``function`` publish over the old file, without an accident, and return the watch; ``written`` is the old one's time."""
    target.write_bytes(OLD)
    if written is not None:
        os.utime(target, (written, written))
    try:
        watch = _Watch(target).call(function)
    except FileNotFoundError as error:
        _say_why_not_there(error, function, target)
        raise
    if _seen(target) != "today's file":
        raise NotYet(f"at the end the target {_is_or_holds(target)} instead of today's 40 rows")
    return watch


def _say_why_not_there(error, function, target):
    """Raise NotYet if ``error`` came from using the unfinished file's name before it was written or after it was moved."""
    if not error.filename or Path(error.filename).name == target.name or Path(error.filename).parent != target.parent:
        return
    name, removes = Path(error.filename).name, any(frame.name == "_remove" for frame in traceback.extract_tb(error.__traceback__))
    if _seen(target) == "today's file":
        hint = ("remove it only after an error" if removes else
                "give it the permissions before the move" if sets_permissions(function) else "whatever it needs, do it before the move")
        raise NotYet(f"after os.replace there is no {name} any more: {hint}") from None
    if not removes and "NamedTemporaryFile" in names_called(function):
        raise NotYet("a NamedTemporaryFile is removed when it is closed, and os.replace must come after that: say delete=False") from None
    if not removes:
        raise NotYet(f"there is no {name} yet when your function needs it: write it first") from None


# --- Publish ---------------------------------------------------------------------------------------------------

@exercise
def publish_in_one_step(function):
    """Call ``publish_orders`` over an old file: with 40 rows, with rows that break off, with a refused os.replace, and once more."""
    tools = {"publish", "safe_export"}
    if tool := next(iter(sorted(tools & {*names_called(function), getattr(function, "__name__", None)})), None):
        raise NotYet(f"you call {tool}, which does all of it: here write the steps yourself")
    with temporary_folder() as folder:
        target, _ = _target(folder)
        _publish(function, target)
        target.write_bytes(OLD)
        _after_accident(function, target, _rows_break_off())
        tidy = not _others_beside(target)
        try:
            _after_accident(function, target, _replace_refused())
            _publish(function, target)
        except FileExistsError:
            raise NotYet("a run that broke off left its unfinished file behind, and the next run stumbles over it") from None
    return ("readers find the old file or the new one, whole, at every row and every step, and both errors come out" +
            ("" if tidy else "; after an error an unfinished file stays beside it"))


@exercise
def tidy_after_an_error(function):
    """Call ``publish_tidily`` with 40 rows, and then let six things go wrong, each in a run of its own.

    After each accident the same error must have come out, the old file must be there, and nothing new beside it.
    """
    accidents = [
        _rows_break_off(),
        _Accident("Ctrl+C, which is no Exception, came at the 20th row", "row", KeyboardInterrupt()),
        _replace_refused(),
        _Accident("the folder was read-only, so that nothing could be opened for writing", "open",
                  OSError(errno.EROFS, "Read-only file system")),
        _Accident("the folder was not there, so that nothing could be opened", "open",
                  FileNotFoundError(errno.ENOENT, "No such folder")),
    ]
    with temporary_folder() as folder:
        target, _ = _target(folder)
        (target.parent / NEIGHBOUR).write_bytes(OLD)
        _publish(function, target)
        _nothing_left(target, "all went well")
        for accident in accidents:
            target.write_bytes(OLD)
            _after_accident(function, target, accident, same=True)
            _nothing_left(target, accident.what)
        target.unlink()
        _after_accident(function, target, _rows_break_off(), same=True, first_day=True)
        _nothing_left(target, "there was no file yet, the rows broke off at the 20th")
    return ("after an error, Ctrl+C, a refused os.replace and a folder that takes no file the old file is there and nothing beside it, "
            "and each error came out")


NEIGHBOUR = "prices.csv.part"  # of another program


def _nothing_left(target, what):
    beside = _others_beside(target)
    if NEIGHBOUR not in beside:
        raise NotYet(f"{what}, and your function has removed {NEIGHBOUR}, which belongs to another program")
    if left := [name for name in beside if name != NEIGHBOUR]:
        raise NotYet(f"{what}, and a file stays beside the target: {left[0]}")


# --- Keep the readers ------------------------------------------------------------------------------------------

_TWO_DAYS_AGO = time.time() - 2 * 24 * 60 * 60


@exercise
def keep_the_readers(function):
    """Call ``publish_for_readers`` over files with three kinds of permissions, where there is no file yet, and with two accidents."""
    with temporary_folder() as folder, _umask_kept():
        os.umask(0o022)  # as on most machines
        target, _ = _target(folder)
        for mode in (0o600, 0o640, 0o775):
            target.chmod(mode)
            watch = _publish(function, target, written=_TWO_DAYS_AGO)
            _same_mode(function, target, mode, watch)
            if abs(target.stat().st_mtime - _TWO_DAYS_AGO) < 60:
                raise NotYet("the new file has the time of the old one, too, and programs that fetch only what is newer pass it by: "
                             "shutil.copystat copies the time, shutil.copymode the permissions alone")
        _publish_first(function, target, 0o644)
        os.umask(0o077)  # not on all
        _publish_first(function, target, 0o600)
        os.umask(0o022)
        target.write_bytes(OLD)
        target.chmod(0o600)
        _after_accident(function, target, _rows_break_off())
        for name in _others_beside(target):
            (target.parent / name).unlink()
        if HAS_PERMISSIONS:
            _publish_without_chmod(function, target)
        else:
            return "the function sets permissions, which this system does not have; the first export of all works, too, and errors come out"
    return "the new file has the permissions of the old one, the first export of all works, too, and errors come out"


@contextlib.contextmanager
def _umask_kept():
    """Put back, at the end of the block, the umask of its beginning."""
    mask = os.umask(0)
    os.umask(mask)
    try:
        yield
    finally:
        os.umask(mask)


def _publish_first(function, target, usual):
    """Let ``function`` publish where there is no file yet; ``usual`` are the permissions that it should have."""
    target.unlink()
    try:
        watch = _Watch(target, first_day=True).call(function)
    except FileNotFoundError as error:
        _say_why_not_there(error, function, target)
        if error.filename and Path(error.filename).name == target.name:
            raise NotYet("where there is no file yet, your function stops with FileNotFoundError: "
                         "ask first whether the target is there") from None
        raise
    if _seen(target) != "today's file":
        raise NotYet(f"where there was no file yet, the target {_is_or_holds(target)} instead of the 40 rows")
    if HAS_PERMISSIONS and {watch.mode, stat.S_IMODE(target.stat().st_mode)} != {usual}:
        got = next(mode for mode in (watch.mode, stat.S_IMODE(target.stat().st_mode)) if mode != usual)
        raise NotYet(f"where there was no file yet, the new one is {_in_letters(got)}; usual is what open() gives, "
                     f"in this run {_in_letters(usual)}")


def _publish_without_chmod(function, target):
    """Let ``function`` publish over a private file where nobody may change permissions."""
    accident = _Accident("the permissions could not be set", "chmod", PermissionError(errno.EPERM, "this is the check's doing"))
    try:
        _after_accident(function, target, accident)
    except NotYet:
        if _seen(target) != "today's file":
            raise
        mode = stat.S_IMODE(target.stat().st_mode)
        if mode & 0o077:
            raise NotYet(f"the permissions could not be set, and you publish all the same: the old file was -rw-------, "
                         f"the new one is {_in_letters(mode)}. Let the error through, before the move") from None


def _in_letters(mode):
    return stat.filemode(stat.S_IFREG | mode)


def _same_mode(function, target, mode, watch):
    if not HAS_PERMISSIONS:  # no such bits to look at
        if not sets_permissions(function):
            raise NotYet("nothing in your function gives the new file the permissions of the old one")
        return
    got = stat.S_IMODE(target.stat().st_mode)
    if watch.old_mode != mode:
        raise NotYet("shutil.copymode(a, b) gives the file b the permissions of the file a, and yours changes the old file: it went "
                     f"from {_in_letters(mode)} to {_in_letters(watch.old_mode)}")
    if got != mode:
        who = "others may read it now" if got & ~mode & 0o044 else "not everybody may use it who could before"
        raise NotYet(f"the old file was {_in_letters(mode)}, the new one is {_in_letters(got)}: {who}")
    if watch.mode != mode:
        raise NotYet("in the end the permissions are right, but for a moment after os.replace they were not: "
                     "give them to the unfinished file, before the move")


# --- What it promises ------------------------------------------------------------------------------------------

@exercise
def what_it_promises(my_promises):
    """Put safe_export into the five situations, and see what comes of it."""
    answer = some_letters(my_promises, "ABCDE")
    kept = {"A": _after_a_kill(), "B": _rows_that_come_once(), "C": _two_at_once(), "D": _another_name(), "E": _private()}
    for letter, (is_kept, what) in kept.items():
        if letter in answer and not is_kept:
            raise NotYet(f"{letter} is not promised: {what}")
        if letter not in answer and is_kept:
            raise NotYet(f"a letter is missing, {letter}: {what}")
    return "safe_export protects the file and its readers (A, C, E); it does not bring back rows (B), and it refuses hard links (D)"


def _after_a_kill():
    with temporary_folder() as folder:
        target, _ = _target(folder)
        as_program(_export_and_die, target)
        found = _seen(target)
    return found == "yesterday's file", f"an export was killed at its 20th row, and a reader finds {found}"


def _export_and_die(target):
    def rows():
        for number in range(40):
            if number == 20:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            yield {"order_id": number, "item": "Bananas"}

    safe_export(rows(), target, ["order_id", "item"])


def _rows_that_come_once():
    with temporary_folder() as folder:
        target, _ = _target(folder)
        source = iter(ROWS)
        with contextlib.suppress(_RowsBreakOff):
            safe_export(_breaking_off(source), target, NAMES)
        written = safe_export(source, target, NAMES)
    return written == len(ROWS), (f"the rows broke off at the 20th, and the second export had {written} of 40 rows: "
                                  "those that the first had taken were gone")


def _breaking_off(source):
    for number, row in enumerate(source, start=1):
        if number == 20:
            raise _RowsBreakOff
        yield row


def _two_at_once():
    with temporary_folder() as folder:
        target, _ = _target(folder)
        with unfinished_file(target):
            try:
                safe_export(ROWS, target, NAMES)
            except AnotherExport as error:
                return True, f"the second export stopped with AnotherExport: {error}"
    return False, "the second export was not refused"


def _another_name():
    with temporary_folder() as folder:
        target, _ = _target(folder)
        try:
            os.link(target, Path(folder) / "same.csv")
            safe_export(ROWS, target, NAMES)
        except Refused:
            return False, "it stopped with Refused, because the other name would have kept the old rows"
        except OSError:
            return False, "with a second name, a hard link, safe_export stops with Refused"
    return False, "the other name has the old rows"


def _private():
    with temporary_folder() as folder:
        target, _ = _target(folder)
        target.chmod(0o600)
        safe_export(ROWS, target, NAMES)
        mode = stat.filemode(target.stat().st_mode)
    return not HAS_PERMISSIONS or mode == "-rw-------", f"a file with the permissions -rw------- has {mode} afterwards"
