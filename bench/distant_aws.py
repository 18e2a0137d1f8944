"""A server that stands for an AWS far away: fixed latency, canned answers for any account and region.

    python bench/distant_aws.py --latency 0.08 --groups 40 --tls bundle.pem

Prints its URL. With --tls it speaks https, as AWS does, and writes the certificates to trust (those that Python's
users trust anyway, and its own) to a file for AWS_CA_BUNDLE. The account of a call is that of the assumed role's
credentials, which name it; a call signed with one account's key and another's token is refused with 403, and
counted. `GET /stats` answers with the calls so far and the CPU seconds they took.

Answers are the same for every run: ids are made from account, region and number.
"""

import argparse
import asyncio
import json
import re
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import certifi
import trustme
from keep_alive import KeepAlive

REGIONS = [
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
]  # fmt: skip

# In each account and region: about as many as AWS has there of its own.
PREFIX_LISTS = 10

_CREDENTIAL = re.compile(rb"Credential=(\w+)/\d+/([\w-]+)/([\w-]+)/")
_EC2 = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'


def identifier(kind: str, account: str, region: str, number: int) -> str:
    """A resource id that no other account or region has."""
    return f"{kind}-{account}{REGIONS.index(region):02d}{number:05d}"


@cache
def answer(action: str, account: str, region: str, groups: int) -> tuple[str, bytes]:
    """Content type and body for a call."""
    make = _ANSWERS.get(action)
    if make is None:
        raise KeyError(action)
    return make(account, region, groups)


def _identity(account: str, region: str, groups: int) -> tuple[str, bytes]:
    return "text/xml", (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>arn:aws:iam::{account}:user/bench</Arn><UserId>u</UserId><Account>{account}</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    ).encode()


def _ec2(action: str, body: str) -> tuple[str, bytes]:
    xml = f'<?xml version="1.0"?><{action}Response {_EC2}><requestId>r</requestId>{body}</{action}Response>'
    return "text/xml", xml.encode()


def _regions(account: str, region: str, groups: int) -> tuple[str, bytes]:
    items = "".join(f"<item><regionName>{name}</regionName></item>" for name in REGIONS)
    return _ec2("DescribeRegions", f"<regionInfo>{items}</regionInfo>")


def _groups(account: str, region: str, groups: int) -> tuple[str, bytes]:
    return _ec2(
        "DescribeSecurityGroups",
        "<securityGroupInfo>"
        + "".join(_group(account, region, number) for number in range(groups))
        + "</securityGroupInfo>",
    )


def _group(account: str, region: str, number: int) -> str:
    web = "0.0.0.0/0" if number % 5 == 0 else "10.0.0.0/8"
    rules = [("tcp", 443, web), ("tcp", 5432, "10.0.0.0/8"), ("udp", 53, "10.0.0.0/8")]
    if number % 3 == 0:
        rules.append(("tcp", 22, "0.0.0.0/0" if number % 9 == 0 else "10.0.0.0/8"))
    permissions = "".join(
        f"<item><ipProtocol>{protocol}</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort><groups/>"
        f"<ipRanges><item><cidrIp>{source}</cidrIp><description>rule</description></item></ipRanges>"
        "<ipv6Ranges/><prefixListIds/></item>"
        for protocol, port, source in rules
    )
    return (
        f"<item><ownerId>{account}</ownerId><groupId>{identifier('sg', account, region, number)}</groupId>"
        f"<groupName>{'default' if number == 0 else f'service-{number}'}</groupName>"
        f"<groupDescription>Group {number} of {region}</groupDescription>"
        f"<vpcId>{identifier('vpc', account, region, 0)}</vpcId><ipPermissions>{permissions}</ipPermissions>"
        "<ipPermissionsEgress/><tagSet><item><key>team</key><value>platform</value></item></tagSet></item>"
    )


def _interfaces(account: str, region: str, groups: int) -> tuple[str, bytes]:
    items = "".join(
        f"<item><networkInterfaceId>{identifier('eni', account, region, number)}</networkInterfaceId>"
        f"<vpcId>{identifier('vpc', account, region, 0)}</vpcId><ownerId>{account}</ownerId>"
        f"<description>interface {number}</description><privateIpAddress>10.0.{number // 250}.{number % 250}"
        "</privateIpAddress><interfaceType>interface</interfaceType><status>in-use</status>"
        f"<groupSet><item><groupId>{identifier('sg', account, region, number)}</groupId>"
        f"<groupName>service-{number}</groupName></item></groupSet><attachment>"
        f"<instanceId>{identifier('i', account, region, number)}</instanceId><status>attached</status></attachment>"
        "</item>"
        for number in range(1, groups, 2)
    )
    return _ec2("DescribeNetworkInterfaces", f"<networkInterfaceSet>{items}</networkInterfaceSet>")


def _instances(account: str, region: str, groups: int) -> tuple[str, bytes]:
    items = "".join(
        f"<item><ownerId>{account}</ownerId><instancesSet><item>"
        f"<instanceId>{identifier('i', account, region, number)}</instanceId>"
        "<instanceState><code>16</code><name>running</name></instanceState><groupSet><item>"
        f"<groupId>{identifier('sg', account, region, number)}</groupId></item></groupSet><tagSet><item>"
        f"<key>Name</key><value>service-{number}</value></item></tagSet></item></instancesSet></item>"
        for number in range(1, groups, 2)
    )
    return _ec2("DescribeInstances", f"<reservationSet>{items}</reservationSet>")


def _subnets(account: str, region: str, groups: int) -> tuple[str, bytes]:
    items = "".join(
        f"<item><subnetId>{identifier('subnet', account, region, number)}</subnetId><ownerId>{account}</ownerId>"
        f"<vpcId>{identifier('vpc', account, region, 0)}</vpcId><cidrBlock>10.0.{number}.0/24</cidrBlock>"
        "<state>available</state></item>"
        for number in range(3)
    )
    return _ec2("DescribeSubnets", f"<subnetSet>{items}</subnetSet>")


def _route_tables(account: str, region: str, groups: int) -> tuple[str, bytes]:
    return _ec2(
        "DescribeRouteTables",
        f"<routeTableSet><item><routeTableId>{identifier('rtb', account, region, 0)}</routeTableId>"
        f"<ownerId>{account}</ownerId><vpcId>{identifier('vpc', account, region, 0)}</vpcId><routeSet><item>"
        f"<destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>{identifier('igw', account, region, 0)}"
        "</gatewayId><state>active</state></item></routeSet><associationSet><item><main>true</main></item>"
        "</associationSet></item></routeTableSet>",
    )


def _network_acls(account: str, region: str, groups: int) -> tuple[str, bytes]:
    entries = "".join(
        f"<item><ruleNumber>100</ruleNumber><protocol>-1</protocol><ruleAction>allow</ruleAction>"
        f"<egress>{egress}</egress><cidrBlock>0.0.0.0/0</cidrBlock></item>"
        for egress in ("true", "false")
    )
    return _ec2(
        "DescribeNetworkAcls",
        f"<networkAclSet><item><networkAclId>{identifier('acl', account, region, 0)}</networkAclId>"
        f"<ownerId>{account}</ownerId><vpcId>{identifier('vpc', account, region, 0)}</vpcId>"
        f"<default>true</default><entrySet>{entries}</entrySet></item></networkAclSet>",
    )


def _prefix_lists(account: str, region: str, groups: int) -> tuple[str, bytes]:
    items = "".join(
        f"<item><prefixListId>{identifier('pl', account, region, number)}</prefixListId><ownerId>{account}</ownerId>"
        f"<prefixListName>list-{number}</prefixListName><addressFamily>IPv4</addressFamily></item>"
        for number in range(PREFIX_LISTS)
    )
    return _ec2("DescribeManagedPrefixLists", f"<prefixListSet>{items}</prefixListSet>")


def _prefix_list_entries(account: str, region: str, groups: int) -> tuple[str, bytes]:
    return _ec2(
        "GetManagedPrefixListEntries", "<entrySet><item><cidr>198.51.100.0/24</cidr></item></entrySet>"
    )


def _assume_role(account: str, region: str, groups: int) -> tuple[str, bytes]:
    xml = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>secret{account}</SecretAccessKey>"
        f"<SessionToken>token{account}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        f"<AssumedRoleUser><AssumedRoleId>A:s</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/r/s</Arn>"
        "</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    )
    return "text/xml", xml.encode()


def _json(body: dict[str, object]) -> Callable[[str, str, int], tuple[str, bytes]]:
    return lambda account, region, groups: ("application/x-amz-json-1.1", json.dumps(body).encode())


def _launch_configurations(account: str, region: str, groups: int) -> tuple[str, bytes]:
    return "text/xml", (
        b'<DescribeLaunchConfigurationsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
        b"<DescribeLaunchConfigurationsResult><LaunchConfigurations/></DescribeLaunchConfigurationsResult>"
        b"</DescribeLaunchConfigurationsResponse>"
    )


_ANSWERS: dict[str, Callable[[str, str, int], tuple[str, bytes]]] = {
    "DescribeRegions": _regions,
    "DescribeSecurityGroups": _groups,
    "DescribeNetworkInterfaces": _interfaces,
    "DescribeInstances": _instances,
    "DescribeSecurityGroupReferences": lambda *_: _ec2(
        "DescribeSecurityGroupReferences", "<securityGroupReferenceSet/>"
    ),
    "DescribeSubnets": _subnets,
    "DescribeRouteTables": _route_tables,
    "DescribeNetworkAcls": _network_acls,
    "DescribeManagedPrefixLists": _prefix_lists,
    "GetManagedPrefixListEntries": _prefix_list_entries,
    "DescribeTags": lambda *_: _ec2("DescribeTags", "<tagSet/>"),
    "AssumeRole": _assume_role,
    "GetCallerIdentity": _identity,
    "DescribeLaunchConfigurations": _launch_configurations,
    "CodeBuild_20161006.ListProjects": _json({"projects": []}),
    "AWSEvents.ListEventBuses": _json({"EventBuses": []}),
    "AWSEvents.ListRules": _json({"Rules": []}),
    "/2015-03-31/functions": _json({"Functions": []}),
    "/2015-03-31/functions/": _json({"Functions": []}),
    "/v1/describecomputeenvironments": _json({"computeEnvironments": []}),
}


class DistantAws(KeepAlive):
    """One keep-alive connection; requests on it are answered in turn, each after the latency."""

    calls: ClassVar[Counter[str]] = Counter()
    mixed_up: ClassVar[int] = 0
    unknown: ClassVar[Counter[str]] = Counter()

    def __init__(self, latency: float, groups: int) -> None:
        super().__init__()
        self._latency, self._groups = latency, groups

    def respond(self, head: bytes, body: bytes) -> None:
        line = head.split(b"\r\n", 1)[0].decode()
        path = line.split(" ")[1].partition("?")[0]
        if path == "/stats":
            stats = {
                "calls": dict(self.calls), "mixed_up": self.mixed_up, "unknown": dict(self.unknown),
                "cpu_seconds": time.process_time(),
            }  # fmt: skip
            self._send(200, "application/json", json.dumps(stats).encode())
            return
        target = re.search(rb"(?i)\r\nx-amz-target: *([\w.]+)", head)
        form = parse_qs(body.decode()) if path == "/" and not target else {}
        action = target[1].decode() if target else form["Action"][0] if form else path
        type(self).calls[action] += 1
        status, kind, content = self._content(action, head, form)
        asyncio.get_running_loop().call_later(self._latency, self._send, status, kind, content)

    def _content(self, action: str, head: bytes, form: dict[str, list[str]]) -> tuple[int, str, bytes]:
        credential = _CREDENTIAL.search(head)
        region = credential[2].decode() if credential else "us-east-1"
        if action == "AssumeRole":
            account = form["RoleArn"][0].split(":")[4]
        elif action == "GetCallerIdentity" and not (credential and credential[1].startswith(b"ASIA")):
            account = "000000000000"  # whoever starts a run
        else:
            account = credential[1].decode().removeprefix("ASIA") if credential else ""
            token = re.search(rb"(?i)\r\nx-amz-security-token: *(\S+)", head)
            if token is None or token[1].decode() != f"token{account}":
                type(self).mixed_up += 1
                return 403, "text/xml", b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        try:
            return 200, *answer(action, account, region if region in REGIONS else "us-east-1", self._groups)
        except KeyError:
            type(self).unknown[action] += 1
            return 400, "text/xml", b"<Error><Code>InvalidAction</Code></Error>"

    def _send(self, status: int, kind: str, content: bytes) -> None:
        if not self.transport.is_closing():
            head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
            self.transport.write(head.encode() + content)


async def serve(port: int, latency: float, groups: int, bundle: Path | None) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: DistantAws(latency, groups), "127.0.0.1", port, backlog=1024, ssl=bundle and tls(bundle)
    )
    scheme = "https" if bundle else "http"
    print(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # ends with whoever started it


def tls(bundle: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1, its authority in the bundle."""
    authority = trustme.CA()
    bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + authority.cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def main() -> None:
    parser = argparse.ArgumentParser(description="An AWS far away.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.08, help="seconds from a call to its answer")
    parser.add_argument("--groups", type=int, default=40, help="security groups in each account and region")
    parser.add_argument("--tls", type=Path, metavar="BUNDLE", help="speak https; what to trust goes there")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.latency, options.groups, options.tls))


if __name__ == "__main__":
    main()
