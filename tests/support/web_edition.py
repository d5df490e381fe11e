"""The program that makes the web edition, .site/build.py, as a module."""
import importlib.util
import sys

from tests.support.notebook_files import PROJECT


def the_builder():
    """Return .site/build.py, imported: its folder is no package."""
    specification = importlib.util.spec_from_file_location("site_builder", PROJECT / ".site" / "build.py")
    builder = importlib.util.module_from_spec(specification)
    sys.modules["site_builder"] = builder  # dataclasses look for their module
    specification.loader.exec_module(builder)
    return builder
