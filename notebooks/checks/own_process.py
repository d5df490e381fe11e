"""Runs a learner's program in a process of its own, for the cases of notebook 09 where it may die, hang or lose a thread.

A background thread is tried under bad luck: a flush takes its time, the next order comes late, and no program can sleep
its way out of it. So a thread that nobody waits for is too late, and nothing here looks into threading.
"""
import builtins
import errno
import io
import json
import os
import queue
import stat
import sys
import threading
import time

from processes import attempt, stop, stop_for

from checks.common import open_files

PLUG_PULLED = 9  # an exit code
AT_MOST = 100  # failures after which a thing gives in, so that a program that tries again for ever can end


sleep = time.sleep


def _hardly_any_sleep(seconds):
    sleep(min(seconds, 0.001))


# --- Files that differ from others ---

def open_with(raw=io.FileIO, text=io.TextIOWrapper, buffer=1 << 20):
    """Return a function like open() whose files for writing have these classes as lowest and highest layer.

    The byte ``buffer`` between them holds 1 MiB on every Python, so that nothing comes through it by luck. A binary file
    with ``buffering=0`` is the lowest layer alone.
    """
    plain_open = io.open

    def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        pipe = isinstance(file, int) and not stat.S_ISREG(os.fstat(file).st_mode)  # not the learner's, and cannot tell()
        if pipe or not set(mode) & set("wax+") or buffering == 0 and "b" not in mode:  # open() itself refuses the latter
            return plain_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        lowest = raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return lowest
        below = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(lowest, buffer)
        return below if "b" in mode else text(below, encoding, errors, newline, line_buffering=buffering == 1)
    return open_file


class SmallDisk(io.FileIO):
    """A file on a disk with little ``room``, in bytes; what does not fit is refused, as a full disk does."""

    room = 3000
    was_full = 0  # how often any file of the class was refused something
    gives_in = io.FileIO.write

    def write(self, data):
        room = self.room - self.tell()
        if room > 0:
            return super().write(bytes(data)[:room])
        type(self).was_full += 1
        if self.was_full > AT_MOST:
            return self.gives_in(data)
        raise OSError(errno.ENOSPC, "No space left on device")


class TinyDisk(SmallDisk):
    """One that is full before the first rows are in."""

    room = 100


class FullForAWhile(SmallDisk):
    """One whose room is changed from outside."""

    def gives_in(self, data):
        stop("when the disk is full, your program tries to write the same reading again for ever, and takes no other: let the error "
             "through")


# --- The cold store: the program dies ---

def log_until_the_plug_is_pulled(learner, path, readings):
    """Hand out ``readings``; when the next one is asked for, the process dies, and nothing gets a last chance.

    Leaves a file ``open`` beside the log when the program has the log open at that moment.
    """
    def one_by_one():
        yield from readings
        if open_files(path):
            path.with_name("open").touch()
        _pull_the_plug()

    _let_threads_come_late()
    attempt(learner, one_by_one(), path)
    stop("your program returned before it had taken all readings")


def log_until_the_plug_hurts(learner, path, readings):
    """Hand out ``readings``, and die as soon as one of them is not in the file when the next one is asked for.

    Writes the number of readings handed out beside the file, as ``readings``. A program that empties the file
    for each of them is stopped, too: there is a moment when it has lost them all.
    """
    def one_by_one():
        for number, (moment, celsius) in enumerate(readings, start=1):
            path.with_name("readings").write_text(str(number))
            yield moment, celsius
            if not path.exists() or moment not in path.read_text(encoding="utf-8"):
                break
        _pull_the_plug()

    _let_threads_come_late()
    builtins.open = io.open = _never_emptied(path)
    attempt(learner, one_by_one(), path)
    stop("your program returned before it had taken all readings")


def log_on_full_disk(learner, path, readings):
    """Hand out ``readings`` while the disk is full for some of them; the exit code tells whether the program says so."""
    def one_by_one():
        for number, reading in enumerate(readings, start=1):
            FullForAWhile.room = 50 if number < 6 else 5000  # room for the header and 3 readings; then somebody makes more
            FullForAWhile.was_full = 0
            yield reading

    time.sleep = _hardly_any_sleep
    builtins.open = io.open = open_with(raw=FullForAWhile)
    learner(one_by_one(), path)


def log_on_disk_that_stays_full(learner, path, readings):
    """Hand out ``readings``, again and again, while the disk is full after three, and pull the plug after 20 more."""
    def one_by_one():
        for number in range(23):
            FullForAWhile.was_full = min(FullForAWhile.was_full, 1)  # each reading may be tried some times
            yield readings[number % len(readings)]
        if not FullForAWhile.was_full:
            sys.stderr.write("the program has not met the full disk: it writes in a way of its own\n")
        _pull_the_plug()

    FullForAWhile.room, time.sleep = 50, _hardly_any_sleep
    builtins.open = io.open = open_with(raw=FullForAWhile)
    learner(one_by_one(), path)


SENSOR_FAILS = "the sensor does not answer"


def log_until_the_sensor_fails(learner, path, readings):
    """Hand out three ``readings``, and then fail; the exit code tells whether the program says so."""
    def one_by_one():
        yield from readings[:3]
        raise OSError(SENSOR_FAILS)

    learner(one_by_one(), path)


def _let_threads_come_late():
    """Let each thread begin late: one that nobody waits for has written nothing when the plug is pulled, by no luck."""
    def begin_late(*_):
        sys.settrace(None)
        sleep(SLOW)

    threading.settrace(begin_late)
    time.sleep = _hardly_any_sleep


def _pull_the_plug():
    sys.stdout.flush()  # the screen shows what was printed, and the file gets nothing
    os._exit(PLUG_PULLED)


def _never_emptied(path):
    """Return a function like open() that stops the program when it opens ``path`` with mode "w" and rows are in it."""
    plain_open = io.open

    def open_file(file, mode="r", *others, **named):
        if "w" in mode and os.path.exists(file) and os.path.samefile(file, path) and path.stat().st_size:
            stop('mode "w" empties the file, and your program opens it so for each reading: killed at that moment, it has lost '
                 "all readings before")
        return plain_open(file, mode, *others, **named)
    return open_file


# --- The till: a thread with bad luck ---

SLOW, LATE = 0.6, 0.1  # seconds that a flush takes, or a thread to begin, and that an order is late
STILL = 3  # seconds without a move after which a program hangs
WAITS = "a thread waits for a row, or join() for a task_done(), that never comes"
GONE = "the thread is gone, and somebody waits for it: join() of the queue for a task_done(), or put() for room"
CANNOT_BE_WRITTEN = "this order cannot be written"
STILL_AT_WORK = "\0a thread is still at work"  # said when the learner's function has returned
TOO_QUIET = "a till may be quiet for longer than any timeout: an empty queue does not say that no more orders will come"
delayed = []  # one entry for each thread that is kept by _delay()


def save_with_bad_luck(learner, path, orders):
    """Save ``orders`` (JSON) under bad luck, and let the program end by itself, if it does."""
    sys.addaudithook(_no_other_process)
    watcher = _watch_for_a_standstill(f"your program does not end: {WAITS}")
    threading.excepthook = _stop_for_thread
    time.sleep = _hardly_any_sleep
    for kind in (queue.Queue, LateSimpleQueue):
        kind.put, kind.get = _late(kind.put), _impatient(kind.get)
    queue.SimpleQueue = LateSimpleQueue
    builtins.open = io.open = open_with(text=SlowFile)
    try:
        learner(json.loads(orders), path)
    except queue.Empty:
        stop(TOO_QUIET)
    except Exception as error:
        stop_for(error, learner)
    if SlowFile.writers == {threading.main_thread()}:
        stop("the main program wrote the rows itself: the till must not wait for the file, so let a thread write them")
    if any(thread not in (threading.main_thread(), watcher) for thread in threading.enumerate()):
        sys.stderr.write(STILL_AT_WORK)


def _no_other_process(event, _):
    if event in ("os.fork", "os.posix_spawn", "subprocess.Popen", "_winapi.CreateProcess"):
        stop("another process writes the rows, and an error in it is not an error of the till: let a thread write them")


def save_on_full_disk(learner, path, orders):
    """Save ``orders`` (JSON) on a disk that is full; the exit code tells whether the program says so."""
    def gives_in(disk, data):
        stop("the disk was full, and then your program does not end: it tries to write again for ever")

    _watch_for_a_standstill(f"the disk was full, and then your program does not end: {GONE}")
    _keep_no_put_waiting()
    time.sleep, TinyDisk.gives_in = _hardly_any_sleep, gives_in
    queue.Queue.get = _unhurried(queue.Queue.get)
    builtins.open = io.open = open_with(raw=TinyDisk)
    learner(json.loads(orders), path)


def save_many_on_full_disk(learner, path, orders):
    """Save ``orders`` (JSON) on a full disk through small buffers: the thread is gone long before the last order."""
    many = json.loads(orders)
    _watch_for_a_standstill(f"the disk was full after the first of {len(many):,} orders, and then your program does not end: {GONE}")
    _keep_no_put_waiting()
    builtins.open = io.open = open_with(raw=TinyDisk, buffer=256)
    learner(many, path)


def save_without_folder(learner, path, orders):
    """Save ``orders`` (JSON) in a folder that is not there: the file cannot even be opened."""
    _watch_for_a_standstill(f"the file could not be opened, and then your program does not end: {GONE}")
    _keep_no_put_waiting()
    learner(json.loads(orders), path.parent / "no such folder" / path.name)


def save_a_bad_order(learner, path, orders):
    """Save ``orders`` (JSON), one of which cannot be written: the error comes in the middle, where the rows are made."""
    _watch_for_a_standstill(f"an order could not be written, and then your program does not end: {GONE}")
    _keep_no_put_waiting()
    learner(OneBadOrder(json.loads(orders)), path)


def save_until_the_orders_fail(learner, path, orders):
    """Save ``orders`` (JSON), of which the fourth raises an error; the exit code tells whether the program says so."""
    _watch_for_a_standstill("the orders stopped with an error, and then your program does not end: the thread still waits "
                            "for the next order, because nobody told it that no more will come")
    _keep_no_put_waiting()
    learner(OrdersThatFail(json.loads(orders)), path)


def _keep_no_put_waiting():
    """Let a put() with a timeout give up soon: who has given one must not be taken for a program that hangs."""
    put = queue.Queue.put

    def impatient_put(waiting, item, block=True, timeout=None):
        return put(waiting, item, block, timeout if timeout is None else min(timeout, 0.5))

    queue.Queue.put = impatient_put


class OrdersThatFail(list):
    """Orders of which three can be had; then comes ``error``."""

    error, raised = RuntimeError("the till was switched off"), 0

    def __iter__(self):
        for number in range(len(self)):
            yield self[number]

    def __getitem__(self, number):
        if not isinstance(number, slice) and number >= 3 and self.raised <= AT_MOST:
            self.raised += 1
            raise type(self.error)(*self.error.args)
        return super().__getitem__(number)


class OneBadOrder(list):
    """Orders of which the third has a value that cannot be written: it raises a ValueError when it is turned into text."""

    raised = True  # who writes the orders meets it
    met = 0  # how often the ValueError was raised

    def __init__(self, orders):
        super().__init__(orders)
        self[2] = {column: Unwritable(self) for column in self[2]}


class Unwritable:
    """A value of one of ``orders`` that cannot be turned into text."""

    def __init__(self, orders):
        self.orders = orders

    def __str__(self):
        self.orders.met += 1
        if self.orders.met > AT_MOST:
            return ""
        raise ValueError(CANNOT_BE_WRITTEN)


class SlowFile(io.TextIOWrapper):
    """A file whose flush() takes its time; close() calls it too. ``writers`` are the threads that wrote to any of them."""

    writers = set()

    def write(self, text):
        self.writers.add(threading.current_thread())
        return super().write(text)

    def flush(self):
        if not sys.is_finalizing():
            _delay(SLOW)
        super().flush()


class LateSimpleQueue(queue.SimpleQueue):
    """A SimpleQueue under the same bad luck as a Queue."""


def _late(put):
    def late_put(waiting, item, block=True, timeout=None):
        _delay(LATE)
        put(waiting, item, block, timeout)
    return late_put


def _impatient(get):
    def impatient_get(waiting, block=True, timeout=None):
        if block and timeout is not None and waiting.empty():  # a till may be quiet for longer than anybody would wait
            sleep(0.01)
            raise queue.Empty
        return get(waiting, block, timeout)
    return impatient_get


def _unhurried(get):
    def unhurried_get(waiting, *given, **named):
        sleep(LATE)  # by now all orders are in the queue
        return get(waiting, *given, **named)
    return unhurried_get


def _delay(seconds):
    delayed.append(seconds)
    sleep(seconds)
    delayed.pop()


def _stop_for_thread(arguments):
    """Stand in for threading.excepthook: an exception that ends a thread ends the program."""
    error = arguments.exc_value
    if isinstance(error, SystemExit):
        return
    if isinstance(error, queue.Empty):
        stop(TOO_QUIET)
    if str(error) in ("'NoneType' object has no attribute 'keys'", "iterable expected, not NoneType"):
        stop("None reached writerow: leave the loop before you write it")
    stop_for(error, who="your thread")


def _watch_for_a_standstill(sentence):
    """End the process with ``sentence`` once no thread has used the processor, or been delayed by us, for a while.

    Returns the thread that watches.
    """
    def watch():
        used, since = time.process_time(), time.monotonic()
        while time.monotonic() - since < STILL:
            sleep(0.1)
            if delayed or time.process_time() - used > 0.02:  # seconds; to look itself takes less
                used, since = time.process_time(), time.monotonic()
        stop(sentence)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    return watcher
