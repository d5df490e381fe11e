"""A Jupyter server on a fresh clone, and a browser that reads and runs notebooks in it as a person would."""
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

from tests.notebook_files import PROJECT

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                    "--disable-background-networking", "--disable-component-update"]
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"

# Run all cells, wait until the last one is done, and return the notebook as the page holds it.
RUN_ALL = """async () => {
    const app = window.jupyterapp, notebook = app.shell.currentWidget;
    await notebook.context.ready;
    await notebook.sessionContext.ready;
    const code = notebook.content.widgets.filter(cell => cell.model.type === 'code');
    const last = code[code.length - 1].model;
    last.sharedModel.execution_count = null;
    await app.commands.execute('notebook:run-all-cells');
    for (let tenth = 0; tenth < 600; tenth++) {
        const busy = code.some(cell => cell.model.executionState === 'running' || cell.promptNode?.textContent.includes('*'));
        if (!busy && last.executionCount !== null) break;
        await new Promise(done => setTimeout(done, 100));
    }
    await new Promise(done => setTimeout(done, 300));
    return notebook.model.toJSON();
}"""

# Put a source into the cell with this id, run that cell, return its outputs, and put the old source back.
ANSWER = """async ([id, source]) => {
    const app = window.jupyterapp, panel = app.shell.currentWidget, notebook = panel.content;
    const index = notebook.widgets.findIndex(cell => cell.model.id === id);
    const cell = notebook.widgets[index], before = cell.model.sharedModel.getSource();
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    cell.model.sharedModel.setSource(source);
    await app.commands.execute('notebook:run-cell');
    for (let tenth = 0; tenth < 300 && cell.model.executionState === 'running'; tenth++)
        await new Promise(done => setTimeout(done, 100));
    await new Promise(done => setTimeout(done, 200));
    const outputs = cell.model.outputs.toJSON();
    cell.model.sharedModel.setSource(before);
    return outputs;
}"""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(folder, app, theme="JupyterLab Light"):
    """Serve a fresh clone below ``folder`` with ``app`` ('lab' or 'notebook'); yields a function from file name to URL.

    The server has settings, trust database and home of its own, so that every notebook is as untrusted as after
    a first clone.
    """
    clone = folder / "clone"
    shutil.copytree(PROJECT, clone, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".ipynb_checkpoints"))
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    (settings / "themes.jupyterlab-settings").write_text(f'{{"theme": "{theme}"}}', encoding="utf-8")
    port, token = _free_port(), secrets.token_hex(16)
    private = {name: str(folder / name.lower()) for name in (
        "HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR")}
    environment = {**os.environ, **private, "JUPYTER_TOKEN": token, "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    for strict in ("PYTHONWARNINGS", "PYTHONWARNDEFAULTENCODING"):
        environment.pop(strict, None)  # a reader's JupyterLab knows nothing of the tests' conditions
    exposed = {"lab": ["--expose-app-in-browser"], "notebook": ["--JupyterNotebookApp.expose_app_in_browser=True"]}[app]
    log = open(folder / "server.log", "w", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", f"jupyter{app}" if app == "lab" else app, "--allow-root", "--no-browser", "--ip=127.0.0.1",
         f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={clone}", *exposed],
        env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=1).close()
                break
            if process.poll() is not None:
                raise RuntimeError("Jupyter did not start:\n" + (folder / "server.log").read_text(encoding="utf-8"))
            time.sleep(0.1)
        place = {"lab": "lab/tree", "notebook": "notebooks"}[app]
        yield lambda name: f"{address}/{place}/notebooks/{name}?token={token}&reset"
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def open_notebook(page, url):
    """Open the notebook at ``url`` in ``page`` and wait until its cells are drawn."""
    page.goto(url)
    page.wait_for_selector(f"{PANEL} .jp-Cell", timeout=60_000)
    page.evaluate("""async () => { await window.jupyterapp.restored; const panel = window.jupyterapp.shell.currentWidget;
        await panel.context.ready; await panel.sessionContext.ready;
        await Promise.all([...document.images].map(image => image.decode().catch(() => 0))); }""")


def close_notebook(page):
    """Shut the kernel down, as a learner's Shut Down does."""
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")


def photograph(page, path):
    """Store at ``path`` a picture of the whole notebook that is open in ``page``, 1280 pixels wide."""
    tall = page.evaluate(f"document.querySelector('{PANEL} .jp-WindowedPanel-outer').scrollHeight") + 160
    page.set_viewport_size({"width": 1280, "height": min(tall, 16_000)})
    page.evaluate(f"document.querySelector('{PANEL} .jp-WindowedPanel-outer').scrollTop = 0")
    page.wait_for_timeout(1000)
    page.screenshot(path=path)
    page.set_viewport_size({"width": 1280, "height": 900})
