"""What is touched of botocore and c7n-org is as it was checked, and where it is not, the run is only slower."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.programs import Completed, Warm

CHECK = """
import warnings
warnings.simplefilter("error")
from reporter.collect import patches
patches.install()
patches.install()
import boto3
one, other = (boto3.Session(aws_access_key_id=key, aws_secret_access_key="s", region_name="us-east-1")
              .client("ec2") for key in ("one", "other"))
assert type(one) is type(other)
assert one.meta.service_model is other.meta.service_model
assert one is not other
assert one._request_signer._credentials.access_key == "one"
assert other._request_signer._credentials.access_key == "other"

session = boto3.Session("one", "s", region_name="us-east-1")
here = session.client("ec2")
assert here is session.client("ec2", region_name="us-east-1")
assert here is not session.client("ec2", region_name="eu-west-1")
assert here is not session.client("ec2", endpoint_url="http://127.0.0.1:1")

from c7n import cache, config
listed = cache.factory(config.Config.empty())
listed.save({"resource": "sg"}, [{"GroupId": "sg-1"}])
listed.get({"resource": "sg"})[0]["c7n:MatchedFilters"] = ["GroupName"]
assert cache.factory(config.Config.empty()).get({"resource": "sg"}) == [{"GroupId": "sg-1"}]
assert listed.get({"resource": "eni"}) is None
patches.forget()
assert listed.get({"resource": "sg"}) is None
"""

PROXIES = """
import os
from reporter.collect import patches
patches.install()
from botocore.endpoint import get_environ_proxies
url = "https://ec2.us-east-1.amazonaws.com"
assert get_environ_proxies(url) == {}
os.environ["HTTPS_PROXY"] = "http://proxy.test:3128"
patches.forget()
assert get_environ_proxies(url) == {"https": "http://proxy.test:3128"}
get_environ_proxies(url).clear()
assert get_environ_proxies(url) == {"https": "http://proxy.test:3128"}
os.environ["NO_PROXY"] = ".amazonaws.com"
patches.forget()
assert get_environ_proxies(url) == {}
assert get_environ_proxies("https://aws.test")["https"] == "http://proxy.test:3128"
"""

ENVIRONMENT = """
import os
import c7n_org.cli
def seen():
    os.environ.update(AccountName="before", KEPT="1")
    os.environ.pop("AccountId", None)
    try:
        with c7n_org.cli.environ(AccountName="prod", AccountId="111111111111") as inside:
            within = dict(inside)
            raise OSError
    except OSError:
        pass
    return within, dict(os.environ)
as_it_is = seen()
from reporter.collect import patches
patches.install()
assert c7n_org.cli.environ.sg_audit
assert seen() == as_it_is
assert as_it_is[0] == as_it_is[1] | {"AccountName": "prod", "AccountId": "111111111111"}
assert as_it_is[1]["AccountName"] == "before" and "AccountId" not in as_it_is[1]
"""

VARIABLES = """
from c7n.utils import format_string_values
from c7n.varfmt import VarFormat
policy = {"a": ["{here}", "no {here} but {{there}}", "plain", "", "}}", 1, None, "{here[1]}"], "b{here}": "{gone}"}
def expanded():
    return format_string_values(policy, formatter=VarFormat().format, here=["x", 2])
def failure(text):
    try:
        VarFormat().format(text)
    except Exception as error:
        return type(error), str(error)
before = expanded(), failure("}"), failure("{"), failure(None)
from reporter.collect import patches
patches.install()
assert (expanded(), failure("}"), failure("{"), failure(None)) == before
assert before[0]["a"] == [["x", 2], "no ['x', 2] but {there}", "plain", "", "}", 1, None, 2]
"""

TEXT = """
import datetime
from c7n import utils
resources = [
    {}, {"a": []}, {"é": '"\\\\/\\n'}, {"n": [1, 1.5, 1e22, None, True, float("nan")]},
    {"when": datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC), "raw": b"bytes"},
]
before = [utils.dumps(each, indent=2) for each in [*resources, resources, resources[:3]]]
from reporter.collect import patches
patches.install()
assert [utils.dumps(each, indent=2) for each in [*resources, resources, resources[:3]]] == before
"""

MISSING = """
import importlib, sys, warnings
module, name = {where!r}.split(":")
owner, _, last = name.rpartition(".")
owner = getattr(importlib.import_module(module), owner) if owner else importlib.import_module(module)
import boto3, c7n_org.cli
delattr(owner, last)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from reporter.collect import patches
    patches.install()
[message] = [str(each.message) for each in caught if str(each.message).endswith("left alone")]
assert message.startswith({where!r}.replace(":", ".")), message
"""

TRUST = """
import ssl, sys, threading, warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
import boto3, trustme
from botocore.exceptions import SSLError
warnings.simplefilter("error")

read = []
load = ssl.SSLContext.load_verify_locations
def count(self, *given, **named):
    read.append(given)
    return load(self, *given, **named)
ssl.SSLContext.load_verify_locations = count

from reporter.collect import patches
patches.install()
warnings.simplefilter("ignore")

class Aws(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ours, theirs = trustme.CA(), trustme.CA()
ours.cert_pem.write_to_path("ours.pem")
theirs.cert_pem.write_to_path("theirs.pem")
server = HTTPServer(("127.0.0.1", 0), Aws)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ours.issue_cert("127.0.0.1").configure_cert(context)
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()

def ask(verify):
    session = boto3.Session("key", "secret", region_name="us-east-1")
    url = f"https://127.0.0.1:{server.server_port}"
    return session.client("ec2", endpoint_url=url, verify=verify).describe_regions()["Regions"]

def refused(verify):
    try:
        ask(verify)
    except SSLError:
        return True

read.clear()
assert ask("ours.pem") == ask("ours.pem") == []
assert len(read) == 1, read
assert refused("theirs.pem")
assert ask(False) == []
assert refused("theirs.pem")
assert refused(None)
assert ask("ours.pem") == []
assert {given[0] for given in read} >= {"ours.pem", "theirs.pem"}
"""


Python = Callable[[str], Completed]


@pytest.fixture
def python(warm: Warm, tmp_path: Path) -> Python:
    """Runs code in a process of its own: what is replaced stays replaced."""
    return partial(warm.python, env=os.environ | {"AWS_MAX_ATTEMPTS": "1"}, cwd=tmp_path)


def test_all_of_it_is_there_in_the_pinned_versions_and_no_client_is_shared(python: Python) -> None:
    done = python(CHECK)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "where",
    [
        "botocore.handlers:BUILTIN_HANDLERS",
        "botocore.httpsession:URLLib3Session._get_ssl_context",
        "botocore.hooks:NodeList",
        "c7n.cache:factory",
        "c7n.ctx:dumps",
        "c7n.resources.vpc:Entry",
        "c7n_org.cli:environ",
        "c7n_org.utils:reset_session_cache",
    ],
)
def test_what_is_missing_is_left_alone_with_a_warning(where: str, python: Python) -> None:
    done = python(MISSING.format(where=where))
    assert done.returncode == 0, done.stderr


def test_proxies_are_those_of_the_unit_and_of_the_address(python: Python) -> None:
    done = python(PROXIES)
    assert done.returncode == 0, done.stderr


def test_the_environment_names_the_account_as_long_as_a_policy_runs(python: Python) -> None:
    done = python(ENVIRONMENT)
    assert done.returncode == 0, done.stderr


def test_variables_are_expanded_as_custodian_does(python: Python) -> None:
    done = python(VARIABLES)
    assert done.returncode == 0, done.stderr


def test_resources_are_written_as_custodian_writes_them(python: Python) -> None:
    done = python(TEXT)
    assert done.returncode == 0, done.stderr


def test_trust_is_read_once_and_not_mixed_up(python: Python) -> None:
    done = python(TRUST)
    assert done.returncode == 0, done.stderr
