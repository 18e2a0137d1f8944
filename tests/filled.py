"""Sandboxes that hold the estate, in no time: `python -m tests.filled LISTENER`.

It fills one, and whoever connects gets a fork of it, with a port and a state of its own: first its URL, and then
nothing, until the connection ends and the sandbox with it.
"""

import gc
import os
import signal
import socket
import sys
import threading
from contextlib import redirect_stdout

from werkzeug.serving import BaseWSGIServer, make_server

from reporter.sandbox import estate
from reporter.sandbox.server import QuietHandler, application
from tests.shared import accepted


def main(listener: socket.socket) -> None:
    aws = application()

    def server() -> BaseWSGIServer:
        return make_server("127.0.0.1", 0, aws, threaded=True, request_handler=QuietHandler)

    def be(connection: socket.socket) -> None:
        one = server()
        connection.sendall(f"http://127.0.0.1:{one.port}\n".encode())
        threading.Thread(target=one.serve_forever, daemon=True).start()
        connection.recv(1)
        os._exit(0)

    first = server()
    threading.Thread(target=first.serve_forever).start()
    estate.fill(f"http://127.0.0.1:{first.port}")
    first.shutdown()
    first.server_close()
    for thread in threading.enumerate():  # only this one would be there in a fork
        if thread is not threading.current_thread():
            thread.join()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for connection in accepted(listener):
        with connection:
            if not os.fork():
                listener.close()
                be(connection)


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # moto prints now and then
        main(socket.socket(fileno=int(sys.argv[1])))
