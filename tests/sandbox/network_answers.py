"""What the estate's groups open to the world and who can get there, thought out by hand from its tables.

Of reporter/sandbox/network_estate.py and estate.py; never paste the program's own answers here. `world` is what a group
opens to the world. `on`, where anybody can reach it, is the address and the port; where nobody can, what is missing:

    nothing open   the group opens nothing to the world
    interface      no interface carries it
    address        no public address of a family (IPv4, IPv6) that it opens
    route          no active route of that family to an internet gateway
    ACL            the subnet's network ACL does not let it in, or the answer out
    blocked        the subnet's public access is blocked
    firewall       the route is into a Gateway Load Balancer endpoint, and what is behind that is not told

Several of them, where each alone would do. `IPv4` and `IPv6` stand for addresses that nobody can write down in advance.
"""

from collections.abc import Mapping

# The groups of ("staging", "ap-southeast-2"), the account and region that has VPCs of its own.
NETWORK = """
group            | world     | reachable | on                         | why
public-web       | tcp 8410  | yes       | 203.0.113.10 -> tcp 8410   | an Elastic IP, its table leads to the gateway, the default ACL lets all through
behind-nat       | tcp 8411  | no        | route                      | has a public address, but the subnet's way back is by a NAT gateway
no-address       | tcp 8400  | no        | address                    | the subnet is public, the interface has a private address only
not-attached     | tcp 8401  | no        | interface                  | open, but nothing carries it
second-address   | tcp 8412  | yes       | 203.0.113.12 -> tcp 8412   | the Elastic IP is that of the second private address; the first has none
two-interfaces   | tcp 8428  | yes       | 203.0.113.28 -> tcp 8428   | one of two is enough; the other, 203.0.113.29, is behind NAT
load-balancer    | tcp 8427  | yes       | 203.0.113.27 -> tcp 8427   | an interface that AWS manages counts like any
ping             | icmp      | yes       | 203.0.113.30 -> icmp       | no ports: protocol -1 in the ACL lets it in, and the answer out
main-table       | tcp 8440  | yes       | 203.0.113.40 -> tcp 8440   | no table of the subnet's own, so the main one of its VPC, which leads to the gateway
inspected        | tcp 8441  | unknown   | firewall                   | 0.0.0.0/0 leads into vpce-
inspected-inside | tcp 8445  | no        | address                    | the route is not known, but without a public address it does not matter
forgotten        | tcp 8442  | no        | route                      | 0.0.0.0/0 leads to an internet gateway that is detached: a blackhole
sealed           | tcp 8443  | no        | blocked                    | InternetGatewayBlockMode is block-bidirectional, all else would let it through
ipv6-only        | tcp 8402  | yes       | IPv6 -> tcp 8402           | no IPv4 at all; ::/0 leads to the internet gateway
egress-only      | tcp 8403  | no        | route                      | ::/0 leads to an egress-only gateway, which lets nothing in
wrong-family     | tcp 8413  | no        | address                    | open to ::/0, and its only public address is IPv4
acl-denies       | tcp 8414  | no        | ACL                        | entry 100 denies 8414 before 200 allows all
acl-passes       | tcp 8415  | yes       | 203.0.113.15 -> tcp 8415   | the same ACL: entry 100 is about another port
acl-late-deny    | tcp 8416  | yes       | 203.0.113.16 -> tcp 8416   | 100 allows before 200 denies; 50 denies no more than 198.51.100.0/24
acl-no-ipv6      | tcp 8404  | no        | ACL                        | the same ACL has no entry for IPv6 but the closing one; address and ::/0 route are there
acl-two-halves   | tcp 8417  | no        | ACL                        | 10 denies 0.0.0.0/1 and 20 denies 128.0.0.0/1, which leaves no address for 100
acl-no-answer    | tcp 8418  | no        | ACL                        | out goes tcp 443 alone, and the answer goes to a port from 1024 up
acl-askew        | tcp 8419  | no        | ACL                        | lets in 0.0.0.0/1, and out to 128.0.0.0/1: no address has both
acl-udp          | udp 8420  | no        | ACL                        | out goes tcp 1024-65535 alone, and the answer is udp
acl-tcp          | tcp 8421  | yes       | 203.0.113.21 -> tcp 8421   | the same ACL, in its protocol
two-halves       | tcp 22    | yes       | 203.0.113.22 -> tcp 22     | 0.0.0.0/1 and 128.0.0.0/1 are the world: SSH, though no rule says 0.0.0.0/0
world-list       | tcp 3389  | yes       | 203.0.113.23 -> tcp 3389   | the prefix list `anywhere` holds 0.0.0.0/0: RDP
long-list        | tcp 8424  | yes       | 203.0.113.24 -> tcp 8424   | `partners` holds 0.0.0.0/0 as entry 151, on the second page
content-network  |           | no        | nothing open               | CloudFront's own list is some ranges of AWS's, none of them wide
wide             |           | no        | nothing open               | 4.0.0.0/7 is wide, and not the world
front-blue       | tcp 443   | no        | address, route             | private subnet; 8443 is from itself alone
front-green      | tcp 443   | no        | address, route             | the same, on two interfaces
front-lab        | tcp 443   | no        | address, route             | the same in another VPC
covered          |           | no        | nothing open               | private ranges alone
default          |           | no        | nothing open               | three of them, of three VPCs, as AWS made them; a NAT gateway's interface carries none
"""  # noqa: E501

# All others are in the default VPC of their account and region. That leads to its internet gateway, its ACL lets all
# through, it has no IPv6, and an instance in it has a public IPv4 address while it runs; other interfaces have none.
OTHERS = """
account    | region         | group            | world              | reachable | on                        | why
dev        | us-east-1      | default          |                    | no        | nothing open              | from itself alone
dev        | us-east-1      | bastion          | tcp 22             | yes       | IPv4 -> tcp 22            | on a running instance
dev        | us-east-1      | legacy-ssh       | tcp 22             | no        | interface                 | nothing carries it
dev        | us-east-1      | web-public       | tcp 80, tcp 443    | yes       | IPv4 -> tcp 80, tcp 443   | on two running instances; 22 is from 10.0.0.0/8
dev        | us-east-1      | app-internal     |                    | no        | nothing open              | web-2 has a public address, which web-public opens and this does not
dev        | us-east-1      | lambda-egress    |                    | no        | nothing open              |
dev        | us-east-1      | db-servers       |                    | no        | nothing open              |
dev        | us-east-1      | db-clients       |                    | no        | nothing open              |
dev        | us-east-1      | =1+1             | tcp 22             | no        | interface                 |
dev        | us-east-1      | @sum             |                    | no        | nothing open              |
dev        | us-east-1      | +x               |                    | no        | nothing open              |
dev        | us-east-1      | marketing-site   | tcp 443            | no        | interface                 |
dev        | eu-west-1      | default          |                    | no        | nothing open              |
dev        | eu-west-1      | ipv6-jump        | tcp 22             | no        | address                   | open to ::/0 alone, and the VPC has no IPv6
dev        | eu-west-1      | dual-stack-ssh   | tcp 22             | no        | interface                 |
dev        | eu-west-1      | mosh-udp         | udp 22             | yes       | IPv4 -> udp 22            |
dev        | eu-west-1      | icmp-ping        | icmp               | no        | interface                 |
dev        | eu-west-1      | vpn-esp          | protocol 50        | no        | address                   | its interface is no instance's
dev        | eu-west-1      | near-miss        | tcp 23-25, tcp 2222 | no       | interface                 |
dev        | eu-west-1      | vendor-access    |                    | no        | nothing open              | the list `vendor` is one /24
dev        | eu-west-1      | office-only      |                    | no        | nothing open              |
dev        | ap-southeast-2 | default          |                    | no        | nothing open              |
staging    | us-east-1      | default          |                    | no        | nothing open              |
staging    | us-east-1      | wide-range       | tcp 20-25          | yes       | IPv4 -> tcp 20-25         |
staging    | us-east-1      | asg-template     |                    | no        | nothing open              |
staging    | us-east-1      | metrics-agent    |                    | no        | nothing open              |
staging    | eu-west-1      | default          | tcp 22             | yes       | IPv4 -> tcp 22            |
staging    | eu-west-1      | allow-all        | all                | no        | address                   | stopped, and its public address went with that
staging    | eu-west-1      | any-tcp          | tcp 0-65535        | no        | interface                 |
production | us-east-1      | default          |                    | no        | nothing open              |
production | us-east-1      | shared-services  | tcp 22             | no        | address                   | on an interface of staging's that is no instance's
production | us-east-1      | ledger-db        |                    | no        | nothing open              |
production | us-east-1      | metrics-scraper  |                    | no        | nothing open              |
production | us-east-1      | batch-fleet      |                    | no        | nothing open              |
production | us-east-1      | web-alb          | tcp 443            | no        | address                   | a balancer inside: its interface has no public address
production | us-east-1      | ops-bastion      |                    | no        | nothing open              | 203.0.113.0/24 is one office
production | eu-west-1      | default          |                    | no        | nothing open              |
production | eu-west-1      | https://wiki/ssh | tcp 22             | no        | interface                 |
production | ap-southeast-2 | default          |                    | no        | nothing open              |
production | ap-southeast-2 | break-glass      | all                | yes       | IPv4 -> tcp 22            | all traffic is open by IPv6 alone, which it has not; SSH by IPv4
"""  # noqa: E501

# Public ranges that are wide and not the world. No other group has any.
WIDE_SOURCES: Mapping[str, str] = {"wide": "4.0.0.0/7 -> tcp 8426"}

# Sets of groups of one VPC that have the same rules, in and out. Not front-lab with the first: it is in another VPC.
#
# Groups that nothing may come in to still have the rule out that AWS made: lambda-egress, db-clients and +x of dev, all
# in one VPC. Whether they are duplicates is for the report to say.
SAME_RULES = (
    {"front-blue", "front-green"},  # each names itself; other descriptions, other order, tcp written as 6
    {"bastion", "legacy-ssh", "=1+1"},  # of dev in us-east-1: tcp 22 from the world
)

# Rules that another rule of the group makes needless. No other group has any.
COVERED_RULES: Mapping[str, str] = {"covered": "10.1.0.0/16 -> tcp 22"}


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table above, by the names of its columns."""
    head, *lines = ([cell.strip() for cell in line.split("|")] for line in table.strip().splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]
