"""Says in words whether this kernel can run the series, and what to do where it cannot.

    import setup_check
    print(setup_check.answer())
"""
import importlib.util
import sys
import sysconfig
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 15)  # the Pythons that the series is tried on
NEEDED = ["pandas", "matplotlib"]
HERE = Path(__file__).resolve().parent
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
READY = "Ready: the Python is new enough, the packages are there, the orders can be read."


def answer(version=sys.version_info[:2], find=importlib.util.find_spec, folder=HERE, pandas_major=None,
           implementation=sys.implementation.name, free_threaded=FREE_THREADED):
    """Return READY, or one sentence for the first thing that is wrong, with its remedy.

    On a Python that the series was not tried on, READY comes with a second sentence, if the gauge reads rightly there.
    The parameters are what is looked at: the Python ``version`` as a pair, ``find`` which returns None for a missing
    package, the ``folder`` of the notebooks, the first number of pandas' version, the Python's ``implementation``, and
    whether it is ``free_threaded``, which is a build of its own.
    """
    if version < OLDEST:
        return (f"Not ready: this kernel runs Python {version[0]}.{version[1]} and the series needs {OLDEST[0]}.{OLDEST[1]} or newer. "
                "Close JupyterLab, and start it with  python3 notebooks  under a newer Python.")
    if implementation != "cpython":
        return ("Not ready: this kernel runs another Python than CPython, and the series shows what CPython does. "
                "Close JupyterLab, and start it with  python3 notebooks  under CPython.")
    missing = [name for name in NEEDED if find(name) is None]
    if missing:
        return (f"Not ready: this kernel has no {' and no '.join(missing)}. "
                "Add what requirements.txt names, or close JupyterLab and start it with  python3 notebooks .")
    if pandas_major is None:
        try:
            import pandas
        except ImportError as error:
            return (f"Not ready: pandas is there but cannot be loaded ({error}). "
                    "Close JupyterLab, delete the folder  .venv , and start it with  python3 notebooks .")
        pandas_major = int(pandas.__version__.split(".")[0])
    if pandas_major < 3:
        return (f"Not ready: this kernel has pandas {pandas_major} and the series shows what pandas 3 prints. "
                "Close JupyterLab, and start it with  python3 notebooks  in the project's folder.")
    if not (Path(folder).parent / "data" / "orders.csv").exists():
        return ("Not ready: data/orders.csv is missing. Get a complete copy of the project and leave its files together, "
                "or make this one with  python3 data/make_orders.py .")
    import gauge  # here, for it needs what the lines above look for
    trouble = gauge.self_test()
    if trouble:
        return f"Not ready: {trouble} Close JupyterLab, and start it with  python3 notebooks  under CPython 3.11 to 3.15."
    if version > NEWEST:
        return (f"{READY} The series was not tried on a Python as new as {version[0]}.{version[1]}, "
                "but its gauge reads rightly on this one.")
    if free_threaded:
        return f"{READY} The series was not tried on a free-threaded Python, but its gauge reads rightly on this one."
    return READY
