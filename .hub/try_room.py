"""Sit down thirty learners in a real room and see whether it holds: run by .ci/run on Linux.

    sudo /usr/bin/python3 .hub/try_room.py [--learners 30] [--notebook 03] [--state DIR]

It starts the hub on the loopback address, logs everybody in through the hub's own pages, runs a notebook in all kernels at
once and compares each output with the stored one. Then it looks whether one learner reaches another's server, files and
kernels, stops one server and finds its work again, and restarts the hub. It prints memory and time a learner.
"""
import argparse
import json
import os
import secrets
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


def start_hub(options, port):
    log = open(options.state / "hub.log", "a", encoding="utf-8")
    hub = subprocess.Popen([sys.executable, HERE / "start.py", "--state", options.state, "--port", str(port), "--password",
                            options.password, "--instructor-password", options.instructor_password], stdout=log, stderr=log)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and hub.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                import requests
                if requests.get(f"http://127.0.0.1:{port}/hub/login", timeout=SECONDS).status_code == 200:
                    return hub
        time.sleep(0.5)
    sys.exit(f"The hub did not start:\n{(options.state / 'hub.log').read_text(encoding='utf-8')[-3000:]}")


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
    parser.add_argument("--notebook", default="03")
    parser.add_argument("--state", type=Path)
    options = parser.parse_args()
    own_state = options.state is None
    options.state = options.state or Path(tempfile.mkdtemp(prefix="room-", dir="/var/tmp"))
    options.password, options.instructor_password = secrets.token_hex(6), secrets.token_hex(20)
    if "ROOM_PYTHON" not in os.environ:  # go on with the room's own Python, which has requests and websocket
        sys.path.insert(0, str(HERE))
        import start
        python = start.prepare(options.state, None)
        arguments = [str(python), __file__, "--learners", str(options.learners), "--notebook", options.notebook,
                     "--state", str(options.state)]
        try:
            sys.exit(subprocess.call(arguments, env={**os.environ, "ROOM_PYTHON": sys.executable}))
        finally:
            if own_state:
                shutil.rmtree(options.state, ignore_errors=True)
    sys.executable = os.environ["ROOM_PYTHON"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1] % 20_000 + 20_000
    hub = start_hub(options, port)
    address, kept = f"http://127.0.0.1:{port}", []
    try:
        kept = try_everything(options, address, port, hub)
    finally:
        tidy_up(options, address, hub)
    print(f"{sum(kept)} passed, {len(kept) - sum(kept)} failed")
    sys.exit(0 if kept and all(kept) else 1)


def try_everything(options, address, port, hub):
    sys.path.insert(0, str(PROJECT))
    import nbformat

    from tests.support.comparison import difference
    path = next((PROJECT / "notebooks").glob(f"{options.notebook}-*.ipynb"))
    stored = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    sources = [cell.source for cell in stored]
    kept = [promise(not Learner(address, "mallory", "wrong password").is_in, "a wrong password lets nobody in"),
            promise(not Learner(address, "instructor", options.password).is_in, "the room's password is not the instructor's")]
    with ThreadPoolExecutor(options.learners) as together:
        start = time.monotonic()
        room = list(together.map(lambda number: Learner(address, f"learner{number:02d}", options.password),
                                 range(1, options.learners + 1)))
        kept.append(promise(all(learner.is_in for learner in room), f"{len(room)} learners log in: {time.monotonic() - start:.1f} s"))
        waited = list(together.map(Learner.sit_down, room))
        kept.append(promise(True, f"all have a server after {max(waited):.0f} s, the first after {min(waited):.0f} s"))
        start = time.monotonic()
        kernels = list(together.map(lambda learner: learner.open_notebook(f"notebooks/{path.name}"), room))
        runs = list(together.map(lambda pair: pair[0].run(pair[1], sources), zip(room, kernels, strict=True)))
        took = time.monotonic() - start
    differ = [f"{learner.name} {cell.id}: {how}" for learner, outputs in zip(room, runs, strict=True)
              for cell, output in zip(stored, outputs, strict=True)
              if (how := difference([nbformat.from_dict(one) for one in output], cell.outputs))]
    kept.append(promise(not differ, f"{path.name} in all kernels at once: {took:.0f} s, {len(differ)} outputs differ "
                                    + " ".join(differ[:3])))
    print(f"     {memory_of(len(room)):.0f} MB for each learner, server and kernel together")
    kept += neighbours_are_strangers(room[0], room[1], kernels[1], address)
    kept += work_is_found_again(room[2])
    own_kernel = room[0].open_notebook("notebooks/own.ipynb")
    room[0].run(own_kernel, ["mine = 'still here'"])
    hub.send_signal(signal.SIGTERM)
    hub.wait(SECONDS)
    again = start_hub(options, port)
    hub.__dict__.update(again.__dict__)
    remembered = room[0].run(own_kernel, ["print(mine)"])[0][0].get("text")
    kept.append(promise(remembered == "still here\n", "after a restart of the hub a learner's kernel still knows its names"))
    return kept


def neighbours_are_strangers(one, other, kernel, address):
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


def work_is_found_again(learner):
    note = {"type": "file", "format": "text", "content": "my work"}
    learner.ask("PUT", "/api/contents/my-work.txt", json=note)
    learner.web.delete(f"{learner.hub}/hub/api/users/{learner.name}/server", timeout=SECONDS,
                       headers={"X-XSRFToken": learner.xsrf("/hub/"), "Referer": f"{learner.hub}/hub/home"})
    time.sleep(3)
    took = learner.sit_down()
    found = learner.ask("GET", "/api/contents/my-work.txt").json().get("content")
    return [promise(found == "my work", f"one is thrown out, sits down again after {took:.0f} s and finds the work")]


def tidy_up(options, address, hub):
    import psutil
    hub.send_signal(signal.SIGTERM)
    time.sleep(2)
    for process in psutil.process_iter(["uids", "cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if str(options.state) in command and process.pid != os.getpid() and "try_room" not in command:
            process.kill()
    psutil.wait_procs([process for process in psutil.process_iter() if process.ppid() == os.getpid()], timeout=10)


if __name__ == "__main__":
    main()
