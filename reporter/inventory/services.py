"""Services, ports and protocols by name: what a port in the report stands for, and what the policies are about."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """What listens on a port. `protocol` is `tcp` or `udp`; `policy` names the one that looks for it."""

    name: str
    protocol: str
    port: int
    policy: str


_SSH, _RDP, _ADMIN = "sg-ssh-world", "sg-rdp-world", "sg-admin-world"
_DATABASE, _WEB, _LISTED = "sg-database-world", "sg-web-world", "sg-listed-world"

#: By port. The names are those that the services go by, and where Security Hub's EC2.19 has one, much like it:
#: https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19
SERVICES = (
    Service("FTP data", "tcp", 20, _ADMIN),
    Service("FTP", "tcp", 21, _ADMIN),
    Service("SSH", "tcp", 22, _SSH),
    Service("Telnet", "tcp", 23, _ADMIN),
    Service("SMTP", "tcp", 25, _LISTED),
    Service("HTTP", "tcp", 80, _WEB),
    Service("POP3", "tcp", 110, _LISTED),
    Service("Windows RPC", "tcp", 135, _ADMIN),
    Service("NetBIOS", "tcp", 139, _ADMIN),
    Service("IMAP", "tcp", 143, _LISTED),
    Service("HTTPS", "tcp", 443, _WEB),
    Service("SMB", "tcp", 445, _ADMIN),
    Service("SQL Server", "tcp", 1433, _DATABASE),
    Service("SQL Server Browser", "udp", 1434, _DATABASE),
    Service("Oracle", "tcp", 1521, _DATABASE),
    Service("Docker", "tcp", 2375, _ADMIN),
    Service("Docker over TLS", "tcp", 2376, _ADMIN),
    Service("etcd", "tcp", 2379, _ADMIN),
    Service("etcd peers", "tcp", 2380, _ADMIN),
    Service("Oracle", "tcp", 2483, _DATABASE),
    Service("Oracle over TLS", "tcp", 2484, _DATABASE),
    Service("Go, Node.js or Ruby development", "tcp", 3000, _LISTED),
    Service("MySQL", "tcp", 3306, _DATABASE),
    Service("RDP", "tcp", 3389, _RDP),
    Service("RDP", "udp", 3389, _RDP),
    Service("AHSP", "tcp", 4333, _LISTED),
    Service("Python development", "tcp", 5000, _LISTED),
    Service("PostgreSQL", "tcp", 5432, _DATABASE),
    Service("Redshift", "tcp", 5439, _DATABASE),
    Service("fcp-addr-srvr1", "tcp", 5500, _LISTED),
    Service("OpenSearch Dashboards or Kibana", "tcp", 5601, _ADMIN),
    Service("VNC", "tcp", 5900, _ADMIN),
    Service("CouchDB", "tcp", 5984, _DATABASE),
    Service("WinRM", "tcp", 5985, _ADMIN),
    Service("WinRM over TLS", "tcp", 5986, _ADMIN),
    Service("Redis", "tcp", 6379, _DATABASE),
    Service("Kubernetes API", "tcp", 6443, _ADMIN),
    Service("Cassandra", "tcp", 7000, _DATABASE),
    Service("Cassandra over TLS", "tcp", 7001, _DATABASE),
    Service("Cassandra JMX", "tcp", 7199, _DATABASE),
    Service("HTTP proxy", "tcp", 8080, _LISTED),
    Service("InfluxDB", "tcp", 8086, _DATABASE),
    Service("HTTP, legacy", "tcp", 8088, _LISTED),
    Service("HTTP, alternative", "tcp", 8888, _LISTED),
    Service("Cassandra CQL", "tcp", 9042, _DATABASE),
    Service("Cassandra Thrift", "tcp", 9160, _DATABASE),
    Service("OpenSearch", "tcp", 9200, _DATABASE),
    Service("OpenSearch nodes", "tcp", 9300, _DATABASE),
    Service("kubelet", "tcp", 10250, _ADMIN),
    Service("Memcached", "tcp", 11211, _DATABASE),
    Service("Memcached", "udp", 11211, _DATABASE),
    Service("MongoDB", "tcp", 27017, _DATABASE),
    Service("MongoDB shards", "tcp", 27018, _DATABASE),
)

#: Protocols that rules name by number: https://www.iana.org/assignments/protocol-numbers
PROTOCOLS = {
    "2": "IGMP",
    "4": "IPv4 in IP",
    "41": "IPv6 in IP",
    "47": "GRE",
    "50": "ESP of IPsec",
    "51": "AH of IPsec",
    "88": "EIGRP",
    "89": "OSPF",
    "103": "PIM",
    "112": "VRRP",
    "115": "L2TP",
    "132": "SCTP",
}

_NAMES = {(service.protocol, service.port): service.name for service in SERVICES}


def service_name(protocol: str, port: int) -> str:
    """What listens on a port of `tcp` or `udp` by custom; an empty text where nothing is known to."""
    return _NAMES.get((protocol, port), "")
