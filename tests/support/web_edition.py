"""The program that makes the web edition, .site/build.py, as a module."""
import runpy
from types import SimpleNamespace

from tests.support.notebook_files import PROJECT


def the_builder():
    """Return .site/build.py, imported: its folder is no package."""
    return SimpleNamespace(**runpy.run_path(str(PROJECT / ".site" / "build.py")))
