"""Imported by the fork server of a run: its workers start with all of this loaded, and share the memory of it."""

import gc

import boto3
import c7n_org.cli

from reporter.collect import outside, worker

# What this project's policies ask; the model of another service is loaded where it is needed.
_SERVICES = ("autoscaling", "batch", "codebuild", "ec2", "events", "lambda", "sts")

outside.install()
c7n_org.cli.load_available()
_session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106
for _service in _SERVICES:
    _session.client(_service)
del _session
# The collector would touch, and so copy, every page in every worker.
gc.collect()
gc.freeze()

__all__ = ["worker"]
