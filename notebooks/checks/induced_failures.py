"""Lets orders and the last step of a program fail, and asks for the error: it must come out of the program.

The same error, or one that was raised from it, so that whoever runs the program learns why.
"""
import builtins
import contextlib
import threading
import time
import traceback
from unittest import mock

from checks.common import NotYet, load_orders
from checks.own_process import AT_MOST, CANNOT_BE_WRITTEN, OneBadOrder, OrdersThatFail

STAYS_DOWN = 10**6  # tries that fail


def error_from(function, *arguments):
    """Call ``function``; return the error, or the sys.exit(), that came out of it, or None."""
    try:
        function(*arguments)
    except NotYet:
        raise
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        return error
    return None


def must_come_out(error, reason, when):
    """Raise NotYet unless ``error``, which came out of a function, says its ``reason``, or was raised from one that does.

    A sys.exit() shows no error but its own text. Where the ``reason`` is '', each error will do, and each sys.exit()
    that does not say that all is well.
    """
    if error is None or isinstance(error, SystemExit) and error.code in (None, 0):
        raise NotYet(f"{when}, your function returns as if all went well: let the error through")
    if reason in _what_is_shown(error):
        return
    end = f"sys.exit({error.code!r})" if isinstance(error, SystemExit) else type(error).__name__
    raise NotYet(f"{when}, your function ends with {end}, which does not say why: let the error through, which says {reason}, or raise "
                 "another from it")


@contextlib.contextmanager
def waiting_takes_no_time():
    """Let time.sleep() move the clock on by a minute, and each look at the clock by a second: a program may try until a moment.

    Who is asked to press Enter does so at once.
    """
    here, passed, really_sleep = threading.get_ident(), 0, time.sleep

    def sleep(seconds):
        nonlocal passed
        if threading.get_ident() != here:
            return really_sleep(seconds)  # the threads of the kernel go by the true time
        passed += 60

    def moved_on(clock):
        def look():
            nonlocal passed
            if threading.get_ident() != here:
                return clock()
            passed += 1
            return clock() + passed
        return look

    clocks = {name: moved_on(getattr(time, name)) for name in ("time", "monotonic", "perf_counter")}
    with mock.patch.multiple(time, sleep=sleep, **clocks), mock.patch.object(builtins, "input", lambda *_: ""):
        yield


def must_end(tries, when):
    """Raise NotYet when the function made more ``tries`` than anything fails."""
    if tries > AT_MOST:
        raise NotYet(f"{when}, your function tries again for ever, {AT_MOST} times here: after a few tries let the error through")


def _what_is_shown(error):
    """Return what Python shows of ``error``, and of the errors that it was raised from, without lines of code."""
    return str(error.code) if isinstance(error, SystemExit) else "".join(traceback.format_exception(error, limit=0))


class LastStep:
    """The last step of a case, such as an upload, that fails the first ``failures`` times; it counts its ``calls``.

    ``look(given)`` looks at what it is given when it does not fail.
    """

    def __init__(self, who, failures, look=lambda given: None):
        self.reason, self.failures, self.look, self.calls = f"{who} fails", failures, look, 0

    def __call__(self, given, *_, **__):
        self.calls += 1
        if self.calls > min(self.failures, AT_MOST):
            return self.look(given)
        if hasattr(given, "read"):
            given.read()  # an upload can break off in the middle
        raise OSError(self.reason)


def let_step_fail(run, who, look=lambda given: None):
    """Call ``run(step)`` with a step of ``who`` that fails once, and with one that stays down: the error must come out.

    A program may try again: then ``look(given)`` looks at what the second try is given.
    """
    fails_once, stays_down = LastStep(who, 1, look), LastStep(who, STAYS_DOWN)
    with waiting_takes_no_time():
        error = error_from(run, fails_once)
        if fails_once.calls == 1:
            must_come_out(error, fails_once.reason, f"when {who} fails")
        error = error_from(run, stays_down)
    must_end(stays_down.calls, f"when {who} fails")
    again = f" each time, {stays_down.calls} times here" if stays_down.calls > 1 else ""
    must_come_out(error, stays_down.reason, f"when {who} fails{again}")


def let_orders_fail(run, published, deed):
    """Call ``run(orders)`` with orders that fail in two ways: the error must come out, and ``published`` must stay empty.

    ``deed`` is what the program does with a whole file, such as "uploads the file".
    """
    some = load_orders()[:10]
    for when, orders in [("an order raises an error", OrdersThatFail(some)), ("an order cannot be written", OneBadOrder(some))]:
        with waiting_takes_no_time():
            error = error_from(run, orders)
        must_end(times_failed(orders), f"when {when}")
        if orders.raised and published:
            raise NotYet(f"when {when}, your function {deed} all the same, with a part of the orders")
        if orders.raised:
            must_come_out(error, reason_of(orders), f"when {when}")


def times_failed(orders):
    """Return how often ``orders`` raised an error; 0 where they do not count."""
    return getattr(orders, "met", getattr(orders, "raised", 0))


def reason_of(orders):
    """Return what the error said that ``orders`` raised; '' where a program has refused a bad order by itself."""
    if isinstance(orders, OneBadOrder):
        return CANNOT_BE_WRITTEN if orders.met else ""
    return str(orders.error)
