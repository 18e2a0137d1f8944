"""An AWS without an analyzer: the answer of IAM Access Analyzer in an account that has none. moto does not know it."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from reporter.sandbox import calls

# ListAnalyzers: https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAnalyzers.html
_PATH = "/analyzer"
_NONE = b'{"analyzers": []}'


def answering(app: WSGIApplication) -> WSGIApplication:
    """`app`, with ListAnalyzers answered in its place."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != _PATH or calls.read(environ).action != "ListAnalyzers":
            return app(environ, start_response)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(_NONE)))]
        start_response("200 OK", headers)
        return [_NONE]

    return answer
