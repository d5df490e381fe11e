"""A program of notebook 08: it forks while its header may be waiting.

    python forking.py FILE           fork at once
    python forking.py FILE flush     flush before the fork

Windows has no fork: there it stops with an AttributeError.
"""
import os
import sys

with open(sys.argv[1], "w") as export:
    export.write("id,item\n")
    if "flush" in sys.argv:
        export.flush()
    if os.fork():
        os.wait()
