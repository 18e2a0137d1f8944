"""Asks AWS for a lookup in the way Custodian runs a policy: its session, its log, its files, its place for them."""

from collections.abc import Mapping
from typing import Any

from c7n.config import Config
from c7n.credentials import SessionFactory
from c7n.manager import ResourceManager
from c7n.policy import Policy
from c7n.utils import join_output_path, local_session
from c7n_org import cli as c7n_org
from c7n_org.utils import environ

from reporter.collect.lookups import Lookup


class _Records(ResourceManager):  # type: ignore[misc]
    filters = actions = ()

    def __init__(self, policy: "_Policy") -> None:
        super().__init__(policy.ctx, policy.data)
        self._lookup = policy.lookup

    def resources(self) -> list[dict[str, Any]]:
        return self._lookup.ask(local_session(self.session_factory).client(self._lookup.service))


class _Policy(Policy):  # type: ignore[misc]
    """One whose resources are no type of Custodian's, so that no policy file can name it."""

    def __init__(self, lookup: Lookup, config: Config, session_factory: SessionFactory) -> None:
        self.lookup = lookup
        super().__init__(lookup.policy, config, session_factory)

    def load_resource_manager(self) -> ResourceManager:
        return _Records(self)


def run(lookup: Lookup, account: Mapping[str, Any], region: str, asked_in: str, output: str) -> int:
    """Ask for the records and put them where the cell of `region` has its files; returns how many there are.

    `asked_in` is the region that is asked. The way into the account is that of `c7n_org.cli.run_account`. Raises
    whatever AWS and the place give cause for.
    """
    role, profile = account.get("role"), account.get("profile")
    config = Config.empty(
        region=region,
        account_id=account["account_id"],
        output_dir=join_output_path(output, account["name"], region),
        dryrun=True,
    )
    env: dict[str, str] = {}
    if role and not isinstance(role, str):  # a chain of them
        env = c7n_org._get_env_creds(account, c7n_org.get_session(account, "custodian", asked_in), asked_in)
        role = profile = None
    factory = SessionFactory(asked_in, None if role else profile, role, account.get("external_id"))
    with environ(**env):
        return len(_Policy(lookup, config, factory).run())
