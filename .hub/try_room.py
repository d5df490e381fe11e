"""Sit down thirty learners in a real room and see whether it holds: run by .ci/run on Linux.

    sudo /usr/bin/python3 .hub/try_room.py [--learners 30] [--state DIR]

It fills a folder of packages and installs from it, starts the hub on the loopback address, logs everybody in through the
hub's own pages, runs notebook 03 in all kernels at once and compares each output with the stored one. Then it looks whether
one learner reaches another's server, files and kernels, throws one out, begins anew for one and for all as README.md says,
and restarts the hub. It prints memory and time a learner.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
sys.path.insert(0, str(HERE))
import start  # noqa: E402

SECONDS = 300  # what takes longer hangs


class Learner:
    """One learner's browser: a session with cookies, and the address of the learner's own server."""

    def __init__(self, hub, name, password):
        import requests
        self.hub, self.name, self.web = hub, name, requests.Session()
        page = self.web.get(f"{hub}/hub/login", timeout=SECONDS)
        answer = self.web.post(f"{hub}/hub/login?next=", timeout=SECONDS, allow_redirects=False, headers={"Referer": page.url},
                               data={"username": name, "password": password, "_xsrf": self.xsrf("/hub/")})
        self.is_in = answer.status_code == 302

    def xsrf(self, path):
        return next((cookie.value for cookie in self.web.cookies if cookie.name == "_xsrf" and cookie.path == path), "")

    @property
    def server(self):
        return f"{self.hub}/user/{self.name}"

    def sit_down(self):
        """Start the server and wait until it answers; return the seconds that it took."""
        start = time.monotonic()
        self.web.get(f"{self.hub}/hub/spawn", timeout=SECONDS)
        while time.monotonic() - start < SECONDS:
            self.web.get(f"{self.server}/lab", timeout=SECONDS)  # brings the server's own cookies, once it runs
            if self.web.get(f"{self.server}/api/status", timeout=SECONDS).status_code == 200:
                return time.monotonic() - start
            time.sleep(1)
        raise TimeoutError(f"{self.name} has no server after {SECONDS} seconds")

    def ask(self, method, path, **content):
        headers = {"X-XSRFToken": self.xsrf(f"/user/{self.name}/"), "Referer": self.server}
        return self.web.request(method, f"{self.server}{path}", headers=headers, timeout=SECONDS, **content)

    def open_notebook(self, path):
        """Start a kernel for the notebook at ``path``, as JupyterLab does; return its id."""
        answer = self.ask("POST", "/api/sessions", json={"path": path, "name": "", "type": "notebook",
                                                         "kernel": {"name": "python3"}})
        answer.raise_for_status()
        return answer.json()["kernel"]["id"]

    def run(self, kernel, sources):
        """Run ``sources`` one by one in ``kernel``; return the outputs of each, in the notebook format."""
        import websocket
        address = f"{self.server}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.web.cookies
                            if f"/user/{self.name}/".startswith(cookie.path))
        channel = websocket.create_connection(address, timeout=SECONDS, cookie=cookies)
        try:
            return [_execute(channel, source) for source in sources]
        finally:
            channel.close()


def _execute(channel, source):
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": number, "version": "5.3"}
    channel.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "content": {
        "code": source, "silent": False, "store_history": True, "allow_stdin": False}}))
    outputs = []
    while True:
        message = json.loads(channel.recv())
        if message["parent_header"].get("msg_id") != number:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind in ("stream", "display_data", "execute_result", "error"):
            outputs.append({"output_type": kind, **{key: content[key] for key in content if key != "transient"}})
        elif kind == "status" and content["execution_state"] == "idle":
            return outputs


class Room:
    """The hub that `start.py` starts in a state folder, again and again."""

    def __init__(self, state, port):
        self.state, self.port, self.address = state, port, f"http://127.0.0.1:{port}"
        self.log = state / "hub.log"

    def command(self, *arguments):
        return [sys.executable, HERE / "start.py", "--state", self.state, "--port", str(self.port), *arguments]

    def open(self):
        """Start the hub and wait until it answers."""
        import requests
        with open(self.log, "a", encoding="utf-8") as log:
            self.hub = subprocess.Popen(self.command(), stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self.hub.poll() is None:
            try:
                if requests.get(f"{self.address}/hub/login", timeout=SECONDS).status_code == 200:
                    self.password, self.instructor_password = start.passwords_of(self.state)
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.5)
        raise RuntimeError(f"The hub did not start:\n{self.log.read_text(encoding='utf-8')[-3000:]}")

    def stop_the_hub(self):
        self.hub.send_signal(signal.SIGTERM)
        self.hub.wait(SECONDS)

    def end(self):
        """End the whole room by the command; return what it says."""
        ended = subprocess.run(self.command("--stop"), capture_output=True, text=True, timeout=SECONDS)
        self.hub.wait(SECONDS)
        return ended.stdout + ended.stderr

    def start_in_vain(self, *arguments):
        """Return what a start says that cannot work."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=SECONDS).stderr.strip()

    def delete_all_but_packages(self):
        for path in self.state.iterdir():
            if path.is_dir() and path.name not in ("venv", "proxy"):
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()


def memory_of(learners):
    """Return the megabytes that the processes below ``learners`` user ids hold, each shared page counted once."""
    import psutil
    total = 0
    for process in psutil.process_iter(["uids"]):
        try:
            if process.info["uids"].real >= 20_000:
                total += process.memory_full_info().pss
        except (psutil.Error, AttributeError):
            continue
    return total / 1e6 / learners


def promise(kept, words):
    print(("ok   " if kept else "FAIL ") + words, flush=True)
    return kept


def main():
    parser = argparse.ArgumentParser(prog=".hub/try_room.py", description=__doc__.splitlines()[0])
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--state", type=Path)
    options = parser.parse_args()
    if "ROOM_PYTHON" not in os.environ:  # go on with the room's own Python, which has requests and websocket
        with tempfile.TemporaryDirectory(prefix="room-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
            state = options.state or Path(folder)
            if not (state / "venv" / "ready").exists():
                start.collect(state / "packages")
            command = [start.prepare(state, state / "packages"), __file__, *sys.argv[1:], "--state", state]
            sys.exit(subprocess.call(command, env={**os.environ, "ROOM_PYTHON": sys.executable}))
    sys.executable = os.environ["ROOM_PYTHON"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1] % 20_000 + 20_000
    room, kept = Room(options.state, port), []
    room.open()
    try:
        kept = try_everything(options, room)
    finally:
        start.end(start.processes_of(options.state))
    print(f"{sum(kept)} passed, {len(kept) - sum(kept)} failed")
    sys.exit(0 if kept and all(kept) else 1)


def try_everything(options, room):
    sys.path.insert(0, str(PROJECT))
    import nbformat

    from tests.support.comparison import difference
    path = next((PROJECT / "notebooks").glob("03-*.ipynb"))
    stored = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    sources = [cell.source for cell in stored]
    kept = [promise(not Learner(room.address, "mallory", "wrong password").is_in, "a wrong password lets nobody in"),
            promise(not Learner(room.address, "instructor", room.password).is_in, "the room's password is not the instructor's")]
    kept += nothing_is_told_that_should_not_be(room)
    with ThreadPoolExecutor(options.learners) as together:
        began = time.monotonic()
        seats = list(together.map(lambda number: Learner(room.address, f"learner{number:02d}", room.password),
                                  range(1, options.learners + 1)))
        kept.append(promise(all(learner.is_in for learner in seats), f"{len(seats)} learners log in: {time.monotonic() - began:.1f} s"))
        waited = list(together.map(Learner.sit_down, seats))
        kept.append(promise(True, f"all have a server after {max(waited):.0f} s, the first after {min(waited):.0f} s"))
        began = time.monotonic()
        kernels = list(together.map(lambda learner: learner.open_notebook(f"notebooks/{path.name}"), seats))
        runs = list(together.map(lambda pair: pair[0].run(pair[1], sources), zip(seats, kernels, strict=True)))
        took = time.monotonic() - began
    differ = [f"{learner.name} {cell.id}: {how}" for learner, outputs in zip(seats, runs, strict=True)
              for cell, output in zip(stored, outputs, strict=True)
              if (how := difference([nbformat.from_dict(one) for one in output], cell.outputs))]
    kept.append(promise(not differ, f"{path.name} in all kernels at once: {took:.0f} s, {len(differ)} outputs differ "
                                    + " ".join(differ[:3])))
    print(f"     {memory_of(len(seats)):.0f} MB for each learner, server and kernel together")
    kept += neighbours_are_strangers(seats[0], seats[1], kernels[1])
    kept += the_instructor_helps(Learner(room.address, "instructor", room.instructor_password), seats[1])
    kept += work_is_found_again(seats[2])
    kept += one_begins_anew(seats[2], room)
    own_kernel = seats[0].open_notebook("notebooks/own.ipynb")
    seats[0].run(own_kernel, ["mine = 'still here'"])
    kept += a_second_start_does_no_harm(room)
    room.stop_the_hub()
    room.open()
    remembered = seats[0].run(own_kernel, ["print(mine)"])[0][0].get("text")
    kept.append(promise(remembered == "still here\n", "after a restart of the hub a learner's kernel still knows its names"))
    return kept + all_begin_anew(room)


def nothing_is_told_that_should_not_be(room):
    import requests
    page = requests.get(f"{room.address}/hub/login", timeout=SECONDS).text
    shown = "".join(path.read_text(encoding="utf-8", errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    return [promise("small letters, digits and hyphens" in page, "the login page says which names go"),
            promise(room.password not in shown and room.instructor_password not in shown, "no password is in a command line"),
            promise((room.state / "passwords").stat().st_mode & 0o077 == 0, "only the owner can read the passwords")]


def neighbours_are_strangers(one, other, kernel):
    inside = one.web.get(f"{other.server}/api/contents", timeout=SECONDS).status_code
    channels = one.web.get(f"{other.server}/api/kernels/{kernel}", timeout=SECONDS).status_code
    terminals = one.ask("POST", "/api/terminals").status_code
    mine = one.open_notebook("notebooks/own.ipynb")
    look = f"""
import os
try:
    print(os.listdir(os.path.expanduser("~/../{other.name}")))
except OSError as error:
    print(error)
"""
    shown = one.run(mine, [look])[0][0]["text"]
    kept = [promise(inside == 403, f"another's files through the web: {inside}"),
            promise(channels == 403, f"another's kernel through the web: {channels}"),
            promise(terminals in (403, 404), f"a terminal: {terminals}")]
    if os.getuid() == 0:
        kept.append(promise("Permission denied" in shown, f"another's files from a kernel: {shown.strip()}"))
    return kept


def the_instructor_helps(instructor, learner):
    opened = instructor.web.get(f"{learner.server}/lab", timeout=SECONDS).status_code
    admin = instructor.web.get(f"{instructor.hub}/hub/admin", timeout=SECONDS).status_code
    refused = learner.web.get(f"{instructor.hub}/hub/admin", timeout=SECONDS).status_code
    news = learner.ask("GET", "/lab/api/settings/@jupyterlab/apputils-extension:notification").json()
    return [promise((admin, refused) == (200, 403), f"/hub/admin: {admin} for the instructor, {refused} for a learner"),
            promise(opened == 200, f"the instructor opens a learner's notebooks: {opened}"),
            promise(news["schema"]["properties"]["fetchNews"]["default"] == "false", "no question about news")]


def stop_server(learner):
    learner.web.delete(f"{learner.hub}/hub/api/users/{learner.name}/server", timeout=SECONDS,
                       headers={"X-XSRFToken": learner.xsrf("/hub/"), "Referer": f"{learner.hub}/hub/home"})
    time.sleep(3)


def work_is_found_again(learner):
    note = {"type": "file", "format": "text", "content": "my work"}
    learner.ask("PUT", "/api/contents/my-work.txt", json=note)
    stop_server(learner)
    took = learner.sit_down()
    found = learner.ask("GET", "/api/contents/my-work.txt").json().get("content")
    return [promise(found == "my work", f"one is thrown out, sits down again after {took:.0f} s and finds the work")]


def one_begins_anew(learner, room):
    home = room.state / "homes" / learner.name
    stop_server(learner)
    home.rename(home.with_name(f"{learner.name}-old"))
    took = learner.sit_down()
    gone = learner.ask("GET", "/api/contents/my-work.txt").status_code
    fresh = learner.ask("GET", "/api/contents/notebooks/00-start-here.ipynb").status_code
    kept = (home.with_name(f"{learner.name}-old") / "series" / "my-work.txt").exists()
    return [promise((gone, fresh, kept) == (404, 200, True), f"one begins anew after {took:.0f} s, and the old work is kept")]


def a_second_start_does_no_harm(room):
    said = room.start_in_vain()
    elsewhere = Room(room.state.with_name(f"{room.state.name}-2"), room.port)
    try:
        of_the_port = elsewhere.start_in_vain()
    finally:
        shutil.rmtree(elsewhere.state, ignore_errors=True)
    return [promise(said.startswith("A hub is running already") and "\n" not in said, f"a second start says: {said}"),
            promise("Choose another with --port" in of_the_port and "\n" not in of_the_port, f"a port in use: {of_the_port}"),
            promise(room.hub.poll() is None, "the hub that was there goes on")]


def all_begin_anew(room):
    """As README.md says, by --stop; and as people do it who forget that: the proxy lives on without its folder."""
    said = room.end()
    left = [process for process in start.processes_of(room.state)]
    kept = [promise("have ended" in said and not left, f"--stop: {said.strip()}")]
    for how in ("after --stop", "after the hub alone was stopped"):
        room.delete_all_but_packages()
        room.open()
        learner = Learner(room.address, "learner03", room.password)
        took = learner.sit_down()
        gone = learner.ask("GET", "/api/contents/my-work.txt").status_code
        kept.append(promise(gone == 404, f"{how} and without its folder the room begins anew, a learner sits after {took:.0f} s"))
        room.stop_the_hub()
    said = room.end()
    return [*kept, promise("have ended" in said and not start.processes_of(room.state), f"--stop without a hub: {said.strip()}")]


if __name__ == "__main__":
    main()
