"""The command that opens a room waits for the ports of what has just ended, and says which port another program has."""
import argparse
import os
import runpy
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.notebook_files import PROJECT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="JupyterHub does not run on Windows")


@pytest.fixture(scope="module")
def start():
    return SimpleNamespace(**runpy.run_path(str(PROJECT / ".hub" / "start.py")))


@pytest.fixture
def options(tmp_path):
    """Options of a room whose first port is in use, and the socket that uses it; the other two ports are free."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield argparse.Namespace(state=tmp_path, address="127.0.0.1", port=listener.getsockname()[1]), listener


def test_a_port_that_is_free_after_a_moment_is_waited_for(start, options):
    room, listener = options
    threading.Timer(0.3, listener.close).start()
    began = time.monotonic()
    start.stop_for_a_port_in_use(room)
    assert time.monotonic() - began >= 0.25


def test_a_port_that_stays_in_use_is_named(start, options):
    room, _ = options
    with pytest.raises(SystemExit, match=f"Nothing can listen at 127.0.0.1, port {room.port} .*Choose another with --port"):
        start.stop_for_a_port_in_use(room, seconds=0.3)


def test_an_address_of_another_machine_is_refused_at_once(start, options):
    room, _ = options
    room.address = "192.0.2.1"
    began = time.monotonic()
    with pytest.raises(SystemExit, match="Nothing can listen at 192.0.2.1"):
        start.stop_for_a_port_in_use(room)
    assert time.monotonic() - began < 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_runs_until_its_last_thread_has_ended(start):
    """As node does: the first thread ends before the others, and the sockets stay open until the last one."""
    program = ("import ctypes, os, sys, threading\n"
               "threading.Thread(target=lambda: (sys.stdin.readline(), os._exit(0))).start()\n"
               "ctypes.CDLL(None).pthread_exit(None)\n")
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while (state := Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]) != "Z":
            assert time.monotonic() < deadline, state
            time.sleep(0.02)
        assert start._runs(child.pid)
        child.stdin.write(b"\n")
        child.stdin.close()
        while start._runs(child.pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
