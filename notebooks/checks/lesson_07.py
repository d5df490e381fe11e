"""Checks for notebook 07, Publish in one step."""
import contextlib
import csv
import gc
import os
import shutil
import signal
import stat
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
    names_called,
    order_of,
    some_letters,
    temporary_folder,
)
from checks.windows import open_files

__all__ = ["torn_ways", "publish_steps", "publish_in_one_step", "tidy_after_an_error", "keep_the_readers", "what_it_promises"]

NAMES = ["order_id", "item"]
ROWS = [{"order_id": f"{number:06d}", "item": "Bananas"} for number in range(1, 41)]
OLD = b"order_id,item\r\n000000,Yesterday\r\n"
NEW = csv_bytes(ROWS)


def _seen(path):
    return _seen_in(path.read_bytes()) if path.exists() else "no file"


def _seen_in(content):
    if content == OLD:
        return "yesterday's file"
    if content == NEW:
        return "today's file"
    return f"{max(0, content.count(bytes([10])) - 1)} of 40 rows" if content else "an empty file"


def _others_beside(target):
    """Return the names of what lies beside ``target``; a lock file is no unfinished export."""
    return sorted(path.name for path in target.parent.iterdir() if path != target and "lock" not in path.name)


# --- Which ways show half a file -------------------------------------------------------------------------------

@exercise
def torn_ways(my_ways):
    """Publish in the four ways, look between the steps, and compare with the answer."""
    answer = some_letters(my_ways, "ABCD")
    found = {"A": _open_and_write(), "B": _remove_and_replace(), "C": _copy(), "D": _replace()}
    for letter, seen in found.items():
        torn = [words for words in seen if words not in ("yesterday's file", "today's file")]
        if torn and letter not in answer:
            raise NotYet(f"one letter is missing: with {letter} the check has just found {torn[0]}")
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
        why = {"C": "nobody has a file any more until the last step", "E": "it was moved too early"}.get(torn, "")
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
        raise NotYet("readers find a whole file at every moment, but after a power cut it may be empty: G is missing")
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
    names = {"os": os, "csv": csv, "open": open, "rows": rows, "target": target, "unfinished": unfinished, "look": look}
    try:
        exec(compile(program, "<your lines>", "exec"), names)
    except SyntaxError as error:
        return seen, f"Python cannot read your program: {error.msg}. B, E, F and G stand inside the block that D opens"
    except (NameError, OSError, ValueError) as error:
        line = order[len(seen)]
        why = {FileNotFoundError: "there is no unfinished file yet, or no more", NameError: "nothing has been opened yet",
               ValueError: "the file is closed by then"}.get(type(error), "what it needs is not there")
        return seen, f"line {line} stops with {type(error).__name__}: {why}"
    finally:
        export = names.get("export")
        if export is not None and not export.closed:
            export.close()
    return seen, None


# --- Publish ---------------------------------------------------------------------------------------------------

class _RowsBreakOff(Exception):
    pass


@exercise
def publish_in_one_step(function):
    """Call ``publish(rows, target, columns)`` over an old file: with rows that break off at the 20th, then with 40 rows.

    At every row, at every ``os.fsync`` and around ``os.replace`` the target is read by its name, as any reader could;
    what is found at a moment is also what a kill at that moment leaves. The file that is published must be
    complete, synced, closed, and from the target's own folder, or a folder in it. An error must come out.
    """
    with temporary_folder() as folder:
        target, _ = _target(folder)
        _break_off(function, target, _RowsBreakOff("the rows broke off at the 20th: this is the check's doing"))
        tidy = not _others_beside(target)
        try:
            _publish_watched(function, target)
        except FileExistsError:
            raise NotYet("a run that broke off left its unfinished file behind, and the next run stumbles over it") from None
        found = _seen(target)
    if found != "today's file":
        raise NotYet(f"at the end the target holds {found} instead of 40 rows")
    return ("readers find the old file or the new one, whole, at every row and every step" +
            ("" if tidy else "; after an error an unfinished file stays beside it"))


def _break_off(function, target, error, what="the rows broke off at the 20th"):
    """Let ``function`` publish rows that end in ``error``; raise NotYet unless that comes out and the old file is there."""
    try:
        _publish_watched(function, target, error)
    except BaseException as raised:
        if isinstance(raised, NotYet):
            raise
        if raised is not error and not isinstance(error, KeyboardInterrupt) and raised.__context__ is not error:
            raise
        if type(raised) is not type(error) and isinstance(raised, OSError):
            raise NotYet(f"{what}, and what comes out is another error, {type(raised).__name__}: {raised}") from None
        # The error keeps the frames that it came through, and these keep a file that was opened without with.
        traceback.clear_frames(raised.__traceback__)
        error.__traceback__ = raised.__traceback__ = None
        gc.collect()
    else:
        raise NotYet(f"{what}, and your function returned as if nothing had happened: the caller believes in a file "
                     "that is not there. Let the error through")
    if _seen(target) != "yesterday's file":
        raise NotYet(f"{what}, and the target now holds {_seen(target)} instead of the old file")


def _publish_watched(function, target, error=None):
    """Call ``function`` with the rows, which end in ``error`` at the 20th if there is one, and watch the target; return what was noted."""
    events = {"synced": False, "replaced": False}
    verdict = []

    def stop(sentence):
        verdict.append(sentence)
        raise NotYet(sentence)

    def look(moment):
        if not events["replaced"] and _seen(target) != "yesterday's file":
            stop(f"{moment} a reader finds {_seen(target)}: a kill at that moment leaves exactly this")

    def rows():
        for number, row in enumerate(ROWS, start=1):
            look(f"at row {number}")
            if error is not None and number == 20:
                raise error
            yield row
        look("after the last row")

    # Their parameters have the names of the real ones, for a caller who names them.
    def watched_fsync(fd, fsync=os.fsync):
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and not events["replaced"]:
            look("at os.fsync")
            events["synced"] = os.fstat(descriptor).st_size == len(NEW)
            events["synced too early"] = not events["synced"]
        fsync(descriptor)

    def watched_replace(src, dst, *, replace=os.replace, **options):
        source, destination = Path(src).resolve(), Path(dst).resolve()
        if source == target.resolve():
            stop("os.replace(a, b) gives the file a the name b: yours moves the target away, and readers find no file")
        if destination == target.resolve():
            look("before os.replace")
            if not source.is_relative_to(destination.parent):
                stop("your unfinished file is in another folder than the target, which may be on another file system, "
                     "where os.replace fails: make it beside the target")
            if error is not None:
                stop(f"the rows broke off at the 20th, and you publish all the same, {_seen(source)}")
            _judge_source(source, events, stop)
            events["replaced"], events["mode"] = True, stat.S_IMODE(source.stat().st_mode)
        replace(src, dst, **options)

    def watched_rename(src, dst, **options):
        stop("os.rename fails on Windows when the target exists: use os.replace, which is the same on every system")

    try:
        stand_ins = {os.fsync: watched_fsync, os.replace: watched_replace, os.rename: watched_rename}
        if hasattr(os, "fdatasync"):
            stand_ins[os.fdatasync] = watched_fsync
        with _in_place_of(function, stand_ins):
            function(rows(), target, list(NAMES))
    finally:
        # The learner's code may have caught our exception on its way.
        if verdict:
            raise NotYet(verdict[0]) from None
    if error is None and not events["replaced"]:
        if _seen(target) == "today's file":
            raise NotYet("the new rows arrive, but not in one step: while the target is being filled, readers find a part of it")
        raise NotYet(f"os.replace was not called for the target, which holds {_seen(target)}")
    return events


@contextlib.contextmanager
def _in_place_of(function, stand_ins):
    """Let stand-ins take the place of functions of os, also under the names that the notebook has given them."""
    places = [vars(os)] + [getattr(function, "__globals__", {})]
    before = [(place, name, value) for place in places for name, value in list(place.items())
              if any(value is real for real in stand_ins)]
    for place, name, value in before:
        place[name] = stand_ins[value]
    try:
        yield
    finally:
        for place, name, value in before:
            place[name] = value


def _judge_source(source, events, stop):
    if not NEW.startswith(source.read_bytes()):
        stop(first_difference(NEW, source, "the unfinished file", as_rows=True))
    if source.read_bytes() != NEW:
        stop(f"when you call os.replace the unfinished file holds {_seen(source)}: finish it first, flush and close")
    if open_files(source):
        stop("the file is still open when you call os.replace: Windows refuses that, and an error of close() would come too late")
    if events.get("synced too early"):
        stop("os.fsync came before the rows had left your program: flush first, then fsync")
    if not events["synced"]:
        stop("readers find the old file or the new one, but a power cut may leave an empty one: nobody called os.fsync before os.replace")


@exercise
def tidy_after_an_error(function):
    """Call ``publish_tidily`` with rows that break off, with Ctrl+C among the rows, with an error of os.replace, then with 40 rows.

    After each accident the error must have come out, the old file must be there, and nothing beside it.
    """
    with temporary_folder() as folder:
        target, _ = _target(folder)
        _break_off(function, target, _RowsBreakOff("the rows broke off at the 20th: this is the check's doing"))
        _nothing_left(target, "the rows broke off at the 20th")
        _break_off(function, target, KeyboardInterrupt(), "Ctrl+C came at the 20th row")
        _nothing_left(target, "Ctrl+C came at the 20th row, which is no Exception,")
        _fail_to_replace(function, target)
        _nothing_left(target, "os.replace failed, as on Windows when somebody reads the target,")
        _publish_watched(function, target)
        _nothing_left(target, "all went well")
        found = _seen(target)
    if found != "today's file":
        raise NotYet(f"at the end the target holds {found} instead of 40 rows")
    return "after an error, Ctrl+C and a refused os.replace the old file is there and nothing beside it, and each error came out"


def _nothing_left(target, what):
    if left := _others_beside(target):
        raise NotYet(f"{what}{'' if what.endswith(',') else ','} and an unfinished file stays beside the target: {left[0]}")


def _fail_to_replace(function, target):
    def refused(src, dst, **options):
        raise PermissionError(13, "this is the check's doing")

    with _in_place_of(function, {os.replace: refused, os.rename: refused}):
        try:
            function(iter(ROWS), target, list(NAMES))
        except Exception as error:
            if isinstance(error, PermissionError) or isinstance(error.__context__, PermissionError):
                return
            raise
    raise NotYet("os.replace failed, and your function returned as if nothing had happened: let the error through")


@exercise
def keep_the_readers(function):
    """Call ``publish_for_readers`` over files with two kinds of permissions, and where there is no file yet."""
    with temporary_folder() as folder:
        target, _ = _target(folder)
        try:
            target.unlink()
            function(iter(ROWS), target, list(NAMES))
        except FileNotFoundError:
            raise NotYet("where there is no file yet, your function stops with FileNotFoundError: "
                         "ask first whether the target is there") from None
        if _seen(target) != "today's file":
            raise NotYet(f"where there was no file yet, the target holds {_seen(target)} instead of 40 rows")
        for mode in (0o600, 0o664):
            target.write_bytes(OLD)
            target.chmod(mode)
            events = _publish_watched(function, target)
            if _seen(target) != "today's file":
                raise NotYet(f"over an old file, the target holds {_seen(target)} instead of 40 rows")
            _same_mode(function, target, mode, events["mode"])
    return "the new file has the permissions of the old one, and the first export of all works, too"


def _same_mode(function, target, mode, at_replace):
    if os.name == "nt":  # which has no such bits to look at
        if not names_called(function) & {"copymode", "copystat", "chmod", "fchmod", "safe_export", "unfinished_file"}:
            raise NotYet("nothing in your function gives the new file the permissions of the old one")
        return
    got = stat.S_IMODE(target.stat().st_mode)
    if got != mode:
        wanted, found = (stat.filemode(stat.S_IFREG | bits) for bits in (mode, got))
        who = "others may read it now" if got & ~mode & 0o044 else "not everybody may use it who could before"
        raise NotYet(f"the old file was {wanted}, the new one is {found}: {who}")
    if at_replace != mode:
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
            raise NotYet(f"one letter is missing, {letter}: {what}")
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
    return os.name == "nt" or mode == "-rw-------", f"a file with the permissions -rw------- has {mode} afterwards"
