"""Custodian is imported without X-Ray, and nobody else has to do without."""

import subprocess
import sys

CHECK = """
import sys
import reporter.collect.preload
import c7n.resources.aws as aws
assert not aws.HAVE_XRAY
assert not any(name.partition(".")[0] == "aws_xray_sdk" for name in sys.modules)
import aws_xray_sdk.core
"""


def test_a_run_does_not_load_it_and_it_can_be_imported_thereafter() -> None:
    subprocess.run([sys.executable, "-c", CHECK], check=True)
