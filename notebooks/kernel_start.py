"""What a kernel runs before its first cell: it guards the notebooks of the series against cells run out of order.

IPython runs the file that the variable PYTHONSTARTUP names; ``python3 notebooks`` names this one. It does nothing for a
notebook that has no workbench, such as one of your own.
"""


def _guard_a_lesson(startup_file):
    import os
    import sys

    folder = os.path.dirname(os.path.abspath(startup_file))
    notebook = os.path.join(folder, os.path.basename(os.environ.get("JPY_SESSION_NAME", "")))  # set by Jupyter's server
    if not notebook.endswith(".ipynb") or not os.path.exists(notebook):
        return
    with open(notebook, encoding="utf-8") as file:
        if "workbench.start(" not in file.read():
            return
    sys.path.insert(0, folder)
    import workbench

    workbench.guard(workbench.BEFORE)


_guard_a_lesson(__file__)
del _guard_a_lesson
