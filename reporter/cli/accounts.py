"""`sg-audit accounts`: writes an accounts file."""

from pathlib import Path

import click

from reporter.cli import options
from reporter.cli.terminal import EXIT_OK, EXIT_PARTIAL, say
from reporter.names import split


@click.command()
@click.option("--from-profiles", is_flag=True, help="The accounts of the profiles in the AWS configuration.")
@click.option("--from-organization", is_flag=True, help="The active accounts of the organization you are in.")
@click.option(
    "-c", "--config", "accounts_file", type=options.PATH, default="accounts.yml", show_default=True,
    help="The file to write, or to add to.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write the file anew; what is in it is lost.")
@click.option(
    "-r", "--region", "regions", multiple=True, default=["all"], show_default=True,
    help="The regions of each account; repeatable.",
)  # fmt: skip
@options.allowed_regions
@click.option(
    "--role", metavar="NAME", show_default="sg-audit",
    help="--from-organization: the members' role, or its ARN with {Id} for the account's id.",
)  # fmt: skip
@click.option("--external-id", metavar="TEXT", help="--from-organization: the external id the role asks for.")
@click.option("--ou", "units", multiple=True, help="--from-organization: only this unit, /PATH; repeatable.")
def accounts(
    from_profiles: bool,
    from_organization: bool,
    accounts_file: Path,
    force: bool,
    regions: tuple[str, ...],
    allowed_regions: tuple[str, ...],
    role: str | None,
    external_id: str | None,
    units: tuple[str, ...],
) -> int:
    """Write an accounts file, or add to it the accounts that it lacks."""
    from reporter.accounts import discovery, prompts, writing
    from reporter.aws import regions as aws_regions
    from reporter.custodian import permissions

    if from_profiles == from_organization:
        raise click.UsageError("give one of --from-profiles and --from-organization")
    if from_profiles and (role is not None or external_id is not None or units):
        raise click.UsageError("--role, --external-id and --ou go with --from-organization")
    aws_regions.check([each for each in split(regions) if each != "all"], allowed_regions, "-r")
    present = writing.present(accounts_file, force, allowed_regions)
    prompts.install(say)
    if from_profiles:
        found = discovery.from_profiles(regions, present)
    else:
        role = permissions.ROLE_NAME if role is None else role
        found = discovery.from_organization(regions, role, units, external_id, present)
    for profile, why in found.left_out.items():
        say(f"no account for profile {profile}: {why}")
    writing.add(accounts_file, found, force, allowed_regions)
    say(f"{len(found.entries)} accounts added, {len(present)} kept")
    click.echo(accounts_file)
    return EXIT_PARTIAL if found.unknown else EXIT_OK
