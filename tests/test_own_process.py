"""What the case of the background thread takes for a hang is one, on a slow machine too; and bad luck is bad enough."""
import csv
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cloudpickle
import processes
import pytest
from checks import own_process

ORDERS = [{"order_id": f"{number:06d}"} for number in range(1, 6)]


def run(learner, runner=own_process.save_with_bad_luck):
    """Return how the learner's function ended as a program, and how many lines are in its file."""
    path = Path(tempfile.mkdtemp()) / "orders.csv"
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as the functions of a notebook are
    ended = processes.program_in_child(learner, path, json.dumps(ORDERS), runner=runner, seconds=120)
    return ended, path.read_bytes().count(b"\r\n") if path.exists() else None


def save_in_a_thread(orders, path, wait=0, daemon=False, join=True):
    waiting = queue.Queue()

    def write_rows():
        threading.Event().wait(wait)  # no time.sleep(), which is short under bad luck
        with open(path, "w", newline="", encoding="utf-8") as export:
            writer = csv.DictWriter(export, fieldnames=["order_id"])
            while (order := waiting.get()) is not None:
                writer.writerow(order)

    worker = threading.Thread(target=write_rows, daemon=daemon)
    worker.start()
    for order in [*orders, None]:
        waiting.put(order)
    if join:
        worker.join()


def slowly(orders, path):
    save_in_a_thread(orders, path, wait=own_process.STILL / 2)


def busily(orders, path):
    save_in_a_thread(orders, path)
    until = time.monotonic() + own_process.STILL + 1
    while time.monotonic() < until:
        threading.Event().wait(0.1)
        worked = time.process_time() + 0.02
        while time.process_time() < worked:
            pass


def without_waiting(orders, path):
    save_in_a_thread(orders, path, daemon=True, join=False)
    time.sleep(3600)


def for_ever(orders, path):
    save_in_a_thread(orders[:0], path)
    queue.Queue().get()


def in_the_main_program(orders, path):
    with open(path, "w", newline="", encoding="utf-8") as export:
        csv.DictWriter(export, fieldnames=["order_id"]).writerows(orders)


@pytest.mark.child(runs=run)
@pytest.mark.parametrize("learner", [save_in_a_thread, slowly, busily])
def test_a_program_that_ends_is_no_hang(child, learner):
    (ended, rows), _ = child
    assert (ended.exit_code, rows) == (0, len(ORDERS)), ended


@pytest.mark.child(runs=run, learner=for_ever)
def test_a_program_that_hangs_is_told_so(child):
    (ended, _), _ = child
    assert ended.stopped.startswith("your program does not end: a thread waits for a row")


@pytest.mark.child(runs=run, learner=without_waiting)
def test_nobody_sleeps_their_way_out_of_bad_luck(child):
    (ended, rows), _ = child
    assert (ended.exit_code, rows) == (0, 0)


@pytest.mark.child(runs=run, learner=in_the_main_program)
def test_rows_that_the_main_program_writes_are_told(child):
    (ended, _), _ = child
    assert "the main program wrote the rows itself" in ended.stopped


@pytest.mark.child(runs=run, learner=in_the_main_program, runner=own_process.save_until_the_orders_fail)
def test_orders_that_fail_are_met(child):
    (ended, _), _ = child
    assert ended.exit_code == 1 and "the till was switched off" in ended.complaint


def test_a_full_disk_is_met(tmp_path):
    disk_full = own_process.open_with(raw=own_process.TinyDisk)
    with pytest.raises(OSError, match="No space left on device"), disk_full(tmp_path / "full.csv", "w") as export:
        export.write("x" * 1000)
    assert (tmp_path / "full.csv").stat().st_size == own_process.TinyDisk.room


def test_a_quiet_queue_has_always_been_quiet_for_too_long():
    get = own_process._impatient(queue.Queue.get)
    waiting = queue.Queue()
    begin = time.monotonic()
    with pytest.raises(queue.Empty):
        get(waiting, timeout=3600)
    assert time.monotonic() - begin < 60
    waiting.put("an order")
    assert get(waiting, timeout=3600) == "an order"


def test_the_stock_program_of_the_worked_case_writes_the_rows_that_the_lesson_shows(tmp_path):
    stock = Path(processes.ROOM) / "bench" / "stock.py"
    rows = subprocess.run([sys.executable, "-I", stock], capture_output=True, check=True).stdout
    assert rows == b"Bolt,0.25\r\nNut,0.10\r\n"
