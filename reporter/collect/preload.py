"""Imported by the process that workers are forked from: they start with all of it loaded, and share the memory."""

import gc

from reporter.garbage import nothing_to_collect

with nothing_to_collect():
    import c7n_org.cli

    from reporter import cli
    from reporter.collect import outside, worker

    outside.install()
    c7n_org.cli.load_available()
    # What this project's policies ask; the model of another service is loaded where it is needed.
    outside.load(["autoscaling", "batch", "codebuild", "ec2", "events", "lambda", "sts"])
    # The collector would touch, and so copy, every page in every worker.
    gc.freeze()

__all__ = ["cli", "worker"]
