"""Open JupyterLab on the first notebook:  python3 notebooks  (options go to JupyterLab, such as --no-browser)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import launch  # noqa: E402

FIRST = "notebooks/00-start-here.ipynb"

if __name__ == "__main__":
    command = [launch.prepare(), "-m", "jupyterlab", "--LabApp.default_url=/lab/tree/" + FIRST]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab refuses to run as root, which is what most containers are
    sys.exit(launch.run(command + sys.argv[1:]))
