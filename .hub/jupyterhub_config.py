"""JupyterHub for a room of thirty on one Linux machine. `start.py` beside this file sets the variables and starts it.

Each learner gets a home with a copy of the workshop edition, a server and kernels of their own and, where the hub runs as
root, a user id of their own: without it everybody could read everybody's files. Settings that are not the defaults:

    kernels on ipc          with tcp, ports of thirty servers collide; the sockets' path must stay short
    QueuingSpawner          three servers start at once, the others wait; JupyterHub's own limit answers 429 instead
    cleanup_servers False   a restart of the hub ends nobody's server
    terminals off           a terminal would be a way around the lesson, and on a shared machine around more
"""
import asyncio
import os
import shutil
import sys
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

STATE = Path(os.environ["ROOM_STATE"])  # homes, database, sockets: a short path, not inside root's home
SERIES = Path(os.environ["ROOM_SERIES"])  # the workshop edition that each learner gets a copy of
PORT = int(os.environ["ROOM_PORT"])
HOMES, SOCKETS = STATE / "homes", STATE / "run"
FIRST_UID = 20_000
OWN_UIDS = os.getuid() == 0
IDLE_KERNEL_SECONDS, IDLE_SERVER_SECONDS = 1_800, 10_800

os.umask(0o077)
for folder in (STATE, HOMES, SOCKETS):
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


class QueuingSpawner(SimpleLocalProcessSpawner):
    """Starts at most three servers at once; the others wait for their turn."""

    at_once = asyncio.Semaphore(3)

    async def start(self):
        async with self.at_once:
            address = await super().start()
            while await self.poll() is None:
                try:
                    _, connection = await asyncio.open_connection(*address)
                except OSError:
                    await asyncio.sleep(0.1)
                else:
                    connection.close()
                    break
        return address


def seat(spawner):
    """Give the learner a home with a copy of the series, once, and a folder for the kernels' sockets."""
    uid = FIRST_UID + spawner.user.id if OWN_UIDS else os.getuid()  # a number is enough, it needs no account
    home, sockets = HOMES / spawner.user.name, SOCKETS / str(spawner.user.id)
    if not home.exists():
        unfinished = HOMES / f".{spawner.user.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(SERIES, unfinished / "series", ignore=shutil.ignore_patterns("__pycache__"))
        for path in [unfinished, *unfinished.rglob("*")]:  # only now: in a used home a link could lead root astray
            os.chown(path, uid, uid if OWN_UIDS else -1)
        unfinished.rename(home)
    if not sockets.exists():
        sockets.mkdir(mode=0o700)
        os.chown(sockets, uid, uid if OWN_UIDS else -1)
    start_file = home / "series" / "notebooks" / "kernel_start.py"
    spawner.environment = {**spawner.environment, "JUPYTER_RUNTIME_DIR": str(sockets), "PYTHONSTARTUP": str(start_file)}
    if OWN_UIDS:
        spawner.popen_kwargs = {"user": uid, "group": uid, "extra_groups": [], "umask": 0o077}


c = get_config()  # noqa: F821  (JupyterHub defines it)
c.JupyterHub.bind_url = f"http://{os.environ['ROOM_ADDRESS']}:{PORT}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 81}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 1}"
c.ConfigurableHTTPProxy.command = [os.environ["ROOM_NODE"], os.environ["ROOM_PROXY"]]
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{STATE}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = False

c.JupyterHub.authenticator_class = "shared-password"
(c.SharedPasswordAuthenticator.user_password,
 c.SharedPasswordAuthenticator.admin_password) = (STATE / "passwords").read_text(encoding="utf-8").split()
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"instructor"}
c.Authenticator.username_pattern = r"^[a-z][a-z0-9-]{0,30}$"  # it becomes the name of a folder
c.JupyterHub.template_vars = {"announcement_login": (
    "Choose a name of your own: a small letter, then small letters, digits and hyphens, such as <b>ada-l</b>. If somebody has your "
    "name, add a digit. The password is that of the room. To help you, the instructor can open your notebooks; nobody else in "
    "the room can."
    if OWN_UIDS else
    "Choose a name of your own: a small letter, then small letters, digits and hyphens, such as <b>ada-l</b>. If somebody has your "
    "name, add a digit. The password is that of the room. Everybody in this room can read everybody's files.")}

c.JupyterHub.spawner_class = QueuingSpawner
c.Spawner.pre_spawn_hook = seat
c.SimpleLocalProcessSpawner.home_dir_template = f"{HOMES}/{{username}}"
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
c.Spawner.notebook_dir = f"{HOMES}/{{username}}/series"
c.Spawner.default_url = "/lab/tree/notebooks/00-start-here.ipynb"
c.Spawner.args = ["--log-level=WARN", "--ServerApp.terminals_enabled=False", "--KernelManager.transport=ipc",
                  f"--MappingKernelManager.cull_idle_timeout={IDLE_KERNEL_SECONDS}"]
c.Spawner.environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
c.Spawner.start_timeout = c.Spawner.http_timeout = 300  # seconds; the last of thirty waits for the others
c.JupyterHub.concurrent_spawn_limit = 0

c.JupyterHub.services = [{"name": "idle-culler", "command": [
    sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE_SERVER_SECONDS}"]}]
c.JupyterHub.load_roles = [{"name": "idle-culler", "services": ["idle-culler"], "scopes": [
    "list:users", "read:users:activity", "read:servers", "delete:servers"]}]
