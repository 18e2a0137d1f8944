"""Custodian's filters on resources given to them, where no call to AWS can happen.

A filter that asks for other resources, or makes a call, gets the answer that was given for it; where none was,
the policy cannot be evaluated, and that is said. It is never told that there is nothing.

What of c7n is touched from outside, checked against c7n 0.9.53, while `sealed()` lasts: `c7n.cache.factory`,
through which a resource manager looks for what another policy has listed already; and the `executor_factory` of
filters and of managers, whose threads would hide from here which filter it was; and `__call__` of the filters on
rules, see `rulememory`. Sockets cannot be connected, and
`session_factory`, Custodian's own way in, leads to a session that has no AWS behind it.
"""

import copy
import functools
import logging
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from string import Formatter
from types import FrameType
from typing import Any
from unittest import mock

from c7n import cache, element, manager
from c7n.config import Config
from c7n.executor import MainThreadExecutor
from c7n.filters.core import BaseValueFilter, BooleanGroupFilter, Filter
from c7n.policy import Policy
from c7n.provider import clouds
from c7n.resources import load_resources, vpc
from c7n.utils import reset_session_cache

from reporter import garbage_collection
from reporter.custodian.resource_types import full_type
from reporter.custodian.rule_cache import RuleMemory

Resource = dict[str, Any]

#: What Custodian's filters leave on a resource for actions, and for the reader.
_ANNOTATIONS = ("c7n:", "c7n_", "Matched")


class NotEvaluableError(Exception):
    """A policy cannot be evaluated with what is given: the text says which filter wants what."""


class _Refused(BaseException):
    """Unwinds a filter that asked AWS. No filter that shrugs off exceptions catches it."""


class RecordedAnswers:
    """What stands in for AWS in one account and region.

    `lists` has, by resource type with its provider, a function that makes that type's resources anew;
    `calls` the answers of calls that filters make themselves, as `ec2.describe_vpcs`.
    """

    def __init__(
        self,
        lists: Mapping[str, Callable[[], list[Resource]]],
        calls: Mapping[str, Any] | None = None,
    ) -> None:
        self.lists = lists
        self.calls = calls or {}


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
    if annotates_top_level_only(policy):
        build = functools.cache(build)  # such filters keep nothing from one list to the next

    def evaluate(resources: list[Resource], given: RecordedAnswers) -> list[Resource]:
        for key in ("query", "source"):
            if policy.get(key):
                raise NotEvaluableError(f"`{key}` is for AWS to follow")
        load_resources([kind])
        _state.begin(given, kind)
        try:
            built = build()
            if not built.is_runnable():
                return []
            kept: list[Resource] = built.resource_manager.filter_resources(resources)
        except _Refused:
            kept = []
        except NotEvaluableError:
            raise
        except Exception as error:
            where = _asking_filter(_frames_of(error)) or "a filter"
            detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise NotEvaluableError(f"{where} fails: {' '.join(detail.split())[:200]}") from None
        if _state.refused:
            # Also where a filter caught the refusal and went on: what it then says is no answer.
            raise NotEvaluableError(_state.refused)
        return kept

    return evaluate


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
    """No way out of this process while the block runs, and Custodian's log is silent."""
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
            (socket.socket, "connect", _no_network),
            (socket.socket, "connect_ex", _no_network),
            (socket, "getaddrinfo", _no_network),
            (vpc.SGPermission, "__call__", _remembering(vpc.SGPermission.__call__)),
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

    def refuse(self, what: str) -> _Refused:
        if not self.refused:
            frames = list(_frames(sys._getframe(1)))
            asked = _asked_type(frames, self.kind) or what
            self.refused = f"{_asking_filter(frames) or 'a filter'} asks AWS for {asked}"
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
        raise _state.refuse(service)

    def __getattr__(self, name: str) -> Any:
        raise _state.refuse(f"a session's {name}")


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
            raise _state.refuse(call)
        return lambda *_, **__: copy.deepcopy(_state.given.calls[call])


_state = _State()


def _remembering(judge: Callable[..., Any]) -> Callable[..., Any]:
    memory = RuleMemory(judge)
    return lambda rule_filter, group: memory(rule_filter, group)


def _session(*_: Any, **__: Any) -> _Session:
    return _Session()


def _no_network(*_: Any, **__: Any) -> Any:
    raise _state.refuse("what is on the network")


def _build(policy: Mapping[str, Any], account_id: str, region: str) -> Any:
    config = Config.empty(account_id=account_id, region=region, regions=[region], dryrun=True, cache="")
    data = _unshared(dict(policy))
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


def _unshared(value: Any) -> Any:
    """A copy in which nothing is there twice, as an alias of YAML has it: filters write into what they are given."""
    if isinstance(value, dict):
        return {key: _unshared(each) for key, each in value.items()}
    return [_unshared(each) for each in value] if isinstance(value, list) else value


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


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _frames_of(error: BaseException) -> Sequence[FrameType]:
    """The frames an error came through, the innermost first."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    return frames[::-1]


def _asking_filter(frames: Sequence[FrameType]) -> str:
    """The outermost filter at work in these frames, blocks of filters aside, as a policy would name it."""
    found = [_self(frame) for frame in frames]
    filters = [
        each for each in found if isinstance(each, Filter) and not isinstance(each, BooleanGroupFilter)
    ]
    if not filters:
        return ""
    outermost = filters[-1]
    name = str(outermost.type or type(outermost).__name__)
    key = outermost.data.get("key") if isinstance(outermost, BaseValueFilter) else None
    return f"filter `{name}`" + (f" on `{key}`" if name == "value" and key else "")


def _asked_type(frames: Sequence[FrameType], kind: str) -> str:
    """The resource type whose manager is at work in these frames, unless it is the policy's own."""
    for frame in frames:
        found = _self(frame)
        if isinstance(found, manager.ResourceManager):
            name = str(found.type)
            return "" if full_type(name) == kind else full_type(name)
    return ""


def _self(frame: FrameType) -> Any:
    # The method's own: a comprehension within it has none, and its caller comes next.
    return frame.f_locals.get("self")
