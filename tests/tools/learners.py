"""Let twenty learners run each notebook at once on one server, from one checkout.

    python -m tests.tools.learners              twenty copies of every notebook, one notebook after the other
    python -m tests.tools.learners 03 --copies 30

Every copy must end with the stored outputs, and nothing may be left in the temp folder. Prints, for sizing a server,
the memory of one learner's kernel near its end (the largest, in MB) and the time until the last learner was done, in seconds.
"""
import argparse
import asyncio
import os
import sys
import time

from nbformat.v4 import new_code_cell

from tests.support import conditions, kernels
from tests.support.cells import own_temp_folder
from tests.support.comparison import difference
from tests.support.notebook_files import code_cells, paths_starting_with, read_notebook

MEMORY = "import psutil\nprint(psutil.Process().memory_info().rss / 1e6)"


async def one_learner(path):
    """Run the notebook at ``path`` in a kernel of its own; return what differed and the kernel's memory in MB."""
    stored = code_cells(read_notebook(path))
    notebook = read_notebook(path)
    last = code_cells(notebook)[-1]  # after it, a lesson runs no cell any more
    notebook.cells.insert(notebook.cells.index(last), new_code_cell(MEMORY, id="memory"))
    await kernels.execute(notebook, seconds=600)
    *ran, memory, last = code_cells(notebook)
    ran.append(last)
    told = [f"{cell.id}: {how}" for cell, expected in zip(ran, stored) if (how := difference(cell.outputs, expected.outputs))]
    return told, float(memory.outputs[0].text)


async def all_learners(path, copies):
    """Run ``copies`` of one_learner at once; a learner whose notebook could not be run says why in place of a difference."""
    outcomes = await asyncio.gather(*[one_learner(path) for _ in range(copies)], return_exceptions=True)
    return [([f"could not be run: {outcome}"], 0.0) if isinstance(outcome, Exception) else outcome for outcome in outcomes]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.learners", description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help="notebooks whose file name starts so (all)")
    parser.add_argument("--copies", type=int, default=20, help="learners at once (20)")
    options = parser.parse_args()
    conditions.apply()
    wrong = 0
    print(f"{options.copies} learners at once on {os.cpu_count()} cores")
    for path in paths_starting_with(options.prefix):
        with own_temp_folder() as temp:
            started = time.monotonic()
            results = asyncio.run(all_learners(path, options.copies))
            seconds = time.monotonic() - started
            left = [entry.name for entry in temp.iterdir()]
        differ = [told for told, _ in results if told]
        wrong += bool(differ or left)
        print(f"{path.stem:<46}{max(memory for _, memory in results):>6.0f} MB each, all done in {seconds:>5.1f} s"
              + (f"; {len(differ)} differ, such as {differ[0]}" if differ else "") + (f"; left behind: {left}" if left else ""),
              flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
