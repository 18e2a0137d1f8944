"""Runs written by hand, `sg-audit publish securityhub` of them, and what Security Hub has then."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import botocore.session
import yaml
from botocore.validate import ParamValidator

from tests.lab import role
from tests.programs import Completed
from tests.report.formats.finding_runs import WEB, policies
from tests.rundir import ACCOUNT_IDS, Resource, write
from tests.wire import Call, Wire

RECORD = "published-securityhub.json"
IMPORT = "POST /findings/import"
EAST, IRELAND = "us-east-1", "eu-west-1"

_NUMBERS = count(810_000_000_000)


def new_accounts() -> Iterator[tuple[str, str]]:
    """The accounts of rundir with ids that no other test has: what Security Hub has of them is this test's own."""
    return ((name, str(next(_NUMBERS))) for name in list(ACCOUNT_IDS))


@cache
def _input_shape() -> Any:
    """What Security Hub's own model says of an import: a long file to read."""
    model = botocore.session.get_session().get_service_model("securityhub")
    return model.operation_model("BatchImportFindings").input_shape


@dataclass
class Desk:
    """A folder with accounts.yml and runs, and the accounts' Security Hubs."""

    folder: Path
    wire: Wire
    sg_audit: Callable[..., Completed]
    client: Callable[[str, str, str], Any]
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entries = [
            {"name": name, "account_id": number, "role": role(number), "regions": [EAST, IRELAND]}
            for name, number in ACCOUNT_IDS.items()
        ]
        self.accounts.write_text(yaml.safe_dump({"accounts": entries}), encoding="utf-8")

    @property
    def accounts(self) -> Path:
        return self.folder / "accounts.yml"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def enable(self, *places: tuple[str, str]) -> None:
        for account, region in places:
            self.hub_client(account, region).enable_security_hub()

    def hub_client(self, account: str, region: str) -> Any:
        place = account, region
        if place not in self._clients:
            self._clients[place] = self.client("securityhub", ACCOUNT_IDS[account], region)
        return self._clients[place]

    def run(
        self,
        day: int,
        units: Mapping[tuple[str, str], Mapping[str, list[Resource] | str]],
        of_run: list[Resource] | None = None,
        month: int = 11,
    ) -> Path:
        """Write the run of a day in November, or another month."""
        started = f"2026-{month:02}-{day:02}T21:03:55+00:00"
        return write(self.output / f"2026{month:02}{day:02}T210355Z", units, of_run or policies(), started)

    def words(self, *words: str | Path, where: str | Path = "") -> list[str | Path]:
        return ["publish", "securityhub", "-s", where or self.output, "-c", self.accounts, *words]

    def publish(self, *words: str | Path, where: str | Path = "", code: int = 0) -> Completed:
        """What `publish securityhub --yes` says."""
        done = self.sg_audit(
            *self.words("--yes", *words, where=where), env={"AWS_ENDPOINT_URL": self.wire.endpoint}
        )
        assert done.returncode == code, done.stderr
        return done

    def hub(self, account: str, region: str) -> dict[str, dict[str, Any]]:
        """What Security Hub has, by policy and group."""
        pages = self.hub_client(account, region).get_paginator("get_findings").paginate()
        beginning = f"c7n-sg-audit/{ACCOUNT_IDS[account]}/{region}/"
        return {each["Id"].removeprefix(beginning): each for page in pages for each in page["Findings"]}

    def states(self, account: str, region: str) -> dict[str, str]:
        """Compliance and state of each finding in Security Hub."""
        return {
            name: f"{each['Compliance']['Status']} {each['RecordState']}"
            for name, each in self.hub(account, region).items()
        }

    def imports(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """The imports since this was asked last: account, region and findings, each as Security Hub's model has it."""
        calls = self.wire.of(IMPORT)
        self.wire.calls.clear()
        return [self._read(call) for call in calls]

    def _read(self, call: Call) -> tuple[str, str, list[dict[str, Any]]]:
        body = json.loads(call.body)
        problems = ParamValidator().validate(body, _input_shape())
        assert not problems.has_errors(), problems.generate_report()
        account = self.wire.role_of(call).split(":")[4]
        product = f"arn:aws:securityhub:{call.region}:{account}:product/{account}/default"
        assert {each["AwsAccountId"] for each in body["Findings"]} == {account}
        assert {each["ProductArn"] for each in body["Findings"]} == {product}
        assert 0 < len(body["Findings"]) <= 100
        [name] = (name for name, number in ACCOUNT_IDS.items() if number == account)
        return name, call.region, body["Findings"]

    def recorded(self, entry: list[str], run: str = "2026-11-01T00:00:00+00:00", **more: object) -> str:
        """A record of one finding, of sg-ssh-world and the first group of alpha."""
        published = [[ACCOUNT_IDS["alpha"], EAST, "sg-ssh-world", {WEB: entry}]]
        file = {"tool": "c7n-sg-audit", "version": 1, "run": run, "by": "", "published": published}
        return json.dumps(file | more)

    def record(self) -> dict[str, str]:
        """The state of each finding in the record, by account, region, policy and group."""
        content = json.loads((self.output / RECORD).read_text(encoding="utf-8"))
        names = {number: name for name, number in ACCOUNT_IDS.items()}
        return {
            f"{names[account]} {region} {policy} {group}": entry[0]
            for account, region, policy, findings in content["published"]
            for group, entry in findings.items()
        }
