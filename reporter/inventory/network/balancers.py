"""Network load balancers: which interfaces they forward to with the client's address kept.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reporter.inventory.network import addresses
from reporter.inventory.network.addresses import IPV4, IPV6, Family
from reporter.inventory.network.traffic import Traffic

_PROTOCOLS = {
    "TCP": ("tcp",),
    "TLS": ("tcp",),
    "UDP": ("udp",),
    "TCP_UDP": ("tcp", "udp"),
    "QUIC": ("udp",),
    "TCP_QUIC": ("tcp", "udp"),
}
_ALWAYS_KEPT = ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC")


@dataclass(frozen=True)
class LoadBalancer:
    """A load balancer: where it stands, and the groups on it, if any."""

    arn: str
    name: str
    is_network: bool
    faces_internet: bool
    subnet_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    taken: float = 0.0


@dataclass(frozen=True)
class TargetGroup:
    """Where load balancers forward to: `targets` are instances, addresses or a load balancer's ARN, each with its port.

    `keeps_client` is None where its attributes were not read.
    """

    arn: str
    protocol: str
    vpc_id: str
    target_type: str
    is_ipv6: bool
    balancer_arns: tuple[str, ...]
    targets: tuple[tuple[str, int], ...]
    keeps_client: bool | None
    taken: float = 0.0

    @property
    def client_is_kept(self) -> bool:
        """Whether targets see the client's own address: where it was not read, as AWS has it by default."""
        if self.protocol in _ALWAYS_KEPT or self.target_type == "alb":
            return True
        return self.target_type == "instance" if self.keeps_client is None else self.keeps_client


@dataclass(frozen=True)
class Forwarding:
    """What a load balancer that faces the internet forwards to an interface."""

    balancer: LoadBalancer
    family: Family
    traffic: Traffic


class _Target(Protocol):
    @property
    def interface_id(self) -> str: ...
    @property
    def vpc_id(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def instance_id(self) -> str: ...
    @property
    def is_primary(self) -> bool: ...
    @property
    def private_ips(self) -> Sequence[str]: ...
    @property
    def ipv6(self) -> Sequence[str]: ...


def forwarded(
    balancers: Iterable[LoadBalancer], groups: Iterable[TargetGroup], interfaces: Iterable[_Target]
) -> Mapping[str, tuple[Forwarding, ...]]:
    """What reaches interfaces, by their id, through network load balancers that face the internet.

    An instance is forwarded to on its primary interface.
    """
    facing = {each.arn: each for each in balancers if each.is_network and each.faces_internet}
    asked: dict[tuple[str, str], list[Forwarding]] = {}
    for group in groups:
        if not group.client_is_kept:
            continue
        for arn in group.balancer_arns:
            for target, port in group.targets if arn in facing else ():
                asked.setdefault(_key(group, target), []).extend(
                    Forwarding(facing[arn], IPV6 if group.is_ipv6 else IPV4, Traffic(protocol, port, port))
                    for protocol in _PROTOCOLS.get(group.protocol, ())
                )
    if not asked:
        return {}
    found: dict[str, list[Forwarding]] = {}
    for interface in interfaces:
        for key in _keys(interface):
            found.setdefault(interface.interface_id, []).extend(asked.get(key, ()))
    return {interface_id: tuple(each) for interface_id, each in found.items() if each}


def _key(group: TargetGroup, target: str) -> tuple[str, str]:
    if group.target_type == "alb":
        return "", f"ELB {target.partition(':loadbalancer/')[2]}"
    if group.target_type == "instance":
        return "", target
    return group.vpc_id, addresses.canonical(target)


def _keys(interface: _Target) -> Iterable[tuple[str, str]]:
    if interface.instance_id and interface.is_primary:
        yield "", interface.instance_id
    elif interface.description.startswith("ELB app/"):
        yield "", interface.description
    for address in (*interface.private_ips, *interface.ipv6):
        yield interface.vpc_id, addresses.canonical(address)
