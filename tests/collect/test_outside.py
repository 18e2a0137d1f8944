"""What is touched of botocore and c7n-org is as it was checked, and where it is not, the run is only slower."""

import subprocess
import sys

CHECK = """
import warnings
warnings.simplefilter("error")
from reporter.collect import outside
outside.install()
outside.install()
import boto3
one, other = (boto3.Session(aws_access_key_id=key, aws_secret_access_key="s", region_name="us-east-1")
              .client("ec2") for key in ("one", "other"))
assert type(one) is type(other)
assert one.meta.service_model is other.meta.service_model
assert one is not other
assert one._request_signer._credentials.access_key == "one"
assert other._request_signer._credentials.access_key == "other"
"""

MISSING = """
import botocore.client, botocore.session, botocore.handlers, c7n_org.utils
{removal}
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from reporter.collect import outside
    outside.install()
assert any({name!r} in str(each.message) for each in caught), [str(each.message) for each in caught]
import boto3
boto3.Session(aws_access_key_id="one", aws_secret_access_key="s", region_name="us-east-1")
"""


def python(code: str) -> "subprocess.CompletedProcess[str]":
    """Run in a process of its own: what is replaced stays replaced."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_all_of_it_is_there_in_the_pinned_versions_and_no_client_is_shared() -> None:
    done = python(CHECK)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_left_alone_with_a_warning() -> None:
    for name, removal in (
        (
            "BUILTIN_HANDLERS",
            "botocore.handlers.BUILTIN_HANDLERS = tuple(botocore.handlers.BUILTIN_HANDLERS)",
        ),
        ("reset_session_cache", "del c7n_org.utils.reset_session_cache"),
    ):
        done = python(MISSING.format(name=name, removal=removal))
        assert done.returncode == 0, done.stderr
