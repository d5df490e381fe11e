"""Write rows until SIGTERM comes, in one of the ways that lose none: python stop_signal.py flag|flush|line FILE

Prints at the end how many rows it had handed over, as the lesson counts them: those for which all calls had returned.
"""
import atexit
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

# Not in a finally: on some Pythons (3.12.1, 3.13.0) an exception that a handler raises at the jump of a loop skips
# with and finally alike.
atexit.register(lambda: os.write(1, b"%d\n" % written))
with open(path, "w", newline="", encoding="utf-8", buffering=1 if way == "line" else 8192) as log:
    writer = csv.writer(log)
    print("ready", flush=True)
    while not stop:
        writer.writerow([written, "x" * 60])
        if way == "flush":
            log.flush()
        written += 1
if stop:
    sys.exit(143)  # 128 + 15: ended by SIGTERM, and not a success
