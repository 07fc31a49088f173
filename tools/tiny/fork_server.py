"""A Python that has imported PyTorch and Transformers already, for programs that start one for each model.

A server forks a process for each that asks. Who asks is `python`, a script that can stand where an interpreter is wanted:
it hands its folder, its arguments and its streams to the server, waits, and ends as the forked process ended.
"""

import contextlib
import os
import socket
import struct
import sys
import tempfile
import threading
import traceback
from pathlib import Path

CLIENT = """#!{python} -IS
import os, socket, struct, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    words = "\\0".join([os.getcwd(), *sys.argv[1:]]).encode()
    socket.send_fds(server, [struct.pack("I", len(words)) + words], [0, 1, 2])
    sys.exit(struct.unpack("i", server.recv(4))[0])
"""


def run_tool():
    """The recorder or LiteRT's converter, whichever script the program starts."""
    from reference import messages

    messages.Terminal.out, messages.Terminal.err = sys.stdout, sys.stderr  # those of who asks, not of the server
    if Path(sys.argv[0]).name == "convert_litert.py":
        from litert import program
    else:
        from reference import program
    return program.main(__doc__)


def serve(listening, run):
    """Until the process is ended."""
    while True:
        asked, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            code = 1
            with contextlib.suppress(BaseException):
                code = answer(asked, run)
            with contextlib.suppress(OSError):
                asked.sendall(struct.pack("i", code))
            os._exit(0)
        asked.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def answer(asked, run):
    message, streams, _, _ = socket.recv_fds(asked, 1 << 16, 3)
    (length,) = struct.unpack("I", message[:4])
    words = message[4:]
    while len(words) < length:
        words += asked.recv(length - len(words))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    threading.Thread(target=lambda: asked.recv(1) or os._exit(1), daemon=True).start()  # the client is gone
    folder, *sys.argv = words.decode().split("\0")
    os.chdir(folder)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    try:
        return run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


@contextlib.contextmanager
def forked_python(run):
    """The path of a `python` that runs `run()`, whatever script it is given, with sys.argv set."""
    with tempfile.TemporaryDirectory() as folder:
        address, client = f"{folder}/server", Path(folder) / "python"
        client.write_text(CLIENT.format(python=sys.executable, address=address))
        client.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen()
            server = os.fork()
            if server == 0:
                serve(listening, run)
        try:
            yield client
        finally:
            os.kill(server, 15)
            os.waitpid(server, 0)
