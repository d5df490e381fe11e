"""Run the whole test suite:  python3 tests  (options go to pytest, such as  python3 tests -k gauge)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import environment  # noqa: E402

if __name__ == "__main__":
    sys.exit(environment.run([environment.prepare(), "-m", "pytest"] + sys.argv[1:]))
