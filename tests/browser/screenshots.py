"""Take pictures of every notebook as a reader sees it, for a person to look at.

    python -m tests.browser.screenshots FOLDER          all notebooks
    python -m tests.browser.screenshots FOLDER 03 06    only these

Each is photographed in JupyterLab three times, 1280 pixels wide: as a fresh untrusted clone, after Run All, and
after Run All in the dark theme.
"""
import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.client import CHROMIUM, CHROMIUM_OPTIONS, RUN_ALL, close_notebook, open_notebook, photograph, server
from tests.support.notebook_files import paths_starting_with


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("prefix", nargs="*", help="notebooks whose file name starts so (all)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = paths_starting_with(options.prefix)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, server(Path(folder), "lab", theme) as url:
                for path in wanted:
                    page = browser.new_page(viewport={"width": 1280, "height": 900})
                    open_notebook(page, url(path.name))
                    page.wait_for_timeout(1500)
                    if theme == "JupyterLab Light":
                        photograph(page, options.folder / f"{path.stem}-untrusted.png")
                    page.evaluate(RUN_ALL)
                    photograph(page, options.folder / f"{path.stem}-{'run' if theme == 'JupyterLab Light' else 'dark'}.png")
                    close_notebook(page)
                    page.close()
                    print(path.stem, theme, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
