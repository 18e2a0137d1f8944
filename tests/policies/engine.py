"""Runs the policies of this repository through Custodian's own filter engine, without AWS."""

import copy
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from c7n.config import Config
from c7n.loader import PolicyLoader
from c7n.policy import Policy

POLICIES = Path(__file__).resolve().parents[2] / "policies"

Resource: TypeAlias = dict[str, Any]


def policy_files() -> list[Path]:
    """The policy files, in the order in which they run."""
    return sorted(POLICIES.glob("*.yml"))


@cache
def load_policies() -> dict[str, Policy]:
    """Every policy by name, in running order, loaded and validated by Custodian."""
    loader = PolicyLoader(Config.empty(region="eu-west-1", account_id="123456789012"))
    return {policy.name: policy for file in policy_files() for policy in loader.load_file(str(file))}


def matching(policy: str, resources: Iterable[Resource]) -> list[Resource]:
    """What the policy keeps of these resources; they themselves are left as they are."""
    manager = load_policies()[policy].resource_manager
    kept: list[Resource] = manager.filter_resources(copy.deepcopy(list(resources)))
    return kept


def matching_ids(policy: str, groups: Iterable[Resource]) -> set[str]:
    """The ids of the groups the policy keeps: a set, since an `or` block keeps no order."""
    return {group["GroupId"] for group in matching(policy, groups)}


def matches(policy: str, group: Resource) -> bool:
    """Whether the policy keeps this one group."""
    return bool(matching(policy, [group]))
