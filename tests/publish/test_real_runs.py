"""Real audits of an account in the sandbox, published: from what Custodian reads to what Security Hub has."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, role
from tests.wire import Wire

ACCOUNT, REFUSED, REGION = "820000000001", "820000000002", "us-east-1"
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
POLICIES = ("-p", "sg-inventory", "-p", "eni-inventory", "-p", "ec2-inventory", "-p", "sg-ssh-world")


@pytest.fixture
def refused(wired: Wire) -> Iterator[Callable[[], None]]:
    """Has AWS refuse one account from now on."""
    error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"

    def refuse() -> None:
        wired.answer = lambda call: (
            (403, f"<ErrorResponse>{error}</ErrorResponse>")
            if call.action == "AssumeRole" and REFUSED in call.params["RoleArn"]
            else None
        )

    yield refuse
    wired.answer = lambda call: None


def opened(ec2: Any, name: str) -> str:
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    group_id = ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc["VpcId"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[SSH])
    return str(group_id)


def states(hub: Any) -> dict[str, str]:
    return {
        each["Id"].rpartition("/")[2]: f"{each['Compliance']['Status']} {each['RecordState']}"
        for each in hub.get_findings()["Findings"]
        if each["GeneratorId"] == "sg-ssh-world"
    }


def test_a_group_that_is_fixed_and_one_that_is_new_and_an_account_that_is_refused(
    lab: Lab, refused: Callable[[], None], aws_client: Callable[[str, str, str], Any]
) -> None:
    lab.accounts(
        *(
            {"name": name, "account_id": number, "role": role(number), "regions": [REGION]}
            for name, number in (("ours", ACCOUNT), ("theirs", REFUSED))
        )
    )
    hubs, clouds = (
        {number: aws_client(service, number, REGION) for number in (ACCOUNT, REFUSED)}
        for service in ("securityhub", "ec2")
    )
    for hub in hubs.values():
        hub.enable_security_hub()
    stays, closed = opened(clouds[ACCOUNT], "stays"), opened(clouds[ACCOUNT], "closed")
    theirs = opened(clouds[REFUSED], "theirs")

    def publish() -> Any:
        words = ("publish", "securityhub", "-s", lab.output, "-c", lab.folder / "accounts.yml", "--yes")
        return lab.sg_audit(*words, env={"AWS_ENDPOINT_URL": lab.wire.endpoint, "HOME": str(lab.home)})

    assert lab.run(*POLICIES).code == 0
    done = publish()
    assert (done.returncode, "3 new, 0 changed" in done.stderr) == (0, True), done.stderr
    assert states(hubs[ACCOUNT]) == {stays: "FAILED ACTIVE", closed: "FAILED ACTIVE"}
    assert states(hubs[REFUSED]) == {theirs: "FAILED ACTIVE"}

    clouds[ACCOUNT].revoke_security_group_ingress(GroupId=closed, IpPermissions=[SSH])
    clouds[REFUSED].delete_security_group(GroupId=theirs)
    new = opened(clouds[ACCOUNT], "new")
    refused()
    assert lab.run(*POLICIES).code == 3
    done = publish()
    assert done.returncode == 3, done.stderr
    assert "published 3 findings: 1 new, 0 changed, 1 unchanged, 1 resolved" in done.stderr
    assert "of the audit could not be read, of theirs: `sg-audit report` says which" in done.stderr
    assert states(hubs[ACCOUNT]) == {stays: "FAILED ACTIVE", closed: "PASSED ARCHIVED", new: "FAILED ACTIVE"}
    assert states(hubs[REFUSED]) == {theirs: "FAILED ACTIVE"}
    # What it says of its findings is all that it wrote.
    assert {call.action for call in lab.wire.calls if call.service == "securityhub"} == {
        "POST /findings/import"
    }
    record = json.loads(Path(lab.output, "published-securityhub.json").read_text(encoding="utf-8"))
    assert {account for account, *_ in record["published"]} == {ACCOUNT, REFUSED}
