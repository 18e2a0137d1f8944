"""What the answers of IAM have in AWS and moto leaves out: see `moto_gaps`, which puts it in place.

Each public function below fills one gap and says what AWS does there; GAPS is all of them.
"""

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy, Role

_attach_role_policy = IAMBackend.attach_role_policy
_create_role = IAMBackend.create_role
_put_role_permissions_boundary = IAMBackend.put_role_permissions_boundary


def policy_name(self: ManagedPolicy) -> str:
    """GetAccountAuthorizationDetails tells a policy's name, which moto does not."""
    return str(self.name)


def policy_id(self: ManagedPolicy) -> str:
    """And its id."""
    return str(self.id)


def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
    """AWS's own policies can be attached without more; moto knows none of them, or all, which takes it a second."""
    _know(self, policy_arn)
    _attach_role_policy(self, policy_arn, role_name)


def create_role(self: IAMBackend, *args: Any, **kwargs: Any) -> Role:
    """And they can be a boundary, of which moto tells the ARN alone: AWS has the policy among an account's then."""
    role = _create_role(self, *args, **kwargs)
    _know(self, role.permissions_boundary_arn)
    return role


def put_role_permissions_boundary(self: IAMBackend, role_name: str, permissions_boundary: str) -> None:
    """The same, of a role that is there."""
    _put_role_permissions_boundary(self, role_name, permissions_boundary)
    _know(self, permissions_boundary)


def _know(backend: IAMBackend, arn: str | None) -> None:
    """Have AWS's policy of this ARN among those of the account: AWS lists those of its own that are in use."""
    if not arn or arn in backend.managed_policies:
        return
    owner, _, path = arn.partition(":policy")
    name = path.rpartition("/")[2]
    if owner.endswith("::aws") and name in _of_aws():
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, _of_aws()[name])
        if policy.arn == arn:
            backend.aws_managed_policies.append(policy)
            backend.managed_policies[arn] = policy


@cache
def _of_aws() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return found


GAPS = (
    (ManagedPolicy, "policy_name", property(policy_name)),
    (ManagedPolicy, "policy_id", property(policy_id)),
    (IAMBackend, "attach_role_policy", attach_role_policy),
    (IAMBackend, "create_role", create_role),
    (IAMBackend, "put_role_permissions_boundary", put_role_permissions_boundary),
)
