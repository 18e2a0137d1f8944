"""The sandbox's server: moto, over HTTP, on the loopback.

    python -m reporter.sandbox.server [--port N] [--with-parent]

Once it listens it prints one line, its URL. Everything it knows is in memory and goes when it ends.

It is a plain WSGI application, so whatever should stand between a client and this AWS (a recorder of calls, a
fault made on purpose) is WSGI middleware in `application()`.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import redirect_stdout
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from reporter.sandbox import calls, moto_gaps, moto_lookups, no_analyzers
from reporter.sandbox.misbehaving import Faults


def application() -> WSGIApplication:
    """moto with its gaps filled, as a WSGI application that any number of threads may call.

    It behaves until it is told otherwise (see `misbehaving`).
    """
    # Nobody asks for images, and nearly all the time an account's region takes to come up goes into them.
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    moto_gaps.fill()
    moto_lookups.remember()
    # The same ids each time: all that a second demo finds would be new, and what the first one found gone.
    mock_random.seed(0)
    aws = OneAtATime(DomainDispatcherApplication(create_backend_app))
    return Faults(no_analyzers.answering(aws), calls.read)


class OneAtATime:
    """Lets one request at a time into an application, since moto's data has no locks.

    A request's body is read before its turn comes, so that a slow client holds up nobody else.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._turn = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        calls.body(environ)
        with self._turn:
            return self._app(environ, start_response)


class QuietHandler(MotoRequestHandler):
    """Does not log requests; errors it still does."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="reporter.sandbox.server", description="An AWS on this machine.")
    parser.add_argument("--port", type=int, default=0, help="the port; any free one if not given")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    options = parser.parse_args(argv)

    server = make_server(
        "127.0.0.1", options.port, application(), threaded=True, request_handler=QuietHandler
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    if options.with_parent:
        threading.Thread(target=_end_with_stdin, daemon=True).start()

    print(f"http://127.0.0.1:{server.port}", flush=True)
    # moto prints now and then; nobody reads our output after the URL, and a full pipe would stop us.
    with redirect_stdout(sys.stderr):
        server.serve_forever()


def _end(*_: object) -> None:
    os._exit(0)  # at once: there is nothing to save, and to take all of moto down in order takes a while


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    _end()


if __name__ == "__main__":
    main()
