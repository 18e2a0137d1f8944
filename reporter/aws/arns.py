"""The parts of an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html). What is no ARN has none, which is empty here."""

_PARTS = 6


def account_id(arn: str) -> str:
    """The account that it names; resources of some services name none."""
    return _parts(arn)[4]


def resource(arn: str) -> str:
    """What it names within the account: `role/PATH/NAME`."""
    return _parts(arn)[5]


def _parts(arn: str) -> list[str]:
    parts = arn.split(":", _PARTS - 1)
    return parts + [""] * (_PARTS - len(parts))
