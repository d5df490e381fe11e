"""The checks of all exercises. Each answers in one sentence:

    not attempted yet
    not there yet: the copy holds 0 of 1,142 rows
    done: another process finds all 1,142 rows in the copy
    this check is broken, not your code: ... Tell your instructor; your answer may well be right.

Each check gets your answer (a number, a few letters, a function that you wrote) and tries it under the real
condition: another process reads by name, the process dies, the disk is full. What exactly it tries stands
in its docstring, in the module of its lesson beside this file.
"""
import importlib
import re
from pathlib import Path

# Here, and not when the first check is used: by then a notebook has moved to a folder of its own.
from checks import common

__all__ = []  # the checks of all lessons, see below; a lesson is imported when one of its checks is used


def lessons_by_check():
    """Return which module holds each check: a name -> such as "lesson_03", read from the modules' __all__.

    The modules are read and not imported, so that one that cannot be imported does not take the others down.
    """
    found = {}
    for path in sorted(Path(__file__).parent.glob("lesson_*.py")):
        listed = re.search(r"^__all__ = \[(.*?)\]", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for name in re.findall(r"""["'](\w+)["']""", listed[1]) if listed else []:
            found.setdefault(name, path.stem)
    return found


def _load(name):
    try:
        return getattr(importlib.import_module(f"checks.{_lessons[name]}"), name)
    except Exception as error:  # of the module, such as a syntax error
        problem = f"{type(error).__name__}: {error}"

        def broken(*answers):
            return common.Verdict(common.BROKEN, f"{problem}. Tell your instructor; your answer may well be right.")
        return broken


def __getattr__(name):
    if name not in _lessons:
        raise AttributeError(f"there is no check named {name!r}. (A new one goes into checks/lesson_NN.py, and into its __all__.)")
    return _load(name)


def __dir__():
    return [*globals(), *_lessons]


_lessons = lessons_by_check()
__all__ += sorted(_lessons)
