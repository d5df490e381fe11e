"""What the case of the background thread takes for a hang is one, on a slow machine too."""
import csv
import json
import queue
import tempfile
import threading
import time
from pathlib import Path

import pytest
from checks import threads as other_process

ORDERS = [{"order_id": f"{number:06d}"} for number in range(1, 21)]


def save_in_a_thread(orders, path):
    waiting = queue.Queue()

    def write_rows():
        with open(path, "w", newline="", encoding="utf-8") as export:
            writer = csv.DictWriter(export, fieldnames=["order_id"])
            while (order := waiting.get()) is not None:
                writer.writerow(order)

    worker = threading.Thread(target=write_rows)
    worker.start()
    for order in [*orders, None]:
        waiting.put(order)
    worker.join()


def save_with_threads_that_start_slowly():
    bootstrap = threading.Thread._bootstrap_inner

    def slow_bootstrap(thread):
        time.sleep(0.5)  # seconds; the watch looks every 0.05
        bootstrap(thread)

    threading.Thread._bootstrap_inner = slow_bootstrap
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        other_process.save_with_bad_luck(save_in_a_thread, path, json.dumps(ORDERS))
        return path.read_bytes().count(b"\r\n")


@pytest.mark.child(runs=save_with_threads_that_start_slowly)
def test_a_thread_that_starts_slowly_is_no_hang(child):
    rows, _ = child
    assert rows == len(ORDERS)
