#!/usr/bin/python3 -I
"""
A Python that has loaded PyTorch once, for many short scripts: loading takes longer than they do.

`warm-python.py --serve FOLDER` waits for scripts at FOLDER/socket until its stdin ends, and takes the
folder with it; `warm-python.py SCRIPT ARGUMENTS`, or `-c CODE ARGUMENTS`, has one run, by the server
of $NNDSL_WARM_PYTHON, in a process of its own with the stdin and the directory that it was given here,
and prints and exits as it did.
"""
import os
import select
import shutil
import socket
import sys
import time
import traceback

FDS = [0, 1, 2]
PATIENCE = 120


def serve(folder):
    import runpy
    import numpy, torch  # noqa: F401: every script finds them loaded

    # What a script imports from beside it is not to leave a folder there.
    sys.dont_write_bytecode = True
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/socket")
    server.listen()
    while server in select.select([server, sys.stdin], [], [])[0]:
        client, _ = server.accept()
        if os.fork() == 0:
            message, fds, _, _ = socket.recv_fds(client, 1 << 16, len(FDS))
            for own, fd in zip(FDS, fds):
                os.dup2(fd, own)
            cwd, *sys.argv = message.decode().split("\0")
            os.chdir(cwd)
            code = status(lambda: run(runpy))
            sys.stdout.flush()
            client.send(bytes([code]))
            os._exit(0)
        client.close()
        try:
            while os.waitpid(-1, os.WNOHANG)[0] > 0:
                pass
        except ChildProcessError:
            pass
    shutil.rmtree(folder)


def run(runpy):
    if sys.argv[0] == "-c":
        _, text, *rest = sys.argv
        sys.argv = ["-c", *rest]
        exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
        runpy.run_path(sys.argv[0], run_name="__main__")


def status(work):
    """What a process of its own would exit with."""
    try:
        work()
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1


def connected(path):
    """The server may be loading still."""
    end = time.monotonic() + PATIENCE
    while True:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(path)
            return server
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > end:
                raise
        server.close()
        time.sleep(0.02)


def ask(path, argv):
    server = connected(path)
    socket.send_fds(server, ["\0".join([os.getcwd(), *argv]).encode()], FDS)
    # Nothing is what a process sends that was killed.
    sys.exit((server.recv(1) or b"\1")[0])


if sys.argv[1] == "--serve":
    serve(sys.argv[2])
else:
    ask(os.environ["NNDSL_WARM_PYTHON"], sys.argv[1:])
