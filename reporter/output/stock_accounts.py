"""Which account each folder of a stock run is of, and what the account is called."""

from collections import Counter
from collections.abc import Sequence

from reporter.accounts.expected import PlannedAccount
from reporter.custodian.resource_types import provider
from reporter.output.stock_folders import Found


class Accounts:
    """The accounts that folders are of.

    An account's id decides: two folders with one id are one account, and two accounts with one name are two.
    Where no metadata.json tells the id, the folder stands for the account. `found` goes from the oldest to the
    newest: an account that was renamed is called as it was last.
    """

    def __init__(self, found: Sequence[Found], expected: Sequence[PlannedAccount]) -> None:
        self._expected = expected
        self._ids: dict[tuple[str, str], set[str]] = {}  # by the folder above, and the cloud
        for each in found:
            self._ids.setdefault(_beside(each), set())
            if each.cell.account_id:
                self._ids[_beside(each)].add(each.cell.account_id)
        folders = {(each.name, each.above) for each in found if not self._ids[_beside(each)]}
        self._without_id = Counter(name for name, _ in folders)
        self._in_file: dict[str, list[PlannedAccount]] = {}
        for account in expected:
            self._in_file.setdefault(account.account_id, []).append(account)
        self._names = self._told_apart(found)

    def identity(self, found: Found) -> str:
        """What tells the account from others: its id, or a folder, which begins with a slash."""
        if found.cell.account_id:
            return found.cell.account_id
        beside = self._ids[_beside(found)]
        if len(beside) == 1:
            return next(iter(beside))
        # The folder's name tells the account of the accounts file, unless two folders are called so.
        if not beside and self._without_id[found.name] == 1:
            for account in self._expected:
                if account.name == found.name:
                    return account.account_id
        return f"/{found.above}"

    def account_id(self, found: Found) -> str:
        """The account's id, empty where nothing tells it."""
        identity = self.identity(found)
        return "" if identity.startswith("/") else identity

    def name(self, found: Found) -> str:
        """What the account is called: as in the accounts file, else as c7n-org's folder for it, else by its id."""
        identity = self.identity(found)
        entries = self._in_file.get(identity, [])
        if len(entries) > 1:
            # The file may have an account several times, for other roles or regions.
            for account in entries:
                if found.name == account.name:
                    return account.name
            for account in entries:
                if found.cell.region in account.regions:
                    return account.name
        return self._names[identity]

    def _told_apart(self, found: Sequence[Found]) -> dict[str, str]:
        """A name for each identity, no two alike: the accounts file's own stay as they are."""
        names: dict[str, str] = {}
        for each in found:
            identity = self.identity(each)
            if identity in self._in_file:
                names[identity] = self._in_file[identity][0].name
            elif each.name:
                names[identity] = each.name
            else:
                names.setdefault(identity, _last(each.above) if _is_path(identity) else identity)
        taken = Counter(name for identity, name in names.items() if identity not in self._in_file)
        taken.update({account.name for account in self._expected})
        return {
            identity: name if identity in self._in_file or taken[name] == 1 else _in_full(identity, name)
            for identity, name in names.items()
        }


def _beside(found: Found) -> tuple[str, str]:
    return found.above, provider(found.policy.resource)


def _is_path(identity: str) -> bool:
    return identity.startswith("/")


def _last(path: str) -> str:
    return path.rpartition("/")[2] or "unknown"


def _in_full(identity: str, name: str) -> str:
    """A name with what tells it from others: `dev (111111111111)`, or `acme/dev`, by the folders above."""
    if not _is_path(identity):
        return f"{name} ({identity})"
    path = identity.removeprefix("/")
    return path if "/" in path else f"{name} (without an account id)"
