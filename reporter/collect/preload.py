"""Imported by the process that workers are forked from: they start with all of it loaded, and share the memory."""

import gc
from contextlib import suppress

from reporter import custodian_without_time_zones, garbage_collection

with garbage_collection.paused():
    custodian_without_time_zones.load()
    import botocore.session
    from c7n.resources import load_resources

    from reporter.aws import answers
    from reporter.collect import forking, patches, worker

    forking.loaded()
    patches.install()
    # What this project's policies are on and ask, `unused` with them; others are loaded where they are needed.
    load_resources(
        [
            *("aws.security-group", "aws.eni", "aws.ec2"),
            *("aws.batch-compute", "aws.codebuild", "aws.event-rule", "aws.event-rule-target"),
            *("aws.lambda", "aws.launch-config"),
        ]
    )
    with suppress(Exception):  # settings that one of the services cannot take: its calls fail, and say so
        patches.load(["sts", "autoscaling", "batch", "codebuild", "ec2", "events", "lambda"])
        # It has connections of its own, whose certificates may be others than those of the clients.
        botocore.session.get_session().get_component("credential_provider")
    answers.prepare(["batch", "codebuild", "events", "lambda"])  # those of them that answer in JSON
    # The collector would touch, and so copy, every page in every worker.
    gc.freeze()
    garbage_collection.seldom()  # and so in the workers, those of a cluster too

__all__ = ["worker"]
