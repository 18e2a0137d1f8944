"""Writes down every call of a sandbox, as IAM names it: a line of the file is `service:Action`.

The names of operations are IAM's names of actions for all that occurs here, and so are those of services, but
for PREFIXES. Neither holds for all of AWS (think of S3): add what a new policy needs. A call that cannot be
named is `service:`, which no policy allows.
"""

from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from reporter.sandbox import calls

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
