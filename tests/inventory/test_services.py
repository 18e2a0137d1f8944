"""Names of ports and protocols."""

import pytest

from reporter.inventory.services import SERVICES, service_name


@pytest.mark.parametrize(
    ("protocol", "port", "name"),
    [
        ("tcp", 22, "SSH"),
        ("tcp", 5432, "PostgreSQL"),
        ("udp", 1434, "SQL Server Browser"),
        ("tcp", 1434, ""),
        ("udp", 22, ""),
        ("tcp", 8443, ""),
        ("icmp", 22, ""),
    ],
)
def test_a_port_has_the_name_of_its_protocol(protocol: str, port: int, name: str) -> None:
    assert service_name(protocol, port) == name


def test_a_port_stands_once_in_the_table_and_in_order() -> None:
    ports = [(service.port, service.protocol) for service in SERVICES]
    assert ports == sorted(set(ports))
