"""What a person asks of a plan, and how it is written on the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reporter.errors import InputError
from reporter.inventory.network import addresses, traffic
from reporter.inventory.network.addresses import IPV4, IPV6
from reporter.inventory.network.traffic import ALL, Traffic
from reporter.inventory.rules import MAX_PORT

NOTHING_STAYS = "none"

_KEPT = re.compile(r"(tcp|udp)[ :/](.+)|icmp|icmpv6|protocol (\d{1,3})", re.ASCII)
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_MAX_PROTOCOL = 255


@dataclass(frozen=True)
class Options:
    """What to plan and how.

    `policies` are those chosen by name, none for the default ones; `accounts` the names of those chosen, None for all.
    `keep` is what is to stay of a rule of which only part is wrong, None where nothing is said of it; `to` are the CIDR
    blocks from which the same is to be let in; `needless` says that rules which others cover are to go, too.
    """

    policies: tuple[str, ...] = ()
    accounts: frozenset[str] | None = None
    keep: tuple[Traffic, ...] | None = None
    to: tuple[str, ...] = ()
    needless: bool = False

    def of_accounts(self, names: frozenset[str]) -> "Options":
        """The same for some accounts alone."""
        return replace(self, accounts=names)


def parse_keep(given: Sequence[str]) -> tuple[Traffic, ...] | None:
    """What is to stay: `tcp 80,443`, `udp 1000-2000`, `icmp`, `protocol 50`; `none` for nothing, which is not the same
    as not to say it.

    Raises InputError for anything else.
    """
    if not given:
        return None
    given = [value.strip() for value in given]
    if NOTHING_STAYS in given:
        if len(given) > 1:
            raise InputError(f"--keep {NOTHING_STAYS}: goes with no other --keep")
        return ()
    return traffic.union(each for value in given for each in _kept(value))


def _kept(value: str) -> list[Traffic]:
    found = _KEPT.fullmatch(value)
    if not found or int(found[3] or 0) > _MAX_PROTOCOL:
        raise InputError(
            f"--keep {value!r}: write such as `tcp 80,443`, `udp 1000-2000`, `icmp`, `protocol 50` or `{NOTHING_STAYS}`"
        )
    if found[3]:
        return [traffic.parse(f"protocol {int(found[3])}")]
    if not found[1]:
        return [traffic.parse(value)]
    kept = []
    for part in found[2].split(","):
        ports = _PORTS.fullmatch(part.strip())
        first, last = (int(ports[1]), int(ports[2] or ports[1])) if ports else (1, 0)
        if not first <= last <= MAX_PORT:
            raise InputError(f"--keep {value!r}: {part.strip()!r} is no port, nor a range of ports")
        kept.append(Traffic(found[1], first, last))
    return kept


def parse_to(given: Sequence[str]) -> tuple[str, ...]:
    """CIDR blocks as AWS writes them. Raises InputError for what is none, and where they are the world together."""
    found: dict[str, None] = {}
    for value in given:
        network = addresses.parse(value)
        if network is None:
            raise InputError(
                f"--to {value}: not a CIDR block; write such as 198.51.100.0/24 or 2001:db8::/32"
            )
        text = addresses.canonical(value)
        if "/" in value and addresses.parse(text.partition("/")[0]) != addresses.parse(
            value.partition("/")[0]
        ):
            raise InputError(f"--to {value}: the block is called {text}")
        found[text] = None
    networks = [network for text in found if (network := addresses.parse(text))]
    for family in (IPV4, IPV6):
        of_family = [each for each in networks if each.family is family]
        if any(each.prefix_length == 0 for each in of_family) or addresses.is_world(
            [each.range for each in of_family], family
        ):
            raise InputError(f"--to {', '.join(found)}: that is the world again; give narrower blocks")
    return tuple(found)


def includes_all(kept: Sequence[Traffic], whole: Traffic) -> bool:
    """Whether nothing of some traffic goes where those parts of it stay."""
    return whole != ALL and not traffic.minus([whole], kept)
