"""Where a security group is in the AWS console. No value from AWS gets into an address unless it has a strict form."""

import re

_GROUP_ID = re.compile(r"sg-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_REGION = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us|cn|us-gov)-[a-z]{4,9}-[1-9]")

# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
_CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
_CONSOLE = "console.aws.amazon.com"


def groups_url(region: str) -> str:
    """What the addresses of all groups of a region begin with; a group's id follows. Empty where the region is of no
    known form."""
    if not _REGION.fullmatch(region):
        return ""
    host = next((host for start, host in _CONSOLES.items() if region.startswith(start)), _CONSOLE)
    return f"https://{host}/ec2/home?region={region}#SecurityGroup:groupId="


def is_group_id(text: str) -> bool:
    """Whether a text has the form of a group's id."""
    return _GROUP_ID.fullmatch(text) is not None


def group_url(region: str, group_id: str) -> str:
    """A group's address; empty where region or id are of no known form."""
    start = groups_url(region)
    return f"{start}{group_id}" if start and is_group_id(group_id) else ""
