"""What concerns the policies alone: validate, test-policies, policies, permissions."""

from pathlib import Path

import click
from click.core import ParameterSource

from reporter import custodian_without_time_zones
from reporter.cli import options
from reporter.cli.terminal import EXIT_FOUND, EXIT_OK, say


@click.command()
@options.policies_or_waivers
def validate(sources: tuple[Path, ...], waivers_file: Path | None, max_waiver_days: int | None) -> int:
    """Validate the policies the way Custodian does, or a file of waivers."""
    if waivers_file:
        from reporter.findings import waivers

        count = len(waivers.read(waivers_file, waivers.today(), max_waiver_days))
        say(f"{waivers_file}: {count} waivers are valid")
    elif max_waiver_days is not None:
        raise click.UsageError("--max-waiver-days goes with -w")
    if sources:
        custodian_without_time_zones.load()
        from reporter.custodian import policies

        found = policies.read(sources)
        say(f"{len(found.planned)} policies are valid")
    return EXIT_OK


@click.command(name="test-policies")
@options.policy_sources
@options.only_policies
@click.option("--mutate", is_flag=True, help="Break each filter in turn, and tell what no case notices.")
@options.policy_timeout
def test_policies(sources: tuple[Path, ...], only: tuple[str, ...], mutate: bool, policy_timeout: int) -> int:
    """Run the cases that policies carry in tests/ beside them, through Custodian's filters, without AWS."""
    custodian_without_time_zones.load()
    from reporter.custodian.bounded import Workers
    from reporter.policytests import check

    with Workers(policy_timeout) as workers:
        results = check.check(workers, *check.read(workers, sources, only), mutate)
    click.echo(check.table(results))
    return EXIT_OK if all(result.passed for result in results) else EXIT_FOUND


@click.command(name="policies")
@options.policy_sources
@click.option(
    "--copy-to",
    "folder",
    type=options.PATH,
    metavar="DIR",
    help="Copy this project's own policy files there instead.",
)
@click.option("--force", is_flag=True, help="--copy-to: write over files that differ.")
def print_policies(sources: tuple[Path, ...], folder: Path | None, force: bool) -> int:
    """Print the policies as the one file that `c7n-org run -u` takes, or copy the files to a deployment."""
    if folder is not None:
        from reporter.custodian import packaged

        for path in packaged.copy_policies(folder, force):
            click.echo(path)
        return EXIT_OK
    if force:
        raise click.UsageError("--force goes with --copy-to")
    custodian_without_time_zones.load()
    from reporter.custodian import policies

    click.echo(policies.as_one_file(policies.read(sources)), nl=False)
    return EXIT_OK


@click.command()
@options.policies_or_command
@options.only_policies
@click.option(
    "--format", "form", type=click.Choice(["iam", "cloudformation"]), default="iam", show_default=True,
    help="An IAM policy in JSON, or a template with a role that has it.",
)  # fmt: skip
@click.option("--trust", metavar="ACCOUNT_ID", help="cloudformation: the account the audit runs from.")
@click.option("--external-id", metavar="TEXT", help="cloudformation: what must be said to assume the role.")
@click.option(
    "--role-name",
    metavar="NAME",
    show_default="sg-audit, sg-remedy with --remedy, or sg-publish with --publish",
    help="cloudformation: what the role is called.",
)
@click.option("--iam", is_flag=True, help="And what `sg-audit run --iam` asks beside the policies.")
@click.option("--access-analyzer", is_flag=True, help="And what `--access-analyzer` asks.")
@click.option(
    "--remedy",
    is_flag=True,
    is_eager=True,
    help="What the scripts of `sg-audit remedy` need, in place of the audit.",
)
@click.option(
    "--publish",
    is_flag=True,
    is_eager=True,
    help="The one action more that `sg-audit publish securityhub` needs, in place of the audit.",
)
def permissions(
    sources: tuple[Path, ...],
    only: tuple[str, ...],
    form: str,
    iam: bool,
    access_analyzer: bool,
    remedy: bool,
    publish: bool,
    **role: str | None,
) -> int:
    """Print what an account's role must be allowed for the policies to be run there."""
    from reporter.custodian import permissions as needed
    from reporter.custodian import policies

    if form == "iam" and any(value is not None for value in role.values()):
        raise click.UsageError("--trust, --external-id and --role-name go with --format cloudformation")
    if remedy and publish:
        raise click.UsageError("--remedy, --publish: give one of them, as each has a role of its own")
    which = "--remedy" if remedy else "--publish"
    chosen = (
        only or click.get_current_context().get_parameter_source("sources") is ParameterSource.COMMANDLINE
    )
    if chosen and (remedy or publish):
        raise click.UsageError(f"{which}: goes without -u and -p, as it needs the same for all policies")
    if (iam or access_analyzer) and (remedy or publish):
        raise click.UsageError(f"{which}: goes without --iam and --access-analyzer, which it does not ask")
    if remedy:
        from reporter.remedy.forms import shell

        actions, purpose = shell.all_permissions(), needed.REMEDY
    elif publish:
        from reporter.publish import securityhub

        actions, purpose = (securityhub.ACTION,), needed.PUBLISH
    else:
        from reporter.collect import lookups

        found, wanted = policies.read(sources, only), lookups.wanted(iam=iam, access_analyzer=access_analyzer)
        actions, purpose = needed.actions(found, lookups.actions(wanted)), needed.AUDIT
    text = (
        needed.as_iam(actions, purpose)
        if form == "iam"
        else needed.as_cloudformation(actions, **role, purpose=purpose)
    )
    for action in () if remedy or publish else needed.not_reading(actions):
        say(f"look at this one before you allow it, its name does not say that it only reads: {action}")
    click.echo(text, nl=False)
    return EXIT_OK
