"""Run the whole test suite:  python3 tests  (options go to pytest, such as  python3 tests -k gauge)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "notebooks"))
import launch  # noqa: E402

if __name__ == "__main__":
    launch.run([launch.prepare(), "-m", "pytest"] + sys.argv[1:])
