"""Re-execute notebooks and store them in their normal form: the command to run after a change.

    python -m tests.tools.refresh                    all notebooks
    python -m tests.tools.refresh 03                 those whose file name starts with 03

Run a second time it changes nothing. A cell that raises or does not end is named, and its notebook is left as it was.
"""
import asyncio
import sys

from nbclient.exceptions import CellExecutionError, CellTimeoutError

from tests.support import conditions, kernels
from tests.support.notebook_files import normalise, paths_starting_with, read_notebook, write_if_changed

CELL_SECONDS = 300  # a cell that takes longer hangs, on any machine


def refresh(path):
    """Run the notebook at ``path`` from its first cell to its last and store it; return whether it changed.

    Raises CellExecutionError, with nothing written, when a cell raises, and CellTimeoutError when one does not end.
    """
    notebook = read_notebook(path)
    asyncio.run(kernels.execute(notebook, seconds=CELL_SECONDS))
    return write_if_changed(normalise(notebook), path)


def main(prefixes):
    conditions.apply()
    for path in paths_starting_with(prefixes):
        try:
            changed = refresh(path)
        except CellExecutionError as error:
            sys.exit(f"{path.name} was left as it was: a cell raised {error.ename}: {error.evalue}\n{error}")
        except CellTimeoutError as error:
            sys.exit(f"{path.name} was left as it was: a cell was not done after {CELL_SECONDS} seconds.\n{error}")
        print(f"{path.name}: {'rewritten' if changed else 'unchanged'}")


if __name__ == "__main__":
    main(sys.argv[1:])
