"""Measure safe_export against a bare csv.DictWriter: time and memory, on this machine.

    python -m tests.tools.bench_export                       a million rows, five rounds, about half a minute
    python -m tests.tools.bench_export 100000                fewer rows
    TMPDIR=/dev/shm python -m tests.tools.bench_export       in memory, so that the disk plays no part

The two take turns, and the medians are compared, so that a machine that is busy for a while disturbs both. The bare writer
closes its file and does not sync it; safe_export waits for the disk. So a third one takes part, the bare writer with
an fsync. Beside the time that passes stands the processor's time, which other programs and the disk disturb less.
The ratio that counts is the last: safe_export by the bare writer. Memory is the peak of what Python
allocates during an export, measured in a run of its own, because measuring it takes time.
"""
import argparse
import csv
import functools
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from tests.support.notebook_files import NOTEBOOK_FOLDER

sys.path.insert(0, str(NOTEBOOK_FOLDER))
from safe_export import safe_export  # noqa: E402  found in the folder just named

NAMES = ["order_id", "placed", "shop", "item", "quantity", "price"]


def generated_rows(count):
    """Yield ``count`` orders, one at a time."""
    for number in range(count):
        yield {"order_id": f"{number:07d}", "placed": "2026-01-03", "shop": "O'Hara, Ltd", "item": "Notebook A5",
               "quantity": number % 97, "price": "4.50"}


def bare_export(rows, target, fieldnames, synced=False):
    """Write ``rows`` to ``target`` as anybody would; ``synced`` waits for the disk, as safe_export does."""
    with open(target, "w", newline="", encoding="utf-8") as export:
        writer = csv.DictWriter(export, fieldnames)
        writer.writeheader()
        writer.writerows(rows)
        if synced:
            export.flush()
            os.fsync(export.fileno())


EXPORTS = {"bare_export": bare_export, "synced_export": functools.partial(bare_export, synced=True), "safe_export": safe_export}


def seconds(export, count, target):
    """Return how long ``export`` takes for ``count`` rows: the time that passes, the processor's time."""
    started, started_processor = time.perf_counter(), time.process_time()
    export(generated_rows(count), target, NAMES)
    return time.perf_counter() - started, time.process_time() - started_processor


def peak_bytes(export, count, target):
    """Return the most memory that Python holds at once during ``export`` of ``count`` rows."""
    tracemalloc.start()
    try:
        export(generated_rows(count), target, NAMES)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def compare(count, rounds, folder):
    """Return the seconds of all rounds as a dictionary of lists of pairs, the exports taking turns."""
    taken = {name: [] for name in EXPORTS}
    for number in range(rounds):
        for name in list(taken)[number % 3:] + list(taken)[:number % 3]:
            taken[name].append(seconds(EXPORTS[name], count, Path(folder) / f"{name}.csv"))
    return taken


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench_export", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rows-") as folder:
        taken = compare(options.rows, options.rounds, folder)
        same = (Path(folder) / "bare_export.csv").read_bytes() == (Path(folder) / "safe_export.csv").read_bytes()
        peaks = {count: peak_bytes(safe_export, count, Path(folder) / "peak.csv")
                 for count in (max(1, options.rows // 100), options.rows)}
    medians = {name: [statistics.median(times) for times in zip(*pairs)] for name, pairs in taken.items()}
    for name, (passed, processor) in medians.items():
        print(f"{name:<14}{options.rows:>10,} rows   {passed:6.2f} s   processor {processor:6.2f} s   (medians of {options.rounds})")
    for other in ("synced_export", "bare_export"):
        # A clock of the processor may tick 64 times a second, and a short export take no tick at all.
        passed, processor = (safe / bare if bare else float("nan") for safe, bare in zip(medians["safe_export"], medians[other]))
        print(f"{'safe / ' + other:<29}   {passed:6.3f}     processor {processor:6.3f}")
    print("same bytes ", same)
    for count, peak in peaks.items():
        print(f"peak memory {count:>10,} rows   {peak / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
