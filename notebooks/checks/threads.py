"""Runs a learner's program in a process of its own, for the cases of notebook 09 where it may die or hang.

Case 7 runs under the worst luck that threads may have: each order that is put into a queue, and each flush
of a file, comes only when all other threads have got as far as they can. So a thread that nobody waits for
is always too late, however fast the computer is.
"""
import builtins
import functools
import io
import json
import os
import queue
import sys
import threading
import time

from processes import attempt, stop, stop_for

PLUG_PULLED = 9  # an exit code
READINGS = [(f"08:{minute:02}", 4.0 + minute / 10) for minute in range(7)]


# --- Files that differ from others ---

def open_with(raw=io.FileIO, text=io.TextIOWrapper):
    """Return a function like open() whose files for writing have these classes as lowest and highest layer.

    The byte buffer between them holds 1 MiB on every Python, so that nothing comes through it by luck. A binary file
    with ``buffering=0`` is the lowest layer alone.
    """
    plain_open = io.open

    def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if not set(mode) & set("wax+") or buffering == 0 and "b" not in mode:  # open() itself refuses the latter
            return plain_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        lowest = raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return lowest
        below = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(lowest, 1 << 20)
        return below if "b" in mode else text(below, encoding, errors, newline, line_buffering=buffering == 1)
    return open_file


# --- Case 3: the program dies ---

def log_until_the_plug_is_pulled(learner, path):
    """Hand out the READINGS; when the next one is asked for, the process dies, and nothing gets a last chance."""
    def readings():
        yield from READINGS
        os._exit(PLUG_PULLED)

    attempt(learner, readings(), path)
    stop("your program returned before it had taken all readings")


# --- Case 7: threads with bad luck ---

LONGEST = 15  # seconds, those of hold_back() not counted; no program here needs a single one
waits = {}  # a thread -> (what it waits for: a Condition or a Thread, whether for ever), until it is woken
woken = []  # one entry each time that somebody is woken or has done waiting, so that two looks can be compared
starting = set()  # the threads whose start() has not returned: they move, though nothing shows it yet
held = set()  # the threads that hold_back() keeps
helpers = set()  # the thread that watches, which is none of the program's own
patience = iter(range(1000))  # how often all calls of hold_back() look, each after 2 ms or more


def save_with_bad_luck(learner, path, orders):
    """Save ``orders`` (JSON) under bad luck, and let the program end by itself, if it does."""
    _note_who_waits()
    started = _note_starts()
    threading.excepthook = _stop_for_thread
    queue.Queue.put = _late(queue.Queue.put)
    builtins.open = io.open = open_with(text=LateFile)
    watcher = threading.Thread(target=_watch_for_a_standstill, daemon=True)
    helpers.add(watcher)
    watcher.start()
    attempt(learner, json.loads(orders), path)
    if started == [watcher]:
        stop("no thread was started: write the rows in a thread")


class LateFile(io.TextIOWrapper):
    """A file whose flush() is late; close() calls it too."""

    def flush(self):
        if not sys.is_finalizing():
            hold_back()
        super().flush()


def _late(method):
    @functools.wraps(method)
    def late_method(*arguments, **options):
        hold_back()
        return method(*arguments, **options)
    return late_method


def hold_back():
    """Keep this thread until all others wait or are at their end, as long as there is patience."""
    me = threading.current_thread()
    held.add(me)
    while _others_go_on(me) and next(patience, None) is not None:
        time.sleep(0.002)
    held.discard(me)


def _others_go_on(me):
    others = [thread for thread in threading.enumerate() if thread not in held | helpers]
    if starting or any(thread.is_alive() and thread not in waits for thread in others):
        return True
    # The main thread has come to its end: then Python waits for this one, or not.
    return me.daemon and not threading.main_thread().is_alive()


def _note_who_waits():
    """Keep ``waits`` up to date: replace the methods in which a thread waits, and the one that wakes it."""
    def noted(wait):
        @functools.wraps(wait)
        def noted_wait(thing, timeout=None):
            waits[threading.current_thread()] = (thing, timeout is None)
            try:
                return wait(thing, timeout)
            finally:
                woken.append(thing)
                waits.pop(threading.current_thread(), None)
        return noted_wait

    def noted_notify(condition, n=1, notify=threading.Condition.notify):
        asleep = [thread for thread, (thing, _) in list(waits.items()) if thing is condition]
        for thread in asleep[:n]:  # who came first is woken first, as in Condition itself
            woken.append(condition)
            waits.pop(thread, None)
        notify(condition, n)

    threading.Condition.wait = noted(threading.Condition.wait)
    threading.Thread.join = noted(threading.Thread.join)
    threading.Condition.notify = noted_notify


def _note_starts():
    """Return a list that will hold each thread that is started."""
    started = []

    def noted_start(thread, start=threading.Thread.start):
        started.append(thread)
        starting.add(thread)
        try:
            start(thread)
        finally:
            starting.discard(thread)

    threading.Thread.start = noted_start
    return started


def _stop_for_thread(arguments):
    """Stand in for threading.excepthook: an exception that ends a thread ends the program."""
    error = arguments.exc_value
    if isinstance(error, SystemExit):
        return
    if str(error) in ("'NoneType' object has no attribute 'keys'", "iterable expected, not NoneType"):
        stop("None reached writerow: leave the loop before you write it")
    stop_for(error, who="your thread")


def _watch_for_a_standstill():
    looks = 0
    while looks < LONGEST * 20:
        time.sleep(0.05)
        looks += not held  # the time for which we keep a thread is not its own
        if _stands_still_for_a_while():
            stop("your program does not end: a thread waits for a row, or join() for a task_done(), that never comes")
    stop("your program does not end")


def _stands_still_for_a_while():
    """Look twice, because threads may move while we look: between the two nobody may have been woken."""
    before = len(woken)
    if not _stands_still():
        return False
    time.sleep(0.05)
    return _stands_still() and len(woken) == before


def _stands_still():
    """Tell whether each thread of the program waits for ever for another one."""
    threads = [thread for thread in threading.enumerate() if thread not in helpers and thread.is_alive()]
    somebody_counts = any(not thread.daemon for thread in threads)
    return somebody_counts and not starting and all(_waits_for_ever(thread) for thread in threads)


def _waits_for_ever(thread):
    awaited, for_ever = waits.get(thread, (None, False))
    return for_ever and (not isinstance(awaited, threading.Thread) or awaited in waits)
