"""Measure the suite against its floor, in one run.

    python -m tests.tools.speed              three rounds, medians

The floor: one kernel booted for each notebook and its cells executed, nothing compared. Prints the ratio of nbval over
all notebooks and of the whole `pytest` to that floor, and the slowest cells.
"""
import argparse
import statistics
import subprocess
import sys
import time

from jupyter_client.manager import start_new_kernel

from tests.support import conditions
from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, code_cells, notebook_paths, read_notebook


def floor():
    """Boot a kernel for each notebook and execute its cells; return the seconds, and those of each cell."""
    started, cells = time.monotonic(), {}
    for path in notebook_paths():
        manager, client = start_new_kernel(kernel_name="python3", cwd=str(NOTEBOOK_FOLDER), stderr=subprocess.DEVNULL)
        for cell in code_cells(read_notebook(path)):
            before = time.monotonic()
            client.execute_interactive(cell.source, store_history=False, allow_stdin=False, output_hook=lambda message: None)
            cells[cell.id] = time.monotonic() - before
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return time.monotonic() - started, cells


def suite(*options):
    """Run pytest with ``options`` and return the seconds."""
    started = time.monotonic()
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", *options], cwd=PROJECT, capture_output=True, text=True,
                         encoding="utf-8", errors="replace")
    if run.returncode:
        sys.exit(f"The suite fails, so its speed means nothing:\n{run.stdout[-3000:]}")
    return time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    rounds = range(parser.parse_args().rounds)
    conditions.apply()
    floors, nbvals, wholes, slowest = [], [], [], {}
    for _ in rounds:  # interleaved, so that a busy moment falls on all three
        seconds, cells = floor()
        floors.append(seconds)
        for cell, time_of_cell in cells.items():
            slowest.setdefault(cell, []).append(time_of_cell)
        nbvals.append(suite("notebooks"))
        wholes.append(suite())
    middle = statistics.median
    print(f"floor {middle(floors):.1f} s, nbval over all notebooks {middle(nbvals):.1f} s, whole pytest {middle(wholes):.1f} s")
    print(f"ratio of nbval to the floor {middle(nbvals) / middle(floors):.2f} (at most 1.1), "
          f"of the whole pytest {middle(wholes) / middle(floors):.2f} (at most 2)")
    for cell, times in sorted(slowest.items(), key=lambda entry: -middle(entry[1]))[:10]:
        print(f"    {middle(times):.2f} s  {cell}")


if __name__ == "__main__":
    main()
