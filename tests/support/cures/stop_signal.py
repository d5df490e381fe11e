"""Write rows until SIGTERM comes, in one of the ways that lose none: python stop_signal.py flag|flush|line FILE

Prints at the end how many rows it had handed over, as the lesson counts them: those for which all calls had returned.
"""
import csv
import os
import signal
import sys

way, path = sys.argv[1:]
stop, written = [], 0

if way == "flag":
    signal.signal(signal.SIGTERM, lambda *ignored: stop.append("asked to end"))
else:
    signal.signal(signal.SIGTERM, lambda *ignored: sys.exit(143))

try:
    with open(path, "w", newline="", encoding="utf-8", buffering=1 if way == "line" else 8192) as log:
        writer = csv.writer(log)
        print("ready", flush=True)
        while not stop:
            writer.writerow([written, "x" * 60])
            if way == "flush":
                log.flush()
            written += 1
finally:
    os.write(1, b"%d\n" % written)
if stop:
    sys.exit(143)  # 128 + 15: ended by SIGTERM, and not a success
