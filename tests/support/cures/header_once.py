"""Several processes append to one file; the header comes once. Takes the lock before it opens the file.

python header_once.py FILE ORDER: says "ready" before it asks for the lock, and goes on when a line comes.
"""
import csv
import fcntl
import sys

path, order_id = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with open(f"{path}.lock", "a", encoding="utf-8") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(path, "a", newline="", encoding="utf-8") as export:
        writer = csv.DictWriter(export, fieldnames=["order_id"])
        if export.tell() == 0:
            writer.writeheader()
        writer.writerow({"order_id": order_id})
