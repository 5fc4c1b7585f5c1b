#!/usr/bin/python3 -I
"""
A Python that has loaded PyTorch once, for many short scripts: loading takes longer than they do.

`warm-python.py --serve SOCKET` waits for scripts; `warm-python.py SCRIPT ARGUMENTS` has one run,
with the server of $NNDSL_WARM_PYTHON, in a process of its own, and prints and exits as it did.
"""
import os
import socket
import sys


def serve(path):
    import runpy
    import numpy, torch  # noqa: F401: every script finds them loaded

    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    print("ready", flush=True)
    while True:
        client, _ = server.accept()
        if os.fork() == 0:
            message, (out, err), _, _ = socket.recv_fds(client, 1 << 16, 2)
            os.dup2(out, 1)
            os.dup2(err, 2)
            sys.argv = message.decode().split("\0")
            code = 1
            try:
                runpy.run_path(sys.argv[0], run_name="__main__")
                code = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            sys.stdout.flush()
            client.send(bytes([code]))
            os._exit(0)
        client.close()
        try:
            while os.waitpid(-1, os.WNOHANG)[0] > 0:
                pass
        except ChildProcessError:
            pass


def ask(path, argv):
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    socket.send_fds(server, ["\0".join(argv).encode()], [1, 2])
    # Nothing is what a process sends that was killed.
    sys.exit((server.recv(1) or b"\1")[0])


if sys.argv[1] == "--serve":
    serve(sys.argv[2])
else:
    ask(os.environ["NNDSL_WARM_PYTHON"], sys.argv[1:])
