"""What carries a default group moves to a group of its own: AWS lets nobody delete or rename a default group."""

from reporter.remedy.recorded import Recorded, is_id
from reporter.remedy.steps import CarriedInterface, MoveInterfaces, RecordedGroup, Status
from reporter.remedy.subjects import Carried, Subject

Refusal = tuple[Status, str]

_ITS_OWN = "interface"  # other types are a service's: balancers, Lambda functions, endpoints, …


def move(subject: Subject, group: RecordedGroup, recorded: Recorded, day: str) -> MoveInterfaces | Refusal:
    """The move of all that carries a default group, or why there is none. `day` goes into the new group's name."""
    if not subject.carriers_known or any(not each.interface_id for each in subject.carriers):
        return Status.REFUSED, "not every interface that may carry it was read: audit again"
    if subject.unit not in recorded.all_listed:
        return Status.REFUSED, "not every group was read, and another may name it in a rule: audit again"
    others = [each for each in subject.carriers if not _own(each, subject)]
    if others:
        told = ", ".join(each.interface_id for each in others[:5]) + (" …" if len(others) > 5 else "")
        return (
            Status.CHOICE,
            f"{told}: a service or another account has it; give it another group there, then audit again",
        )
    naming = recorded.named_by.get(group.group_id, ())
    if naming:
        names = ", ".join(each.partition(" ")[0] for each in naming)
        return (
            Status.CHOICE,
            f"the rules of {names} name it: what moves would lose what they let in; let in the new group there first",
        )
    interfaces = []
    for each in subject.carriers:
        found = recorded.interfaces.get(each.interface_id)
        ids = tuple(named.group_id for named in found.groups) if found else ()
        if group.group_id not in ids or not all(is_id("sg", named) for named in ids):
            return Status.REFUSED, f"the record of {each.interface_id} cannot be read: audit again"
        if found and found.owner_id not in ("", subject.account_id):
            return Status.CHOICE, f"{each.interface_id} is another account's: give it another group there"
        interfaces.append(CarriedInterface(each.interface_id, ids, each.instance_id, each.instance_name))
    return MoveInterfaces(
        group=group,
        new_name=f"moved-from-{group.group_id}-{day}".rstrip("-"),
        new_description=f"In place of the default group {group.group_id}",
        interfaces=tuple(interfaces),
    )


def _own(carried: Carried, subject: Subject) -> bool:
    """Whether an interface is an instance's own, in the group's account."""
    return (
        carried.type == _ITS_OWN
        and is_id("i", carried.instance_id)
        and is_id("eni", carried.interface_id)
        and carried.account == subject.account
    )
