"""What to do about a cell that was not read."""

import pytest

from reporter.accounts.expected import PlannedAccount
from reporter.output.manifest import Cell, Status
from reporter.report.advice import advise

ROLE = "arn:aws:iam::111111111111:role/sg-audit"
ACCOUNT = PlannedAccount("dev", "111111111111", ("us-east-1",), role=ROLE)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (
            Status.DENIED,
            "SignatureDoesNotMatch",
        ),  # STS and the Query services: signature expired, not yet current
        (Status.FAILED, "RequestExpired"),  # EC2
        (Status.FAILED, "InvalidSignatureException"),  # services that answer in JSON
        (Status.FAILED, "RequestTimeTooSkewed"),  # S3
    ],
)
def test_a_clock_that_is_wrong_is_no_want_of_permission(status: Status, code: str) -> None:
    message = f"An error occurred ({code}) when calling the AssumeRole operation: Signature expired"
    cell = Cell("dev", "111111111111", "us-east-1", "sg-all", status, code=code, message=message)
    assert advise(cell, ACCOUNT) == (
        "AWS does not take the signature: set this machine's clock right, or log in again, then "
        "`sg-audit audit --resume`"
    )
