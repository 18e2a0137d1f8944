"""One test's own accounts file, output folder and home, and runs of `sg-audit` with them."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.wire import Wire

POLICIES = Path(__file__).parents[1] / "policies"
#: How many policies there are.
POLICY_COUNT = 19


@dataclass(frozen=True)
class Ran:
    """A `sg-audit run` that came to its end."""

    code: int
    out: str
    err: str

    @property
    def folder(self) -> Path:
        return Path(self.out.strip())

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return found

    @property
    def statuses(self) -> dict[tuple[str, str, str], str]:
        """What came of each cell: (account, region, policy) -> status."""
        return {
            (cell["account"], cell["region"], cell["policy"]): cell["status"]
            for cell in self.manifest["cells"]
        }

    def message(self, account: str) -> str:
        """Why the account's cells could not be read: one code and message for all of them."""
        [message] = {
            f"{cell['code']}: {cell['message']}"
            for cell in self.manifest["cells"]
            if cell["account"] == account
        }
        return message

    def groups(self, account: str, region: str, policy: str) -> list[str]:
        return group_names(self.folder / account / region / policy)


def group_names(folder: Path) -> list[str]:
    """The names of the groups in a policy's folder."""
    return sorted(group["GroupName"] for group in json.loads((folder / "resources.json").read_text()))


@dataclass
class Lab:
    """`folder` holds accounts.yml and output/; `home` is the HOME of each run."""

    folder: Path
    home: Path
    wire: Wire
    sg_audit: Callable[..., "subprocess.CompletedProcess[str]"]

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def accounts(self, *entries: Mapping[str, Any]) -> None:
        self.write("accounts.yml", {"accounts": list(entries)})

    def write(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    def run(
        self,
        *options: str,
        policies: Sequence[Path] = (POLICIES,),
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        words = [word for source in policies for word in ("-u", source)]
        done = self.sg_audit(
            *("run", "-c", self.folder / "accounts.yml", "-s", self.output, *words, *options),
            env={"AWS_ENDPOINT_URL": self.wire.endpoint, "HOME": str(self.home)} | dict(env or {}),
        )
        return Ran(done.returncode, done.stdout, done.stderr)


def role(account_id: str, name: str = "sg-audit") -> str:
    return f"arn:aws:iam::{account_id}:role/{name}"


def unordered(value: Any) -> Any:
    """Parsed JSON with every list sorted, and without empty tags.

    moto gives the groups of an interface in no fixed order, and Custodian adds `Tags: []` to instances where
    one that it picks at random has no tags (c7n.resources.ec2).
    """
    if isinstance(value, dict):
        items = sorted(value.items())
        return {name: unordered(each) for name, each in items if name != "Tags" or each}
    if isinstance(value, list):
        return sorted(map(unordered, value), key=str)
    return value
