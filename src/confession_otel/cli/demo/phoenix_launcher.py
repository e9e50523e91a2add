"""Runs Phoenix, on loopback only, for as long as the demo lives. Executed by the Phoenix environment's own interpreter.

It must not import `confession_otel`: that environment does not have it. Its argument is the directory that is Phoenix's
alone and goes with it; all else is in the PHOENIX_* variables.
"""

import importlib
import os
import shutil
import sys
import threading
from typing import Any


def _end_with_parent(directory: str) -> None:
    """Standard input is a pipe that only the demo holds: it closes when the demo ends, however it ends."""
    # Not `sys.stdin.read`: the interpreter may not finish while a daemon thread holds that buffer's lock.
    while os.read(0, 1):
        pass
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


def main() -> None:
    """Serve until told to end."""
    (directory,) = sys.argv[1:]
    threading.Thread(target=_end_with_parent, args=(directory,), name="parent", daemon=True).start()

    # Phoenix binds its OTLP/gRPC port to every interface, whatever PHOENIX_HOST says (server/grpc_server.py).
    # Imported only now, because it takes seconds, and the watch on the parent is to begin before.
    server = importlib.import_module("grpc.aio._server").Server

    add_port = server.add_insecure_port

    def add_loopback_port(self: Any, address: str) -> Any:
        return add_port(self, address.replace("[::]:", "127.0.0.1:"))

    server.add_insecure_port = add_loopback_port

    sys.argv = ["phoenix", "serve"]
    importlib.import_module("phoenix.server.main").main()


if __name__ == "__main__":
    main()
