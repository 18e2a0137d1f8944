"""Custodian's metadata.json: what it says of one run of one policy (c7n.ctx.ExecutionContext.get_metadata)."""

from functools import lru_cache
from typing import Any

import msgspec

from reporter.custodian.metadata import PlannedPolicy, catching, may_leave_out, report_of
from reporter.custodian.resource_types import full_type

# The modes in which AWS runs the whole policy by the clock (c7n.policy, c7n_azure.policy, c7n_gcp.policy): in all
# others a policy looks at what an event names.
_BY_THE_CLOCK = {
    *("periodic", "schedule", "config-poll-rule"),
    *("azure-periodic", "container-periodic", "gcp-periodic"),
}

# Texts of policies that are kept, of which accounts and regions have the same ones: more than are run anywhere.
_TEXTS = 2_000


class PolicyText(msgspec.Struct):
    """What matters of a policy as it was written."""

    name: str
    resource: str = ""
    description: str | None = None
    filters: Any = None
    query: Any = None
    source: Any = None
    mode: dict[str, Any] | None = None
    region: str | None = None
    conditions: Any = None
    start: Any = None
    end: Any = None
    tz: Any = None
    metadata: dict[str, Any] | None = None


class Execution(msgspec.Struct):
    """When the policy was run, in seconds since 1970, and for how many seconds."""

    start: float | None = None
    duration: float | None = None


class Config(msgspec.Struct):
    """Where it was run, and how."""

    region: str | None = None
    regions: list[str] | None = None
    account_id: str | None = None
    dryrun: bool | None = None


class Metric(msgspec.Struct, rename={"name": "MetricName", "value": "Value"}):
    """What Custodian counted. It keeps the last twenty of them for metadata.json, so that none may be left."""

    name: str = ""
    value: float | None = None


class Metadata(msgspec.Struct):
    """The parts of metadata.json that the report needs."""

    written: msgspec.Raw = msgspec.field(name="policy")
    execution: Execution | None = None
    config: Config | None = None
    metrics: list[Metric] | None = None

    @property
    def policy(self) -> PolicyText:
        """The policy as it was written, once for all that have the same text."""
        return _policy(bytes(self.written))

    @property
    def where(self) -> Config:
        """Its configuration, empty where it has none."""
        return self.config or Config()

    @property
    def started(self) -> float:
        """When the policy was run, in seconds since 1970; 0 where that is not said."""
        return self.execution.start or 0.0 if self.execution else 0.0

    @property
    def seconds(self) -> float:
        """How long that took."""
        return round(self.execution.duration or 0.0, 3) if self.execution else 0.0

    @property
    def is_deployed(self) -> bool:
        """Whether it is AWS that runs the policy, later. With --dryrun Custodian itself does, whatever the mode."""
        mode = self.policy.mode
        return mode is not None and mode.get("type") != "pull" and not self.where.dryrun

    @property
    def is_on_events(self) -> bool:
        """Whether the policy looked only at what an event named."""
        return self.is_deployed and (self.policy.mode or {}).get("type") not in _BY_THE_CLOCK

    @property
    def stopped(self) -> bool:
        """Whether an exception ended the policy (c7n.ctx.ExecutionContext.__exit__)."""
        return any(metric.name == "PolicyException" for metric in self.metrics or ())

    @property
    def counted(self) -> float | None:
        """How many resources it found, None where it did not come so far or that is not kept.

        Custodian counts right before it writes resources.json: an action may fail after that
        (c7n.policy.PullMode.run).
        """
        return next((metric.value for metric in self.metrics or () if metric.name == "ResourceCount"), None)

    @property
    def planned(self) -> PlannedPolicy:
        """The policy, as far as the report is concerned, once for all that have the same text."""
        return _planned(bytes(self.written), self.is_on_events)


@lru_cache(_TEXTS)
def _policy(written: bytes) -> PolicyText:
    return _policy_decoder.decode(written)


@lru_cache(_TEXTS)
def _planned(written: bytes, on_events: bool) -> PlannedPolicy:
    policy = _policy(written)
    resource, report = full_type(policy.resource), report_of(policy.metadata)
    return PlannedPolicy(
        name=policy.name,
        resource=resource,
        filtered=may_leave_out(policy.filters, policy.query, policy.source),
        description=" ".join((policy.description or "").split()),
        report=report,
        filters=policy.filters if isinstance(policy.filters, list) else [],
        on_events=on_events,
        catches=catching(resource, policy.filters, report, msgspec.structs.asdict(policy)),
    )


_decoder = msgspec.json.Decoder(Metadata)
_policy_decoder = msgspec.json.Decoder(PolicyText)


def decode(content: bytes) -> Metadata:
    """Read a metadata.json. Raises msgspec.DecodeError or UnicodeDecodeError where it is none of Custodian's."""
    found = _decoder.decode(content)
    _policy(bytes(found.written))
    return found
