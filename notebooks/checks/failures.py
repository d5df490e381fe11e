"""Lets orders and the last step of a program fail, and asks for the error: it must come out of the program.

The same error, or one that was raised from it, so that whoever runs the program learns why.
"""
import time
import traceback
from unittest import mock

from checks.common import NotYet, load_orders
from checks.threads import CANNOT_BE_WRITTEN, OneBadOrder, OrdersThatFail

STAYS_DOWN, AT_MOST = 10**6, 100  # tries that fail, and calls after which a step gives in, so that the program can end


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
    end = "sys.exit()" if isinstance(error, SystemExit) else type(error).__name__
    raise NotYet(f"{when}, your function ends with {end}, and nobody learns why: let the error through, which says {reason}, or raise "
                 "another from it")


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
    with mock.patch.object(time, "sleep"):  # between two tries
        error = error_from(run, fails_once)
        if fails_once.calls == 1:
            must_come_out(error, fails_once.reason, f"when {who} fails")
        error = error_from(run, stays_down)
    if stays_down.calls > AT_MOST:
        raise NotYet(f"when {who} fails, your function tries again for ever, {AT_MOST} times here: after a few tries let the error through")
    again = f" each time, {stays_down.calls} times here" if stays_down.calls > 1 else ""
    must_come_out(error, stays_down.reason, f"when {who} fails{again}")


def let_orders_fail(run, published, deed):
    """Call ``run(orders)`` with orders that fail in two ways: the error must come out, and ``published`` must stay empty.

    ``deed`` is what the program does with a whole file, such as "uploads the file".
    """
    some = load_orders()[:10]
    for when, orders in [("an order raises an error", OrdersThatFail(some)), ("an order cannot be written", OneBadOrder(some))]:
        error = error_from(run, orders)
        if orders.raised and published:
            raise NotYet(f"when {when}, your function {deed} all the same, with a part of the orders")
        if orders.raised:
            must_come_out(error, reason_of(orders), f"when {when}")


def reason_of(orders):
    """Return what the error said that ``orders`` raised; '' where a program has refused a bad order by itself."""
    if isinstance(orders, OneBadOrder):
        return CANNOT_BE_WRITTEN if orders.met else ""
    return str(orders.error)
