"""The sandbox's server that also writes down every call, as IAM names it: `python recorder.py FILE`.

It prints its URL, as the sandbox's own server does. A line of the file is `service:Action`.

The names of operations are IAM's names of actions for all that occurs here, and so are those of services, but
for PREFIXES. Neither holds for all of AWS (think of S3): add what a new policy needs. A call that cannot be
named is `service:`, which no policy allows.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import make_server

from reporter.sandbox import calls
from reporter.sandbox.server import QuietHandler, application

PREFIXES = {"tagging": "tag"}


class Recorder:
    def __init__(self, app: WSGIApplication, path: Path) -> None:
        self._app = app
        self._path = path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = calls.read(environ)
        with self._path.open("a") as file:
            file.write(f"{PREFIXES.get(call.service, call.service)}:{call.action}\n")
        return self._app(environ, start_response)


if __name__ == "__main__":
    app = Recorder(application(), Path(sys.argv[1]))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    sys.stdout = sys.stderr  # moto prints now and then, and nobody reads on
    server.serve_forever()
