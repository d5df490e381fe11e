"""Open JupyterLab on the first notebook:  python3 notebooks  (with --help it says what else it can do)."""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import launch  # noqa: E402
import workshop  # noqa: E402

FIRST = "notebooks/00-start-here.ipynb"
WORKSHOP = os.path.join(os.path.expanduser("~"), "where-did-my-rows-go-workshop")


def read_options(arguments):
    """Return the options of this command, and a list of those that are JupyterLab's."""
    parser = argparse.ArgumentParser(
        prog="python3 notebooks", allow_abbrev=False,
        description="Open JupyterLab on the first notebook, in an environment that this command makes in .venv.",
        epilog="All other options go to JupyterLab, such as --no-browser or --port=9999.")
    parser.add_argument("--this-environment", action="store_true",
                        help="make no .venv: take the Python that runs this command, and the packages that it has")
    parser.add_argument("--workshop", nargs="?", const=WORKSHOP, metavar="FOLDER",
                        help="make a copy without outputs in FOLDER ({}) and open that".format(WORKSHOP))
    parser.add_argument("--only-make", action="store_true",
                        help="with --workshop: make the copy, and neither fetch the packages nor open it")
    return parser.parse_known_args(arguments)


def this_python():
    """Return the path of the Python that runs this command; stop when it has no JupyterLab."""
    import importlib.util

    if importlib.util.find_spec("jupyterlab") is None:
        sys.exit("This environment has no JupyterLab: run  python -m pip install -r requirements.txt  in it, and start again.")
    return sys.executable


if __name__ == "__main__":
    launch.check_python()
    options, for_jupyterlab = read_options(sys.argv[1:])
    project = workshop.make(options.workshop) if options.workshop else launch.PROJECT
    if options.workshop:
        os.environ.update(workshop.what_jupyter_remembers(project))
    if options.only_make:
        sys.exit()
    python = this_python() if options.this_environment else launch.prepare()
    command = [python, "-m", "jupyterlab", "--LabApp.default_url=/lab/tree/" + FIRST, "--log-level=WARN"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab refuses to run as root, which is what most containers are
    os.environ["PYTHONSTARTUP"] = os.path.join(project, "notebooks", "kernel_start.py")  # what each kernel runs before its first cell
    print("Starting JupyterLab. {} To stop: Ctrl+C twice. {}".format(
        "Copy the address below into your browser." if "--no-browser" in for_jupyterlab else
        "It opens in your browser. If it does not, copy the address below.", launch.what_is_untried()))
    launch.run(command + for_jupyterlab, folder=project)
