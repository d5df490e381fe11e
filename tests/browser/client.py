"""A Jupyter server on a fresh clone, and a browser that reads and runs notebooks in it as a person would."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.support.conditions import STRICT
from tests.support.notebook_files import PROJECT

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
    const busy = cell => cell.model.executionState === 'running' || cell.promptNode?.textContent.includes('*');
    for (let tenth = 0; last.executionCount === null || code.some(busy); tenth++) {
        if (tenth > 3000) throw new Error('the cells were not done after five minutes');
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
    for (let tenth = 0; tenth < 3000 && cell.model.executionState === 'running'; tenth++)
        await new Promise(done => setTimeout(done, 100));
    await new Promise(done => setTimeout(done, 200));
    const outputs = cell.model.outputs.toJSON();
    cell.model.sharedModel.setSource(before);
    return outputs;
}"""


@contextlib.contextmanager
def server(folder, app, theme="JupyterLab Light", series=PROJECT):
    """Serve a fresh clone of ``series`` below ``folder`` with ``app`` ('lab' or 'notebook'); yields a function from file name to URL.

    The server has settings, trust database and home of its own, so that every notebook is as untrusted as after
    a first clone.
    """
    clone = folder / "clone"
    shutil.copytree(series, clone, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".ipynb_checkpoints"))
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    (settings / "themes.jupyterlab-settings").write_text(f'{{"theme": "{theme}"}}', encoding="utf-8")
    private = {name: str(folder / name.lower()) for name in (
        "HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR")}
    environment = {**os.environ, **private, "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    for strict in STRICT:
        environment.pop(strict, None)  # a reader's JupyterLab knows nothing of the tests' conditions
    exposed = {"lab": ["--expose-app-in-browser"], "notebook": ["--JupyterNotebookApp.expose_app_in_browser=True"]}[app]
    log = open(folder / "server.log", "w", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", f"jupyter{app}" if app == "lab" else app, "--allow-root", "--no-browser", "--ip=127.0.0.1",
         "--port=0", f"--ServerApp.root_dir={clone}", *exposed], env=environment, stdout=log, stderr=subprocess.STDOUT)
    place = {"lab": "lab/tree", "notebook": "notebooks"}[app]
    try:
        about = _what_the_server_says_of_itself(process, Path(private["JUPYTER_RUNTIME_DIR"]), folder / "server.log")
        yield lambda name: f"{about['url']}{place}/notebooks/{name}?token={about['token']}&reset"
    finally:
        process.terminate()
        try:
            process.wait(timeout=300)
        finally:
            process.kill()  # a server that does not end when it is asked to; one that has ended is left in peace
            log.close()


def _what_the_server_says_of_itself(process, folder, log):
    """Wait for the file in the runtime ``folder`` that holds a Jupyter server's address and token, and return its content.

    Raises RuntimeError with the ``log`` when the server ends or says nothing for two minutes.
    """
    for _ in range(1200):
        for path in folder.glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):  # it is being written
                return json.loads(path.read_text(encoding="utf-8"))
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("Jupyter did not start:\n" + log.read_text(encoding="utf-8"))


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


# How many cells the notebook has, how many of them are drawn, and where the last one ends.
DRAWN = f"""() => {{
    const outer = document.querySelector('{PANEL} .jp-WindowedPanel-outer'), cells = [...outer.querySelectorAll('.jp-Cell')];
    outer.scrollTop = 0;
    return [window.jupyterapp.shell.currentWidget.content.widgets.length, cells.length, cells.at(-1)?.getBoundingClientRect().bottom ?? 0];
}}"""


def show_whole(page, seconds=120):
    """Make the window of ``page``, 1280 pixels wide, as high as the notebook that is open in it, and wait until that is drawn.

    JupyterLab draws what comes into sight, and when it has the time. Raises RuntimeError when after so many ``seconds`` not
    every cell is drawn, or the last one still moves.
    """
    latest, end, before = time.monotonic() + seconds, 0, None
    while True:
        wanted, drawn, now = page.evaluate(DRAWN)
        before, end = end, round(now)
        if drawn == wanted and end == before:
            return
        if time.monotonic() > latest:
            raise RuntimeError(f"after {seconds} seconds JupyterLab had drawn {drawn} of the {wanted} cells of this notebook")
        page.set_viewport_size({"width": 1280, "height": min(max(end, 900) + 60, 16_000)})
        page.wait_for_timeout(1000)


def photograph(page, path):
    """Store at ``path`` a picture of the whole notebook that is open in ``page``, 1280 pixels wide."""
    show_whole(page)
    page.screenshot(path=path)
    page.set_viewport_size({"width": 1280, "height": 900})
