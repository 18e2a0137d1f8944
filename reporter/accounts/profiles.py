"""What a profile of the AWS configuration says of where it leads."""

from collections.abc import Iterable, Mapping
from typing import Any

import botocore.session

from reporter.aws import regions


def partition(profile: str, chosen: Iterable[str] = ()) -> str:
    """The partition (aws, aws-cn, aws-us-gov) of the account that a profile leads to.

    As its role, else its region, else its SSO says; else that of the regions `chosen` for it; else that of the
    region set in the environment. Raises botocore's ProfileNotFound where there is no such profile, and
    ConfigParseError.
    """
    session = botocore.session.Session(profile=profile)
    settings: Mapping[str, Any] = session.get_scoped_config()
    role = str(settings.get("role_arn", "")).split(":")
    if len(role) > 1 and role[1]:
        return role[1]
    sso = session.full_config.get("sso_sessions", {}).get(settings.get("sso_session"), {})
    known = (settings.get("region"), settings.get("sso_region"), sso.get("sso_region"), *chosen)
    region = next(filter(None, known), None) or session.get_config_variable("region")
    return regions.partition_of(str(region)) if region else "aws"


def home(profile: str) -> str:
    """The region in which to ask whose a profile is: its own, or one that answers for its partition."""
    own = botocore.session.Session(profile=profile).get_scoped_config().get("region")
    return str(own or regions.home(partition(profile)))
