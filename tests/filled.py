"""Sandboxes that hold the estate, in no time: `python -m tests.filled LISTENER`.

It fills one, and whoever connects gets a fork of it, with a port and a state of its own. They say in which file its
calls are to be written down, if in any, and are told its URL; it ends when the connection does.
"""

import socket
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from wsgiref.types import WSGIApplication

from werkzeug.serving import BaseWSGIServer, make_server

from reporter.sandbox import estate
from reporter.sandbox.server import QuietHandler, application
from tests.recorder import Recorder
from tests.shared import serve


def main(listener: socket.socket) -> None:
    aws = application()

    def server(app: WSGIApplication) -> BaseWSGIServer:
        return make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)

    def be(connection: socket.socket) -> None:
        calls = connection.makefile().readline().strip()
        one = server(Recorder(aws, Path(calls)) if calls else aws)
        connection.sendall(f"http://127.0.0.1:{one.port}\n".encode())
        threading.Thread(target=one.serve_forever, daemon=True).start()
        connection.recv(1)

    first = server(aws)
    threading.Thread(target=first.serve_forever).start()
    estate.fill(f"http://127.0.0.1:{first.port}")
    first.shutdown()
    first.server_close()
    for thread in threading.enumerate():  # only this one would be there in a fork
        if thread is not threading.current_thread():
            thread.join()
    serve(listener, be)


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # moto prints now and then
        main(socket.socket(fileno=int(sys.argv[1])))
