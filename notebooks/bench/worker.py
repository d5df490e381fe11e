"""A program of notebook 08: a child process writes a row, and ends with its file open.

    python worker.py FILE METHOD     METHOD is fork, forkserver or spawn
"""
import multiprocessing
import sys

exports = []


def work(path):
    export = open(path, "w")
    export.write("000001,Tea\n")
    exports.append(export)


if __name__ == "__main__":
    processes = multiprocessing.get_context(sys.argv[2])
    child = processes.Process(target=work, args=[sys.argv[1]])
    child.start()
    child.join()
    sys.exit(child.exitcode)
