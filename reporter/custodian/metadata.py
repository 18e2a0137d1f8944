"""What a policy says of itself: its name, what it is on, and how it gets into the report."""

from dataclasses import dataclass, field

#: The report's own tables: no policy's tab may be called so.
OWN_TABS = ("security_groups", "attachments", "summary", "coverage")


@dataclass(frozen=True)
class PlannedPolicy:
    """A policy of the run, in file order. `report` is its `metadata.report`; `filtered` says that it may
    leave resources out: what it does not list may exist all the same. `digest` stands for its text. With
    `on_events` it looked only at what an event named, as AWS ran it in one of Custodian's event modes."""

    name: str
    resource: str
    filtered: bool = True
    digest: str = ""
    description: str = ""
    report: dict[str, str] = field(default_factory=dict)
    on_events: bool = False

    @property
    def lists_all(self) -> bool:
        """Whether it lists every resource of its type: what it does not list is not there."""
        return not (self.filtered or self.on_events)
