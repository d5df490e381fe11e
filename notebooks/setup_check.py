"""Says in words whether this kernel can run the series, and what to do where it cannot.

    import setup_check
    print(setup_check.answer())
"""
import importlib.util
import sys
from pathlib import Path

from launch import OLDEST, supported

NEEDED = ["pandas", "matplotlib"]
HERE = Path(__file__).resolve().parent
READY = "Ready: the Python is new enough, the packages are there, the example data can be read."


def answer(version=sys.version_info[:2], find=importlib.util.find_spec, folder=HERE, pandas_major=None,
           implementation=sys.implementation.name):
    """Return READY, or one sentence for the first thing that is wrong, with its remedy.

    A Python that the series was not tried on is ready, too, if the gauge reads rightly there; ``python3 notebooks`` says
    that it is untried. The parameters are what is looked at: the Python ``version`` as a pair, ``find`` which returns None
    for a missing package, the ``folder`` of the notebooks, the first number of pandas' version, and the Python's
    ``implementation``.
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
        return (f"Not ready: {trouble} Close JupyterLab, and start it with  python3 notebooks  "
                f"under CPython {supported()[0]} to {supported()[-1]}.")
    return READY
