"""Re-execute notebooks and store them in their normal form: the command to run after a change.

    python -m tests.tools.refresh                    all notebooks
    python -m tests.tools.refresh 03                 those whose file name starts with 03
    python -m tests.tools.refresh --anew 03          with every output of this run, also where the stored one is as good

An output that is equal to the stored one under the rules of tests/support/sanitize.cfg is kept, so that on another
machine, or run a second time, the command changes nothing. The stored outputs come from one reference, CPython 3.13 on
Linux, so that all here: lines tell of one machine; the command says so when it stores others. A new cell gets an id that
says what it is for, and the stubs of exercises go into notebooks/checks/stubs.json. A cell that raises or does not end
is named, and its notebook is left as it was.
"""
import argparse
import asyncio
import platform
import sys

from nbclient.exceptions import CellExecutionError, CellTimeoutError

from tests.support import conditions, kernels, links
from tests.support.cell_ids import give_ids
from tests.support.comparison import compared, here_lines
from tests.support.exercises import write_stubs
from tests.support.notebook_files import code_cells, normalise, paths_starting_with, read_notebook, write_if_changed

CELL_SECONDS = 300  # a cell that takes longer hangs, on any machine
REFERENCE = ("CPython", "3.13", "Linux")


def refresh(path, anew=False):
    """Run the notebook at ``path`` from its first cell to its last and store it; return whether it changed, and a list.

    The list holds the ids of the cells whose stored ``here:`` lines are of this run; with ``anew`` those are all.
    Raises CellExecutionError, with nothing written, when a cell raises, and CellTimeoutError when one does not end.
    """
    stored, notebook = normalise(read_notebook(path)), read_notebook(path)
    asyncio.run(kernels.execute(notebook, seconds=CELL_SECONDS))
    normalise(notebook)
    measured_now = []
    for cell, before in zip(code_cells(notebook), code_cells(stored)):
        if not anew and _reads_the_same(cell.outputs, before.outputs):
            cell.outputs = before.outputs
        elif here_lines(cell):
            measured_now.append(cell)
    give_ids(notebook, path.stem.partition("-")[0])
    return write_if_changed(notebook, path), [cell.id for cell in measured_now]


def _reads_the_same(outputs, stored):
    """Whether a reader sees the same, in the same order, but for what the rules take out. (nbval does not compare the order.)"""
    kinds = [[output.output_type for output in each] for each in (outputs, stored)]
    return kinds[0] == kinds[1] and all(compared([now]) == compared([before]) for now, before in zip(outputs, stored))


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.refresh", description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help="notebooks whose file name starts so (all)")
    parser.add_argument("--anew", action="store_true", help="store every output of this run, also where it equals the stored one")
    options = parser.parse_args()
    conditions.apply()
    write_stubs()  # before a check is run, which knows an untouched stub by them
    this = platform.python_implementation(), "{}.{}".format(*sys.version_info), platform.system()
    for path in paths_starting_with(options.prefix):
        try:
            changed, measured_now = refresh(path, options.anew)
        except CellExecutionError as error:
            sys.exit(f"{error}\n{path.name} was left as it was: a cell raised {error.ename}: {error.evalue}")
        except CellTimeoutError as error:
            sys.exit(f"{error}\n{path.name} was left as it was: a cell was not done after {CELL_SECONDS} seconds.")
        print(f"{path.name}: {'rewritten' if changed else 'unchanged'}")
        if measured_now and this != REFERENCE:
            print(f"    here: lines of {' '.join(this)} were stored in {', '.join(measured_now)}. The reference is "
                  f"{' '.join(REFERENCE)}: run this there with --anew before you publish.")
    try:
        links.main()
    except ValueError as wrong:
        sys.exit(f"{wrong}\nNo links and lists were written: mend that, and run this again.")


if __name__ == "__main__":
    main()
