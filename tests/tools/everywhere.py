"""Run the whole suite under each condition that has ever made a notebook suite flake.

    python -m tests.tools.everywhere                  all conditions that this machine can make
    python -m tests.tools.everywhere umask read-only  only these
    python -m tests.tools.everywhere busy --times 100   again and again: does it ever fail?
    python -m tests.tools.everywhere --help             their names

Each condition gets a fresh copy of the project. Some need root (another user, no network); where they cannot be
made, the command says so by name. It ends with a line per condition, and fails if one failed. If none failed, and one
that was asked for by name could not be made, its exit code is 3: nobody is to believe that this one was tried.
"""
import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import conditions
from tests.support.notebook_files import PROJECT

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".ipynb_checkpoints")
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NOBODY = 65534
NOT_MADE = 3  # the exit code when what was asked for by name cannot be made here
SUITE_SECONDS = 3600  # a suite that takes longer hangs, on any machine


@dataclass(frozen=True)
class Condition:
    """One way in which a machine can be different.

    ``environment`` is added to the process; ``checkout`` and ``temp`` are the names of the folders that it uses;
    ``prefix`` is a command to start it through; the other fields are switches.
    """

    name: str
    environment: dict = field(default_factory=dict)
    checkout: str = "checkout"
    temp: str = "temp"
    prefix: tuple = ()
    umask: int = -1
    read_only: bool = False
    busy: bool = False

    def missing(self):
        """Return what this machine lacks for the condition, or None."""
        if self.prefix and not IS_ROOT:
            return "needs root"
        if self.prefix and not shutil.which(self.prefix[0]):
            return f"{self.prefix[0]} is not installed"
        if self.prefix and subprocess.run([*self.prefix, sys.executable, "-c", ""], capture_output=True).returncode:
            return f"{self.prefix[0]} does not work here"
        return None


# Another user, who may read everything (a Python below root's home, say) but write only what is hers.
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all,+dac_read_search",
             "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search")
NO_NETWORK = ("unshare", "--net", "sh", "-c", 'ip link set lo up 2>/dev/null || ifconfig lo up; exec "$@"', "sh")
CONDITIONS = [
    Condition("temp-folder", temp="tëmp fôlder 東京"),
    Condition("locale-c", {"LC_ALL": "C"}),
    Condition("no-utf8-mode", {"PYTHONUTF8": "0", "LC_ALL": "C"}),
    Condition("unbuffered", {"PYTHONUNBUFFERED": "1"}),
    Condition("umask", umask=0o077),
    Condition("path-with-spaces", checkout="my check out"),
    Condition("not-root", prefix=AS_NOBODY),
    Condition("read-only", prefix=AS_NOBODY, read_only=True),
    Condition("no-network", prefix=NO_NETWORK),
    Condition("busy", busy=True),
    # What can be had together, for a run in a hurry: .ci/run takes these two and no-network.
    # A Python without UTF-8 cannot print the path of a temp folder with other letters, in any notebook: not in one condition.
    Condition("all-at-once", {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONUNBUFFERED": "1"}, checkout="my check out",
              temp="a temp folder", umask=0o077, busy=True),
    Condition("read-only-all-at-once", {"LC_ALL": "C"}, checkout="my check out", temp="tëmp fôlder 東京", prefix=AS_NOBODY, read_only=True),
]


@contextlib.contextmanager
def _busy_cores():
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def run(condition, options):
    """Run pytest with ``options`` under ``condition``; return its exit code, its output and what it left behind.

    The exit code is None when pytest was not done after SUITE_SECONDS.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base:
        base = Path(base)
        checkout, temp, home = base / condition.checkout, base / condition.temp, base / "home"
        shutil.copytree(PROJECT, checkout, ignore=LEFT_OUT)
        temp.mkdir()
        home.mkdir()
        if condition.read_only:
            for path in [checkout, *checkout.rglob("*")]:
                path.chmod(path.stat().st_mode & ~0o222)
        environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temp), "TEMP": str(temp), "TMP": str(temp),
                       **condition.environment}
        for strict in conditions.STRICT:
            environment.pop(strict, None)
        if condition.prefix == AS_NOBODY:
            base.chmod(0o755)
            for path in (temp, home) if condition.read_only else (temp, home, checkout, *checkout.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        with _busy_cores() if condition.busy else contextlib.nullcontext():
            try:
                done = subprocess.run([*condition.prefix, sys.executable, "-m", "pytest", "-q", *options], cwd=checkout,
                                      env=environment, umask=condition.umask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, encoding="utf-8", errors="replace", timeout=SUITE_SECONDS)
            except subprocess.TimeoutExpired as late:
                said = late.stdout.decode("utf-8", "replace") if isinstance(late.stdout, bytes) else late.stdout or ""
                return None, f"{said}\nnot done after {SUITE_SECONDS} seconds", []
        left = sorted(entry.name for entry in temp.iterdir() if not entry.name.startswith("pytest-of-"))
    return done.returncode, done.stdout, left


def _passes(condition, options):
    """Run the suite once under ``condition``, print a line about it, and return whether it passed and left nothing."""
    started = time.monotonic()
    code, output, left = run(condition, options)
    good = code == 0 and not left
    last = output.strip().splitlines()[-1] if output.strip() else "no output"
    print(f"{condition.name:<23}{'passed' if good else 'FAILED'} in {time.monotonic() - started:.0f} s: {last}"
          + (f"; left in the temp folder: {left}" if left else ""), flush=True)
    if code != 0:
        print(output)
    return good


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.tools.everywhere", description=__doc__.splitlines()[0])
    names = [condition.name for condition in CONDITIONS]
    parser.add_argument("condition", nargs="*", help=f"some of {', '.join(names)} (all)")
    parser.add_argument("--times", type=int, default=1, help="run each condition so often (1)")
    parser.add_argument("--pytest", default="", help="options for pytest, such as '-k gauge'")
    options = parser.parse_args()
    unknown = set(options.condition) - set(names)
    if unknown:
        sys.exit(f"There is no condition {', '.join(sorted(unknown))}: --help names them.")
    failed, not_made = 0, 0
    for condition in CONDITIONS:
        if options.condition and condition.name not in options.condition:
            continue
        if condition.missing():
            print(f"{condition.name:<23}cannot be made here: {condition.missing()}", flush=True)
            not_made += bool(options.condition)
            continue
        failed += sum(not _passes(condition, options.pytest.split()) for _ in range(options.times))
    sys.exit(1 if failed else NOT_MADE if not_made else 0)


if __name__ == "__main__":
    main()
