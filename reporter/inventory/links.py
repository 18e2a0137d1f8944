"""Which group is on which interface or instance, of all accounts together."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from reporter.inventory.rows import GroupRow, InterfaceRow, UnitRows


class Link(Struct, frozen=True, gc=False):
    """A group on an interface, or on an instance of which no interface is known."""

    unit: UnitRows
    group_id: str
    group_name: str
    interface: InterfaceRow | None
    instance_id: str


def each_group_once(units: Iterable[UnitRows]) -> Iterable[tuple[UnitRows, GroupRow]]:
    """A group shared with other accounts shows in each of them; its owner's row stands for all."""
    seen: dict[tuple[str, str], dict[str, tuple[UnitRows, GroupRow]]] = {}
    for unit in units:
        for row in unit.groups:
            of_owner = seen.setdefault((row.owner_id or unit.account_id, unit.region), {})
            known = of_owner.get(row.group_id)
            if known is None or row.owner_id == unit.account_id != known[0].account_id:
                of_owner[row.group_id] = (unit, row)
    for of_owner in seen.values():
        yield from of_owner.values()


def links_of(units: Sequence[UnitRows]) -> Iterable[Link]:
    """Every group on an interface, then those on an instance of which no interface carries them."""
    seen: dict[str, tuple[UnitRows, InterfaceRow]] = {}
    for unit in units:
        for interface in unit.interfaces:
            known = seen.get(interface.interface_id)
            if known is None or interface.owner_id == unit.account_id != known[0].account_id:
                seen[interface.interface_id] = (unit, interface)
    on_interface: set[tuple[str, str]] = set()
    for unit, interface in seen.values():
        for group_id, name in interface.groups:
            if interface.instance_id:
                on_interface.add((group_id, interface.instance_id))
            yield Link(unit, group_id, name, interface, interface.instance_id)
    for unit in units:
        for instance in unit.instances:
            for group_id, name in instance.groups:
                if (group_id, instance.instance_id) not in on_interface:
                    yield Link(unit, group_id, name, None, instance.instance_id)


def interfaces_known_of(units: Iterable[UnitRows]) -> Callable[[UnitRows, GroupRow], bool]:
    """Tells whether all interfaces that could carry a group were read: those of its own account and region.

    The owner of a VPC sees every interface in it, and a participant all of its own
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html).
    """
    known = {(unit.account_id, unit.region) for unit in units if unit.interfaces_known}
    return lambda unit, group: (group.owner_id or unit.account_id, unit.region) in known
