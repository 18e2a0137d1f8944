"""Groups that a service made, and would make again or miss: they are changed where they come from."""

import re
from collections.abc import Iterable

# Tags that begin with aws: are for AWS's services to set, and nobody else:
# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
_BY_TAG = (
    ("aws:cloudformation:", "CloudFormation"),
    ("aws:elasticmapreduce:", "EMR"),
    ("aws:eks:", "EKS"),
    ("aws:autoscaling:", "Auto Scaling"),
    ("aws:", "a service of AWS"),
    ("kubernetes.io/cluster/", "Kubernetes"),
    ("elbv2.k8s.aws/cluster", "the load balancer controller of Kubernetes"),
)
_STARTS = tuple(start for start, _ in _BY_TAG)
# https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html
# https://docs.aws.amazon.com/directoryservice/latest/admin-guide/ms_ad_getting_started_what_gets_created.html
# https://docs.aws.amazon.com/waf/latest/developerguide/security-group-policies.html
# https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
_BY_NAME = (
    (re.compile(r"ElasticMapReduce-.*"), "EMR"),
    (re.compile(r"d-[0-9a-f]+_controllers"), "Directory Service"),
    (re.compile(r"FMManagedSecurityGroup.*"), "Firewall Manager"),
    (re.compile(r"eks-cluster-sg-.*"), "EKS"),
    (re.compile(r"k8s-(elb|traffic)-.*"), "Kubernetes"),
)
_ANY_NAME = re.compile("|".join(pattern.pattern for pattern, _ in _BY_NAME))


def service(name: str, tags: Iterable[str]) -> str:
    """Which service made a group, as its name and its tags (`key=value`) tell; empty where none did."""
    keys = [tag.partition("=")[0] for tag in tags if tag.startswith(_STARTS)]
    for start, made_by in _BY_TAG if keys else ():
        if any(key.startswith(start) for key in keys):
            return made_by
    if not _ANY_NAME.fullmatch(name):  # as of most
        return ""
    return next(made_by for pattern, made_by in _BY_NAME if pattern.fullmatch(name))
