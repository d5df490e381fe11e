"""What the checks of 07 find where a system is another one than most."""
import errno
import os

import pytest
from checks import lesson_07


def make_no_link(source, destination):
    raise OSError(errno.EPERM, "Operation not permitted")  # as on a memory stick


def export_over_a_name(rows, target, names):
    os.unlink(target)


@pytest.mark.parametrize("place, stand_in, sentence", [
    ("os.link", os.link, "it stopped with Refused, because the other name would have kept the old rows"),
    ("os.link", make_no_link, "with a second name, a hard link, safe_export stops with Refused"),
    ("checks.lesson_07.safe_export", export_over_a_name, "the other name has the old rows"),
])
def test_the_check_knows_what_becomes_of_a_second_name_whatever_the_system_makes_of_it(monkeypatch, place, stand_in, sentence):
    monkeypatch.setattr(place, stand_in)
    assert lesson_07._another_name() == (False, sentence)
