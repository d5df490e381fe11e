"""Write orders in a thread, and let no error of the thread, or of the orders, pass."""
import csv
import queue
import threading
from concurrent.futures import ThreadPoolExecutor


def save_in_background(orders, path):
    """Write orders to path in a thread; return when all of them are in the file."""
    waiting = queue.Queue()

    def write_rows():
        with open(path, "w", newline="", encoding="utf-8") as export:
            writer = csv.DictWriter(export, fieldnames=list(orders[0]))
            writer.writeheader()
            while True:
                order = waiting.get()
                if order is None:
                    break
                writer.writerow(order)

    with ThreadPoolExecutor(max_workers=1) as pool:
        saved = pool.submit(write_rows)
        try:
            for order in orders:
                waiting.put(order)
        finally:
            waiting.put(None)
    saved.result()


def save_in_a_plain_thread(orders, path):
    """Write orders to path in a thread; return when all of them are in the file."""
    waiting, errors = queue.Queue(), []

    def write_rows():
        try:
            with open(path, "w", newline="", encoding="utf-8") as export:
                writer = csv.DictWriter(export, fieldnames=list(orders[0]))
                writer.writeheader()
                while True:
                    order = waiting.get()
                    if order is None:
                        break
                    writer.writerow(order)
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=write_rows)
    worker.start()
    try:
        for order in orders:
            waiting.put(order)
    finally:
        waiting.put(None)
        worker.join()
    if errors:
        raise errors[0]
