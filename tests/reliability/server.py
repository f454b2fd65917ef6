"""Runs ferkit commands in processes forked from one that has imported all: no waiting for imports.

Each line on stdin is a request as JSON; the answer is a line with the exit code of the child
(minus the signal's number where it was killed) and how many file operations it did.
"""

import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path

MODULES = ("train", "eval", "predict", "data", "compare", "ensemble")
PARTS = (
    "ferkit.reports.page",
    "matplotlib.backends.backend_agg",
    "hydra",
    "pandas",
    "PIL.Image",
    "sklearn.metrics",
    "captum.attr",
    "joblib",
    "scipy.stats",
)


def count_operations(ask):
    """Count opening for writing, renaming, removing, making folders; end before the n-th."""
    done = [0]

    def look(event, arguments):
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            if not (isinstance(mode, str) and set(mode) & set("wax+")) and not (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
            ):
                return
        elif event not in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            return
        if done[0] == ask.get("at"):
            done[0] += 1
            os.kill(os.getpid(), ask["signal"])
        else:
            done[0] += 1

    sys.addaudithook(look)
    return done


def child(ask, pipe):
    log = os.open(ask["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(ask["folder"])
    faulthandler.enable()
    if ask.get("uid"):
        os.setuid(ask["uid"])
    if ask.get("file_size"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (ask["file_size"], ask["file_size"]))
    if ask.get("seconds"):
        timer = threading.Timer(ask["seconds"], os.kill, (os.getpid(), ask["signal"]))
        timer.daemon = True
        timer.start()
    done = count_operations(ask)
    from ferkit.cli import main

    try:
        code = main(ask["words"])
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os.write(pipe, str(done[0]).encode())
    os._exit(code)


def main():
    for name in MODULES:
        importlib.import_module(f"ferkit.commands.{name}")
    for name in PARTS:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        reading, writing = os.pipe()
        number = os.fork()
        if not number:
            child(ask, writing)
        os.close(writing)
        timer = threading.Timer(ask.get("limit", 300), os.kill, (number, signal.SIGKILL))
        timer.start()
        status = os.waitpid(number, 0)[1]
        timer.cancel()
        said = os.read(reading, 20)
        os.close(reading)
        answer = {"code": os.waitstatus_to_exitcode(status), "operations": int(said or 0)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
