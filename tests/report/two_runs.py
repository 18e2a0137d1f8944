"""Two runs of which the answers are known, for whatever asks databases."""

from pathlib import Path

from tests.rundir import DENIED, POLICIES, WORLD, group, instance, interface, unit, write

US, EU = "us-east-1", "eu-west-1"
OLDER, NEWER = "20261116T210355Z", "20261123T210355Z"

WAIVERS = """
waivers:
- {policy: sg-ssh-world, group: sg-b, reason: jump host, owner: us, expires: 2099-01-31}
- {policy: sg-ssh-world, group: sg-f, reason: lab, owner: them, expires: 2099-01-31}
"""


def two_runs(folder: Path) -> Path:
    """Write them. In the newer one beta is there, with interfaces that were refused, all of gamma was refused, and what
    alpha had in eu-west-1, and the policy old-check, are gone."""
    critical, medium = group("sg-a", "web", ssh_from=WORLD), group("sg-b", "old", ssh_from=WORLD)
    high, low = group("sg-d", "default"), group("sg-e", "spare")
    alpha = unit(
        [critical, medium, high, low], [interface("eni-1", critical)], [instance("i-1", high)], [low]
    )
    gammas = group("sg-h", "gone", "gamma", WORLD)
    older_policy = {"name": "old-check", "resource": "aws.security-group", "filtered": True, "report": {}}
    write(
        folder / OLDER,
        {
            ("alpha", US): alpha,
            ("alpha", EU): unit([group("sg-k", "eu", ssh_from=WORLD)]),
            ("gamma", US): unit([gammas], old_check=[gammas]),
        },
        [*POLICIES, older_policy],
        started="2026-11-16T21:03:55+00:00",
    )
    write(
        folder / NEWER,
        {
            ("alpha", US): alpha,
            ("beta", US): unit(
                [group("sg-f", "lab", "beta", WORLD), group("sg-g", "lab2", "beta", WORLD)],
                DENIED,
                DENIED,
                DENIED,
            ),
            ("gamma", US): dict.fromkeys(unit(), DENIED),
        },
    )
    return folder
