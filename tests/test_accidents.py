"""The accidents of notebooks 06 and 07 happen as they say: a broken program is not shown as one that lost its rows."""
import csv
import os
import signal
import sys

import accidents
import cloudpickle
import pytest

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as the functions of a notebook are

ROWS = [{"id": f"{number:06d}"} for number in range(1, 1143)]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def calls_sys_exit(export):
    sys.exit(3)


def is_killed(export):
    accidents.kill()


def is_killed_in_its_own_file(path):
    with accidents.write_two_rows(path):
        accidents.kill()


def has_a_wrong_name(export):
    nonsense  # noqa: B018, F821


def makes_no_file(path):
    pass


def exits_with(export, code):
    os._exit(code)


@pytest.mark.parametrize("way, arguments, shown", [
    (calls_sys_exit, [], "2 of 2 rows in the file, exit code not 0"),
    (is_killed, [], "0 of 2 rows in the file, exit code not 0"),
    (is_killed_in_its_own_file, [], "0 of 2 rows in the file, exit code not 0"),
    (exits_with, [0], "0 of 2 rows in the file, exit code 0"),
])
def test_a_way_out_is_run_and_told_in_one_line(way, arguments, shown):
    assert repr(accidents.run(way, *arguments)) == shown
    assert os.listdir() == []


def test_several_ways_go_to_a_picture_under_their_names():
    assert accidents.run_all(calls_sys_exit) == {"calls sys.exit": accidents.Outcome(2, False)}
    assert list(accidents.Outcome(2, False)) == [2, False]


@pytest.mark.parametrize("way, words", [(has_a_wrong_name, "stopped with NameError: name 'nonsense'"), (makes_no_file, "made no file")])
def test_a_program_that_shows_nothing_is_not_shown_as_one_that_lost_its_rows(way, words):
    with pytest.raises(RuntimeError, match=words):
        accidents.run(way)


def test_what_a_system_cannot_do_repeats_linux(monkeypatch):
    ended = type("Ended", (), {"exit_code": 1, "complaint": "ValueError: cannot find context for 'forkserver'"})
    monkeypatch.setattr(accidents, "program_in_child", lambda *arguments, **options: ended)
    assert accidents.run(makes_no_file) == accidents.Outcome(0, True)


def test_the_exit_code_of_a_program():
    assert accidents.exit_code(exits_with, None, 7) == 7


# --- What the here: lines of 06 rely on ---

@pytest.mark.parametrize("flush_each_row", [False, True])
def test_a_raising_handler_loses_rows_unless_each_is_flushed(flush_each_row):
    disk, written = accidents.InterruptedDisk(signal.default_int_handler), 0
    with pytest.raises(KeyboardInterrupt), disk.open() as log:
        while True:
            csv.writer(log).writerow([f"{written:06d}", "Bananas"])
            if flush_each_row:
                log.flush()
            written += 1
    found = disk.content.count(b"\n")
    assert log.closed
    assert (written, found) == (0, 1) if flush_each_row else found < written


def test_flushed_rows_are_kept_in_a_later_trip():
    disk, written = accidents.InterruptedDisk(signal.default_int_handler, trip=5), 0
    with pytest.raises(KeyboardInterrupt), disk.open() as log:
        while True:
            csv.writer(log).writerow([f"{written:06d}", "Bananas"])
            log.flush()
            written += 1
    assert (written, disk.content.count(b"\n")) == (4, 5)


def test_a_flag_loses_none():
    disk, flag, written = accidents.InterruptedDisk(lambda number, frame: flag.append(number)), [], 0
    with disk.open() as log:
        while not flag:
            csv.writer(log).writerow([f"{written:06d}", "Bananas"])
            written += 1
    assert written == disk.content.count(b"\n") > 400


def test_one_error_throws_hundreds_of_rows_away():
    disk, errors = accidents.SmallDisk(room=50_000), 0
    log = disk.open()
    for number in range(20_000):
        try:
            csv.writer(log).writerow([number, "Bananas"])
        except OSError:
            errors += 1
            disk.room = 10_000_000
    log.close()
    assert errors == 1 and 200 < 20_000 - disk.content.count(b"\n") < 2_000


# --- Readers and kills ---

def publish(rows, target, columns):
    with open(f"{target}.part", "w", newline="", encoding="utf-8") as export:
        writer = csv.DictWriter(export, columns)
        writer.writeheader()
        writer.writerows(rows)
        export.flush()
        os.fsync(export.fileno())
    os.replace(f"{target}.part", target)


def in_place(rows, target, columns):
    with open(target, "w", newline="", encoding="utf-8") as export:
        csv.DictWriter(export, columns).writerows(rows)


def breaks(rows, target, columns):
    raise ValueError("no rows today")


def a_reader():
    return accidents.Reader("orders.csv", ROWS[:500], ROWS)


def test_a_reader_tells_the_two_versions_from_anything_else():
    reader = a_reader()
    assert reader.finds() == "no file"
    reader.start()
    in_place(reader.watch(ROWS), "orders.csv", ["id"])
    reader.look("afterwards")
    assert reader.seen == {"before": "yesterday's"} | dict.fromkeys(["row 1", "row 600", "row 1,142", "afterwards"], "neither")
    publish(ROWS, "orders.csv", ["id"])
    assert reader.finds() == "today's"


def test_exports_die_at_every_moment_and_leave_the_old_file_or_the_new_one():
    found = accidents.kill_at_each_step(publish, ROWS, a_reader())
    assert found == {**dict.fromkeys(accidents.MOMENTS, "yesterday's"), "after os.replace": "today's"}


@pytest.mark.parametrize("export, words", [(breaks, "at row 1 was not: ValueError: no rows today"),
                                           (in_place, "at os.fsync was not: it reached its end")])
def test_an_export_that_ends_otherwise_than_planned_is_not_shown_as_killed(export, words):
    with pytest.raises(RuntimeError, match=words):
        accidents.kill_at_each_step(export, ROWS, a_reader())
