"""What the check of the last case says about permissions, where there are such bits."""
import csv
import os
import shutil
import tempfile
from pathlib import Path

import checks
import pytest

from tests.support.abilities import needs_permissions

pytestmark = needs_permissions


def publish(orders, target, before=None, after=None):
    export = tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", dir=target.parent, delete=False)
    try:
        with export:
            writer = csv.DictWriter(export, fieldnames=list(orders[0]))
            writer.writeheader()
            writer.writerows(orders)
        if before:
            before(target, export.name)
        rights = os.stat(target).st_mode
        os.replace(export.name, target)
        if after:
            after(target, rights)
    except BaseException:
        Path(export.name).unlink(missing_ok=True)
        raise


@pytest.mark.parametrize("before, after, sentence", [
    (None, None, "were rw-r----- and are now rw-------: the web server may not read it any more"),
    (lambda target, new: os.chmod(new, 0o644), None, "and are now rw-r--r--: others may read it who could not before"),
    (lambda target, new: shutil.copymode(new, target), None, "and are now rw-------"),
    (None, os.chmod, "for a moment after os.replace they were rw-------"),
    (shutil.copymode, None, "done: "),
    (shutil.copystat, None, "done: "),
])
def test_the_permissions_of_the_target_are_compared(before, after, sentence):
    def publish_so(orders, target):
        publish(orders, target, before, after)

    assert sentence in repr(checks.case_publish(publish_so))
