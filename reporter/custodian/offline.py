"""Custodian's filters on resources given to them, where no call to AWS can happen.

A filter that asks for other resources, or makes a call, gets the answer that was given for it; where none was,
the policy cannot be evaluated, and that is said. It is never told that there is nothing.

Policies may be a stranger's. So nothing gets out of the process meanwhile, see `seal`, and no text of an
exception gets out of here, which could hold what the filter has read.

What of c7n is touched from outside, checked against c7n 0.9.53, while `sealed()` lasts: `c7n.cache.factory`,
through which a resource manager looks for what another policy has listed already; the `executor_factory` of
filters and of managers, whose threads would hide from here which filter it was; `__call__` of the filters on
rules, see `rule_cache`; `URIResolver.resolve`, which reads what `value_from` names; and `VarFormat.get_field`,
since `{now.__init__.__globals__[os].environ}` is a variable to Python. `session_factory`, Custodian's own way in,
leads to a session that has no AWS behind it.
"""

import copy
import functools
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from string import Formatter
from typing import Any
from unittest import mock

from c7n import cache, element, manager, resolver, varfmt
from c7n.config import Config
from c7n.executor import MainThreadExecutor
from c7n.policy import Policy
from c7n.provider import clouds
from c7n.resources import load_resources, vpc
from c7n.utils import reset_session_cache

from reporter import garbage_collection
from reporter.custodian import policies, seal
from reporter.custodian.asking import asked_type, asking_filter, frames, frames_of
from reporter.custodian.resource_types import full_type
from reporter.custodian.rule_cache import remembering
from reporter.errors import InputError
from reporter.names import printable

Resource = dict[str, Any]

#: What Custodian's filters leave on a resource for actions, and for the reader.
_ANNOTATIONS = ("c7n:", "c7n_", "Matched")

# What decides what a policy matches. Its actions, mode and words are not even built.
_DECIDING = ("name", "resource", "filters", "conditions", "region", "start", "end", "tz")

# Several policies look at the same groups.
_GROUPS_KEPT = 2_000


class NotEvaluableError(Exception):
    """A policy cannot be evaluated with what is given: the text says which filter wants what."""


class FilterFailedError(NotEvaluableError):
    """A filter raises: the text says which, and the kind of exception."""


class _Refused(BaseException):
    """Unwinds a filter that asked for what is not given. No filter that shrugs off exceptions catches it."""


class RecordedAnswers:
    """What stands in for AWS in one account and region.

    `lists` has, by resource type with its provider, a function that makes that type's resources anew;
    `calls` the answers of calls that filters make themselves, as `ec2.describe_vpcs`; `files` what lies behind
    the URLs of `value_from`.
    """

    def __init__(
        self,
        lists: Mapping[str, Callable[[], list[Resource]]],
        calls: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.lists = lists
        self.calls = calls or {}
        self.files = files or {}


def evaluate(
    policy: Mapping[str, Any],
    resources: list[Resource],
    given: RecordedAnswers,
    account_id: str = "123456789012",
    region: str = "us-east-1",
) -> list[Resource]:
    """What the policy's filters keep of the resources, which are annotated in place.

    Within `sealed()` only. Raises NotEvaluableError where a filter needs what is not given, or fails.
    """
    return evaluator(policy, account_id, region)(resources, given)


def evaluator(
    policy: Mapping[str, Any], account_id: str = "123456789012", region: str = "us-east-1"
) -> Callable[[list[Resource], RecordedAnswers], list[Resource]]:
    """`evaluate` for one policy and many lists of resources."""
    kind = full_type(policy["resource"])
    build: Callable[[], Any] = functools.partial(_build, policy, account_id, region)
    if annotates_top_level_only(policy) and not _takes_values(policy):
        build = functools.cache(build)  # such filters keep nothing from one list to the next

    def evaluate(resources: list[Resource], given: RecordedAnswers) -> list[Resource]:
        for key in ("query", "source"):
            if policy.get(key):
                raise NotEvaluableError(f"`{key}` is for AWS to follow")
        load_resources([kind])
        _state.begin(given, kind)
        try:
            with seal.closed(_state.refuse):
                built = build()
                runs = built.is_runnable()
                kept: list[Resource] = built.resource_manager.filter_resources(resources) if runs else []
        except _Refused:
            kept = []
        except NotEvaluableError:
            raise
        except Exception as error:
            where = asking_filter(frames_of(error)) or "a filter"
            raise FilterFailedError(f"{where} fails: {type(error).__name__}") from None
        if _state.refused:
            # Also where a filter caught the refusal and went on: what it then says is no answer.
            raise NotEvaluableError(_state.refused)
        return kept

    return evaluate


def validate(policy: Mapping[str, Any], where: str) -> None:
    """As `policies.validate`, within `sealed()`: a policy that asks for more than its own text does not validate.

    Raises InputError.
    """
    _state.begin(RecordedAnswers({}), "")
    with suppress(_Refused), seal.closed(_state.refuse):
        policies.validate(dict(policy), where)
    if _state.refused:
        raise InputError(f"{where}: policy {policy['name']}: {_state.refused}")


def unannotated(resource: Mapping[str, Any]) -> Resource:
    """A recorded resource as AWS gave it, without what Custodian's filters wrote on it."""
    return {key: value for key, value in resource.items() if not key.startswith(_ANNOTATIONS)}


def annotates_top_level_only(policy: Mapping[str, Any]) -> bool:
    """Whether the policy's filters are known to write on the surface of a resource alone, not within it."""
    return all(map(_top_level_only, policy.get("filters") or []))


def _top_level_only(each: Any) -> bool:
    if not isinstance(each, Mapping):
        return False
    if len(each) == 1 and "type" not in each:
        ((key, value),) = each.items()
        return all(map(_top_level_only, value)) if key in ("or", "and", "not") else True
    return each.get("type") in ("value", "ingress", "egress")


@contextmanager
def sealed() -> Iterator[None]:
    """Custodian asks here while the block runs, and nowhere else; its log is silent."""
    log = logging.getLogger("custodian")
    level = log.level
    with (
        ExitStack() as patches,
        garbage_collection.paused(),
    ):  # resources come to stay, and are all dropped at once
        for owner, name, value in (
            (cache, "factory", lambda config: _state.cache),
            (element.Element, "executor_factory", MainThreadExecutor),
            (manager.ResourceManager, "executor_factory", MainThreadExecutor),
            (resolver.URIResolver, "resolve", lambda _, uri, headers: _state.file(uri)),
            (varfmt.VarFormat, "get_field", _plain_variable),
            (vpc.SGPermission, "__call__", remembering(vpc.SGPermission.__call__, _GROUPS_KEPT)),
        ):
            patches.enter_context(mock.patch.object(owner, name, value))
        log.setLevel(logging.CRITICAL + 1)
        reset_session_cache()
        try:
            yield
        finally:
            reset_session_cache()
            log.setLevel(level)


class _State:
    """What the evaluation under way is given, and what it was refused first."""

    def __init__(self) -> None:
        self.begin(RecordedAnswers({}), "")

    def begin(self, given: RecordedAnswers, kind: str) -> None:
        self.given = given
        self.kind = kind
        self.refused = ""
        self.cache = _Lists(given)
        reset_session_cache()

    def file(self, url: str) -> str:
        if url not in self.given.files:
            raise self.refuse(printable(url, 100))
        return self.given.files[url]

    def refuse(self, what: str) -> _Refused:
        return self._refuse(f"asks for {what}")

    def refuse_call(self, call: str) -> _Refused:
        return self._refuse(f"asks AWS for {asked_type(frames(sys._getframe(1)), self.kind) or call}")

    def _refuse(self, what: str) -> _Refused:
        if not self.refused:  # what comes after is a consequence
            self.refused = f"{asking_filter(frames(sys._getframe(1))) or 'the policy'} {what}"
        return _Refused(self.refused)


class _Lists(cache.Cache):  # type: ignore[misc]
    """Custodian's cache, which a manager asks before AWS: it holds the given lists."""

    def __init__(self, given: RecordedAnswers) -> None:
        super().__init__(None)
        self._classes: dict[str, str] = {}
        self._given = given
        self._own: dict[str, Any] = {}

    def get(self, key: Any) -> Any:
        if not isinstance(key, dict) or "resource" not in key:
            return self._own.get(repr(key))
        if key.get("source") == "config" or key.get("q"):
            return None
        kind = self._kinds().get(key["resource"])
        if kind is None:
            return None
        if kind not in self._own:
            with seal.lifted():
                self._own[kind] = self._given.lists[kind]()
        return self._own[kind]

    def save(self, key: Any, data: Any) -> None:
        if not isinstance(key, dict) or "resource" not in key:
            self._own[repr(key)] = data

    def _kinds(self) -> Mapping[str, str]:
        """The given types by the name of the class that Custodian has for each."""
        if not self._classes:
            load_resources(list(self._given.lists))
            for kind in self._given.lists:
                provider, _, name = kind.partition(".")
                found = clouds[provider].resources.get(name) if provider in clouds else None
                if found is not None:
                    self._classes[found.__name__] = kind
        return self._classes


class _Session:
    """As much of a boto3 session as filters use."""

    region_name = "us-east-1"
    profile_name = None

    def client(self, service: str, *_: Any, **__: Any) -> "_Client":
        return _Client(service)

    def resource(self, service: str, *_: Any, **__: Any) -> Any:
        raise _state.refuse_call(service)

    def __getattr__(self, name: str) -> Any:
        raise _state.refuse_call(f"a session's {name}")


class _NeverError(Exception):
    """Stands for any exception of a client: it is not raised."""


class _Exceptions:
    def __getattr__(self, name: str) -> type[Exception]:
        return _NeverError


class _Client:
    exceptions = _Exceptions()

    def __init__(self, service: str) -> None:
        self._service = service

    def get_paginator(self, operation: str) -> Any:
        answer = getattr(self, operation)
        pages = mock.NonCallableMock(spec_set=("paginate",))
        pages.paginate = lambda **asked: [answer(**asked)]
        return pages

    def can_paginate(self, operation: str) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        call = f"{self._service}.{name}"
        if name.startswith("__") or call not in _state.given.calls:
            if name.startswith("__"):
                raise AttributeError(name)
            raise _state.refuse_call(call)
        return lambda *_, **__: copy.deepcopy(_state.given.calls[call])


_state = _State()


def _session(*_: Any, **__: Any) -> _Session:
    return _Session()


def _plain_variable(formatter: Any, name: str, given: Sequence[Any], variables: Mapping[str, Any]) -> Any:
    """Stands for Formatter.get_field, and lets no text reach into a variable by attribute or index."""
    variable = re.split(r"[.\[]", name, maxsplit=1)[0]
    if variable != name and variable in variables:
        raise _state.refuse(f"what is within the variable {variable}")
    return formatter.get_value(int(name) if name.isdigit() else name, given, variables), variable


def _build(policy: Mapping[str, Any], account_id: str, region: str) -> Any:
    config = Config.empty(account_id=account_id, region=region, regions=[region], dryrun=True, cache="")
    data = unshared({key: policy[key] for key in _DECIDING if key in policy})
    built = Policy(data, config, session_factory=_session)
    if _has_braces(data):  # else it would be built again for nothing
        variables = built.get_variables()
        missing = sorted(_named(policy.get("filters") or []) - set(variables))
        if missing:
            raise NotEvaluableError(f"the variable {missing[0]} is for the accounts file to give")
        built.expand_variables(variables)
    built.validate()
    built._trim_runtime_filters()  # as in any run that is not a Lambda function's
    return built


def unshared(value: Any) -> Any:
    """A copy in which nothing is there twice, as an alias of YAML has it: filters write into what they are given."""
    if isinstance(value, dict):
        return {key: unshared(each) for key, each in value.items()}
    return [unshared(each) for each in value] if isinstance(value, list) else value


def _takes_values(value: Any) -> bool:
    """Whether a filter in a policy, or in a part of one, takes its values from elsewhere: it keeps them."""
    if isinstance(value, Mapping):
        return "value_from" in value or any(map(_takes_values, value.values()))
    return isinstance(value, list) and any(map(_takes_values, value))


def _has_braces(value: Any) -> bool:
    """Whether a text in a policy, or in a part of one, may be one to fill in."""
    if isinstance(value, dict):
        return any(map(_has_braces, value.values()))
    if isinstance(value, list):
        return any(map(_has_braces, value))
    return isinstance(value, str) and ("{" in value or "}" in value)


def _named(value: Any) -> set[str]:
    """The variables that texts name in braces."""
    if isinstance(value, Mapping):
        return set().union(*map(_named, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return set().union(*map(_named, value))
    if not isinstance(value, str):
        return set()
    try:
        names = [field for _, field, _, _ in Formatter().parse(value) if field]
    except ValueError:
        return set()  # braces of another kind, as in a regular expression
    return {name.partition(".")[0] for name in names if name.isidentifier()}
