"""What the checks of the cases say in the rarer events: permissions, a file that is not there, an error nobody foresaw."""
import csv
import gzip
import os
import shutil
import tempfile
from pathlib import Path

import checks
import pytest

from tests.support.abilities import needs_permissions


def move_once(new, target):
    os.replace(new, target)


def publish(orders, target, before=None, after=None, move=move_once):
    export = tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", dir=target.parent, delete=False)
    try:
        with export:
            writer = csv.DictWriter(export, fieldnames=list(orders[0]))
            writer.writeheader()
            writer.writerows(orders)
        if before:
            before(target, export.name)
        rights = os.stat(target).st_mode
        move(export.name, target)
        if after:
            after(target, rights)
    except BaseException:
        Path(export.name).unlink(missing_ok=True)
        raise


@needs_permissions
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


def test_an_error_that_the_check_does_not_foresee_comes_with_its_own_words():
    def publish_a_column_that_there_is_not(orders, target):
        publish([{"order": order["order"]} for order in orders], target)

    assert "` stopped with KeyError: 'order'" in repr(checks.case_publish(publish_a_column_that_there_is_not))


def test_a_second_try_with_rename_is_refused_too_while_a_reader_has_the_target_open():
    def move_or_rename(new, target):
        try:
            os.replace(new, target)
        except PermissionError:
            os.rename(new, target)

    def publish_with_a_second_try(orders, target):
        publish(orders, target, before=lambda old, new: shutil.copymode(old, new), move=move_or_rename)

    assert repr(checks.case_publish(publish_with_a_second_try)).startswith("done: ")


def test_a_check_that_passes_where_there_is_no_archive_is_refused():
    def check_archive(path, orders):
        if not os.path.exists(path):
            return
        with gzip.open(path, "rt", newline="", encoding="utf-8") as archive:
            if list(csv.DictReader(archive)) != orders:
                raise ValueError("other orders")

    assert "a file that is not there" in repr(checks.archive_check(check_archive))


def test_as_many_orders_but_others_are_not_taken_for_those_of_the_day_before():
    def archive_day(orders, path, announce):
        with gzip.open(path, "wt", newline="", encoding="utf-8") as archive:
            writer = csv.DictWriter(archive, fieldnames=list(orders[0]))
            writer.writeheader()
            writer.writerows(reversed(orders))
        announce(path)

    said = repr(checks.case_archive(archive_day))
    assert said.startswith("not there yet: ") and "other" in said and "before" not in said


def test_labels_in_another_encoding_are_told_which_one_the_packing_table_reads():
    def print_labels(orders, send_to_printer):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "labels.csv")
            with open(path, "w", newline="", encoding="cp1252", errors="replace") as labels:
                csv.writer(labels).writerows([["shop", "postcode"], *([order["shop"], order["postcode"]] for order in orders)])
            send_to_printer(path)

    assert 'say encoding="utf-8" when you make it' in repr(checks.case_labels(print_labels))


def test_where_the_stock_program_fails_the_check_says_that_it_is_broken_and_not_that_rows_follow(tmp_path, monkeypatch):
    monkeypatch.setattr("checks.lesson_09.STOCK", tmp_path / "missing.py")
    assert repr(checks.price_list("C")).startswith("this check is broken, not your code: ")
