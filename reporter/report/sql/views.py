"""The usual questions as views, and queries worth having.

What is open is proven and not waived. What is only possible is counted apart, as in all of the report whether it is
waived or not. `{run}` stands for the column `run`, or for nothing where there is one run only; `{power}` and
`{by_power}` for the column `role_power` and its order, or for nothing where no run was to read roles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reporter.inventory.iam.words import Power

#: The column of roles, which only some runs have, and what stands for it in views where one has.
POWER = "role_power"
POWER_IN_VIEWS = {
    "{power}": f"{POWER}, ",
    "{by_power}": f"list_position({[power.value for power in Power]}, {POWER}) nulls last, ",
}


@dataclass(frozen=True)
class View:
    """A view: what it shows, the table that it needs, its query, and what its own columns mean."""

    name: str
    meaning: str
    needs: str
    sql: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A query worth having, and the options that it needs."""

    meaning: str
    sql: str
    options: str = ""


_SEVERITY = "list_position(['critical', 'high', 'medium', 'low', 'none'], risk)"
_COUNTS = "level in ('critical', 'high', 'medium') and proven"
_FINDING = (
    "{run}account_profile, account_id, region, security_group_id, group_name, policy, level, reachable, "
    "first_seen, since_last, matched_rules"
)
_FOUND = "select " + _FINDING + " from findings where "
_GROUP = (
    "select {run}account_profile, account_id, region, security_group_id, group_name, vpc_id, risk, reachable, {power}"
    "world_ports, reachable_on, attached_resources, first_seen, next_step from security_groups where "
)
_WORST_FIRST = (
    " order by {run}list_position(['critical', 'high', 'medium'], level), "
    "list_position(['yes', 'unknown', 'no'], reachable), account_profile, region, security_group_id, policy"
)

VIEWS = (
    View(
        "groups_by_risk",
        "Groups by risk: what is proven apart from what is only possible, and what is waived apart",
        "security_groups",
        "select {run}risk, count(*) filter (risk_proven and not is_waived) as open, "
        "count(*) filter (risk_proven and not is_waived and reachable = 'yes') as open_reachable, "
        "count(*) filter (risk_proven and not is_waived and reachable = 'unknown') as open_maybe_reachable, "
        "count(*) filter (risk_proven and is_waived) as waived, "
        "count(*) filter (not risk_proven) as possible, "
        "count(*) filter (not risk_proven and is_waived) as possible_waived "
        f"from security_groups group by {{run}}risk order by {{run}}{_SEVERITY}",
        {
            "open": "How many groups are of that risk, as all answers support, and are not waived",
            "open_reachable": "How many of `open` the internet reaches",
            "open_maybe_reachable": "How many of `open` it may reach: that is unknown",
            "waived": "How many are of that risk, as all answers support, and are waived",
            "possible": "How many may be of that risk, as far as missing answers leave it open, waived or not",
            "possible_waived": "How many of `possible` are waived: every finding that may make it so",
        },
    ),
    View(
        "worst_accounts",
        "Accounts by groups whose risk is proven and not waived, worst first; NULL where no list of groups was read",
        "summary_accounts",
        "select {run}account_profile, account_id, critical - critical_waived as critical_open, "
        "high - high_waived as high_open, medium - medium_waived as medium_open, "
        "critical_possible, high_possible, medium_possible, critical_waived, high_waived, medium_waived, "
        "groups, cells_not_read from summary_accounts "
        "order by {run}critical_open desc nulls last, high_open desc nulls last, medium_open desc nulls last, "
        "critical_possible desc nulls last, account_profile",
        {
            f"{level}_open": f"How many groups are of risk {level}, as all answers support, and are not waived"
            for level in ("critical", "high", "medium")
        },
    ),
    View(
        "open_groups",
        "Groups whose risk is critical, high or medium, proven, and not waived, worst first",
        "security_groups",
        f"{_GROUP}risk in ('critical', 'high', 'medium') and risk_proven and not is_waived "
        "order by {run}list_position(['critical', 'high', 'medium'], risk), "
        "list_position(['yes', 'unknown', 'no'], reachable), {by_power}account_profile, region, security_group_id",
    ),
    View(
        "open_findings",
        "Findings that give their group its risk, are proven, and are not waived, worst first; what only a group's own "
        "rules or name tell, and no policy caught, is in open_groups alone",
        "findings",
        f"{_FOUND}{_COUNTS} and not is_waived{_WORST_FIRST}",
    ),
    View(
        "possible_findings",
        "Findings that may give their group a risk, as far as missing answers leave it open; those that are waived "
        "come last",
        "findings",
        f"select {_FINDING}, is_waived from findings where level <> 'informs' and not ({_COUNTS}) "
        "order by {run}is_waived, account_profile, region, security_group_id, policy",
    ),
    View(
        "waived_findings",
        "Findings that are waived, with until when, why and by whom; the first that ends first",
        "findings",
        "select {run}account_profile, account_id, region, security_group_id, group_name, policy, level, proven, "
        "waived from findings where is_waived order by {run}waived, account_profile, region, security_group_id, policy",
    ),
    View(
        "new_findings",
        "What of open_findings is new since the run before; nothing where there is no run before",
        "findings",
        f"{_FOUND}{_COUNTS} and not is_waived and since_last = 'new'{_WORST_FIRST}",
    ),
    View(
        "oldest_findings",
        "What of open_findings has been there longest",
        "findings",
        f"{_FOUND}{_COUNTS} and not is_waived "
        "order by {run}first_seen nulls last, account_profile, region, security_group_id, policy",
    ),
    View(
        "reachable_criticals",
        "Groups of critical risk, proven and not waived, that the internet reaches",
        "security_groups",
        f"{_GROUP}risk = 'critical' and risk_proven and not is_waived and reachable = 'yes' "
        "order by {run}first_seen nulls last, account_profile, region, security_group_id",
    ),
    View(
        "unread",
        "What was to be read and was not, by account, region and reason: it is neither clean nor bad",
        "coverage",
        "select {run}account_profile, account_id, region, status, code, count(*) as cells, "
        "list(policy order by policy) as policies, what_to_do from coverage "
        "group by {run}account_profile, account_id, region, status, code, what_to_do "
        "order by {run}account_profile, region, cells desc, code",
    ),
)

EXAMPLES = (
    Example("What the internet reaches now, longest first", "from reachable_criticals"),
    Example("The ten accounts to begin with", "from worst_accounts limit 10"),
    Example("What came since the run before", "from new_findings"),
    Example(
        "For how many days findings have been there",
        "select level, account_profile, group_name, policy, current_date - first_seen as days "
        "from oldest_findings limit 20",
    ),
    Example(
        "Which ports are open to the world, and how often",
        "select port, count(*) as groups from (select unnest(world_ports) as port from security_groups) "
        "group by port order by groups desc, port",
    ),
    Example(
        "Groups in use of which no tag says who owns them",
        "select account_profile, region, security_group_id, group_name, risk from security_groups "
        "where in_use and array_to_string(tags, chr(10)) not ilike '%owner=%'",
    ),
    Example(
        "How many groups fail a control of a framework",
        "select control, count(distinct (account_id, region, security_group_id)) as groups from (select o.*, "
        "unnest(p.controls) as control from open_findings o join policies p using (policy)) "
        "group by control order by groups desc, control",
    ),
    Example(
        "Addresses that lead to what is open",
        "select account_profile, region, a.public_ips, a.interface_id, g.group_name, g.world_ports "
        "from attachments a join security_groups g using (account_profile, region, security_group_id) "
        "where g.reachable = 'yes' and len(a.public_ips) > 0",
    ),
    Example("Where nobody looked, which is not the same as clean", "from unread"),
    Example(
        "Critical and high groups, run by run",
        "select run, risk, open, waived, possible from groups_by_risk where risk in ('critical', 'high')",
        "--runs 10",
    ),
)

#: All that there is to ask in a database, with what it means: a table or view, then its columns.
CONTENT = """
select table_name as "table", column_name as "column", kind as type, comment as meaning
from (
    select table_oid as id, -1 as place, table_name, '' as column_name, 'table' as kind, comment from duckdb_tables()
    union all
    select view_oid, -1, view_name, '', 'view', comment from duckdb_views() where not internal
    union all
    select table_oid, column_index, table_name, column_name, data_type, comment from duckdb_columns() where not internal
)
order by id, place
"""
