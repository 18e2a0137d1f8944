"""Two VPCs of the estate, with groups that are open to the world: which of them can anybody out there reach?

The address of each is 203.0.113.N (an Elastic IP), its port 8400 + N. `tests/sandbox/network_answers.py` has the
answers.
"""

from reporter.sandbox.resources import (
    DETACHED,
    EGRESS_ONLY,
    FIREWALL,
    INTERNET,
    NAT,
    WORLD,
    WORLD_V6,
    Cell,
    Group,
    Interface,
    Route,
    Rule,
    Subnet,
    Vpc,
    allow_in,
    allow_out,
    deny_in,
    icmp,
    tcp,
    udp,
)

PUBLIC = (Route(WORLD, INTERNET), Route(WORLD_V6, INTERNET))
PRIVATE = (Route(WORLD, NAT), Route(WORLD_V6, EGRESS_ONLY))
LOWER_HALF, UPPER_HALF = "0.0.0.0/1", "128.0.0.0/1"
ANSWER = allow_out(100, "-1", "", WORLD)

SHOP = Vpc(
    "shop",
    "10.20.0.0/16",
    (
        Subnet("public", "10.20.0.0/24", ipv6=0, routes=PUBLIC),
        Subnet("private", "10.20.1.0/24", ipv6=1, routes=PRIVATE),
        Subnet("ipv6-only", "", ipv6=2, routes=(Route(WORLD_V6, INTERNET),)),
        # Blocks one port of all.
        Subnet(
            "screened",
            "10.20.3.0/24",
            routes=PUBLIC,
            acl=(deny_in(100, "tcp", 8414, WORLD), allow_in(200, "-1", "", WORLD), ANSWER),
        ),
        # Only seems to block: one office cannot come in, all others can, as the closing entry comes too late. Not by
        # IPv6, of which it says nothing.
        Subnet(
            "late-deny",
            "10.20.4.0/24",
            ipv6=4,
            routes=PUBLIC,
            acl=(
                deny_in(50, "tcp", 8416, "198.51.100.0/24"),
                allow_in(100, "tcp", "8000-8999", WORLD),
                deny_in(200, "-1", "", WORLD),
                ANSWER,
            ),
        ),
        # No entry blocks the world, but the two together do.
        Subnet(
            "halved",
            "10.20.5.0/24",
            routes=PUBLIC,
            acl=(
                deny_in(10, "tcp", "", LOWER_HALF),
                deny_in(20, "tcp", "", UPPER_HALF),
                allow_in(100, "-1", "", WORLD),
                ANSWER,
            ),
        ),
        # Lets the question in, and the answer not out: that goes to a port of 1024 and above.
        Subnet(
            "one-way",
            "10.20.6.0/24",
            routes=PUBLIC,
            acl=(allow_in(100, "tcp", 8418, WORLD), allow_out(100, "tcp", 443, WORLD)),
        ),
        # Lets one half of the world in, and answers to the other half out.
        Subnet(
            "askew",
            "10.20.7.0/24",
            routes=PUBLIC,
            acl=(allow_in(100, "-1", "", LOWER_HALF), allow_out(100, "-1", "", UPPER_HALF)),
        ),
        # Lets all in, and out only answers of TCP.
        Subnet(
            "tcp-answers",
            "10.20.8.0/24",
            routes=PUBLIC,
            acl=(allow_in(100, "-1", "", WORLD), allow_out(100, "tcp", "1024-65535", WORLD)),
        ),
    ),
)

LAB = Vpc(
    "lab",
    "10.30.0.0/16",
    (
        Subnet("public", "10.30.0.0/24"),  # by the main table
        Subnet("private", "10.30.1.0/24", routes=(Route(WORLD, NAT),)),
        Subnet("inspected", "10.30.2.0/24", routes=(Route(WORLD, FIREWALL),)),
        Subnet("forgotten", "10.30.3.0/24", routes=(Route(WORLD, DETACHED),)),
        Subnet("sealed", "10.30.4.0/24", sealed=True),
    ),
    main_routes=(Route(WORLD, INTERNET),),
)


def address(number: int) -> str:
    return f"203.0.113.{number}"


def shop(name: str, rules: tuple[Rule, ...], description: str) -> Group:
    return Group(name, rules, description, vpc="shop")


def lab(name: str, rules: tuple[Rule, ...], description: str) -> Group:
    return Group(name, rules, description, vpc="lab")


def front(name: str) -> tuple[Rule, ...]:
    """The rules of a web server that talks to others of its kind."""
    return (tcp(443, WORLD), tcp(8443, f"group:{name}"))


NETWORK = Cell(
    vpcs=(SHOP, LAB),
    prefix_lists={
        "anywhere": ("198.51.100.0/24", WORLD),
        # So long that it does not fit on a page, with the world at its end.
        "partners": (*(f"198.51.100.{number}/32" for number in range(150)), WORLD),
    },
    groups=(
        # Address and route.
        shop("public-web", (tcp(8410, WORLD),), "Public address, public subnet: yes"),
        shop("behind-nat", (tcp(8411, WORLD),), "Public address, but the way back is by NAT: no"),
        shop("no-address", (tcp(8400, WORLD),), "Public subnet, no public address: no"),
        shop("not-attached", (tcp(8401, WORLD),), "On no interface: no"),
        shop("second-address", (tcp(8412, WORLD),), "Public by its second private address: yes"),
        shop("two-interfaces", (tcp(8428, WORLD),), "One interface is behind NAT, one is not: yes"),
        shop("load-balancer", (tcp(8427, WORLD),), "On an interface that AWS made for a balancer: yes"),
        shop("ping", (icmp("8-0", WORLD),), "A protocol without ports: yes"),
        lab(
            "main-table", (tcp(8440, WORLD),), "The subnet has no table of its own, the VPC's leads out: yes"
        ),
        lab("inspected", (tcp(8441, WORLD),), "The way back is through a firewall: who knows"),
        lab("inspected-inside", (tcp(8445, WORLD),), "The same way, but no public address: no"),
        lab("forgotten", (tcp(8442, WORLD),), "Routed to the gateway that the VPC had before: no"),
        lab("sealed", (tcp(8443, WORLD),), "Public access is blocked in this subnet: no"),
        # IPv6.
        shop("ipv6-only", (tcp(8402, WORLD_V6),), "An IPv6 address and no other: yes"),
        shop("egress-only", (tcp(8403, WORLD_V6),), "IPv6 by a gateway for the way out alone: no"),
        shop("wrong-family", (tcp(8413, WORLD_V6),), "Opened to IPv6, public by IPv4: no"),
        # Network ACLs.
        shop("acl-denies", (tcp(8414, WORLD),), "The ACL denies this port: no"),
        shop("acl-passes", (tcp(8415, WORLD),), "The same ACL lets in this port: yes"),
        shop("acl-late-deny", (tcp(8416, WORLD),), "The ACL denies only after it allowed: yes"),
        shop("acl-no-ipv6", (tcp(8404, WORLD_V6),), "The same ACL, by IPv6, of which it says nothing: no"),
        shop("acl-two-halves", (tcp(8417, WORLD),), "The ACL denies all addresses in two entries: no"),
        shop("acl-no-answer", (tcp(8418, WORLD),), "The ACL does not let the answer out: no"),
        shop("acl-askew", (tcp(8419, WORLD),), "The ACL lets nobody's answer out whom it lets in: no"),
        shop("acl-udp", (udp(8420, WORLD),), "The ACL lets out answers of TCP, and this is UDP: no"),
        shop("acl-tcp", (tcp(8421, WORLD),), "The same ACL, and this is TCP: yes"),
        # What is the world, and what is not.
        shop("two-halves", (tcp(22, LOWER_HALF), tcp(22, UPPER_HALF)), "The world in two rules: yes"),
        shop("world-list", (tcp(3389, "prefix-list:anywhere"),), "The world by a prefix list: yes"),
        shop("long-list", (tcp(8424, "prefix-list:partners"),), "The world, on the list's second page: yes"),
        shop(
            "content-network",
            (tcp(8425, "prefix-list:com.amazonaws.global.cloudfront.origin-facing"),),
            "From CloudFront alone, a list of AWS's: no",
        ),
        shop("wide", (tcp(8426, "4.0.0.0/7"),), "From two whole ranges of a provider's: no"),
        # Duplicates, and rules that others cover.
        shop("front-blue", front("front-blue"), "The same rules as front-green, each names itself"),
        shop(
            "front-green",
            (
                tcp(8443, "group:front-green", "among ourselves"),
                Rule("6", "443", WORLD, "customers"),
            ),
            "The same rules as front-blue, in other words",
        ),
        lab("front-lab", front("front-lab"), "The same rules again, but in another VPC"),
        shop(
            "covered",
            (tcp("20-25", "10.0.0.0/8"), tcp(22, "10.1.0.0/16"), udp(22, "10.1.0.0/16")),
            "The second rule is within the first, the third is not",
        ),
    ),
    interfaces=(
        Interface("public-web", ("public-web",), subnet="shop/public", public=address(10)),
        Interface("behind-nat", ("behind-nat",), subnet="shop/private", public=address(11)),
        Interface("no-address", ("no-address",), subnet="shop/public"),
        Interface("second-address", ("second-address",), subnet="shop/public", second_public=address(12)),
        Interface("two-interfaces, inside", ("two-interfaces",), subnet="shop/private", public=address(29)),
        Interface("two-interfaces, outside", ("two-interfaces",), subnet="shop/public", public=address(28)),
        Interface(
            "ELB app/shop/1f2e3d4c5b6a7988", ("load-balancer",), subnet="shop/public", public=address(27)
        ),
        Interface("ping", ("ping",), subnet="shop/public", public=address(30)),
        Interface("main-table", ("main-table",), subnet="lab/public", public=address(40)),
        Interface("inspected", ("inspected",), subnet="lab/inspected", public=address(41)),
        Interface("inspected-inside", ("inspected-inside",), subnet="lab/inspected"),
        Interface("forgotten", ("forgotten",), subnet="lab/forgotten", public=address(42)),
        Interface("sealed", ("sealed",), subnet="lab/sealed", public=address(43)),
        Interface("ipv6-only", ("ipv6-only",), subnet="shop/ipv6-only", ipv6=True),
        Interface("egress-only", ("egress-only",), subnet="shop/private", ipv6=True),
        Interface("wrong-family", ("wrong-family",), subnet="shop/public", public=address(13)),
        Interface("acl-denies", ("acl-denies",), subnet="shop/screened", public=address(14)),
        Interface("acl-passes", ("acl-passes",), subnet="shop/screened", public=address(15)),
        Interface("acl-late-deny", ("acl-late-deny",), subnet="shop/late-deny", public=address(16)),
        Interface("acl-no-ipv6", ("acl-no-ipv6",), subnet="shop/late-deny", ipv6=True),
        Interface("acl-two-halves", ("acl-two-halves",), subnet="shop/halved", public=address(17)),
        Interface("acl-no-answer", ("acl-no-answer",), subnet="shop/one-way", public=address(18)),
        Interface("acl-askew", ("acl-askew",), subnet="shop/askew", public=address(19)),
        Interface("acl-udp", ("acl-udp",), subnet="shop/tcp-answers", public=address(20)),
        Interface("acl-tcp", ("acl-tcp",), subnet="shop/tcp-answers", public=address(21)),
        Interface("two-halves", ("two-halves",), subnet="shop/public", public=address(22)),
        Interface("world-list", ("world-list",), subnet="shop/public", public=address(23)),
        Interface("long-list", ("long-list",), subnet="shop/public", public=address(24)),
        Interface("content-network", ("content-network",), subnet="shop/public", public=address(25)),
        Interface("wide", ("wide",), subnet="shop/public", public=address(26)),
        Interface("front-blue", ("front-blue",), subnet="shop/private"),
        Interface("front-green", ("front-green",), subnet="shop/private", count=2),
        Interface("front-lab", ("front-lab",), subnet="lab/private"),
        Interface("covered", ("covered",), subnet="shop/private"),
    ),
)
