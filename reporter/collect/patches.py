"""What of botocore and c7n-org is touched from outside for a run, and why. See aws.calls for what is for each call.

Checked against botocore 1.43, c7n 0.9.53 and c7n-org 0.6.52. Where something expected is not there, it is left
alone with a warning: the run goes on, only slower, or without what that piece is for.

- `botocore.handlers.BUILTIN_HANDLERS`, the handlers that each new session registers: one more, which counts
  the answers that ask for calling more slowly.
- `botocore.session.create_loader`: one loader for all sessions of the process, so that a service's model is
  parsed once and not for every account and region.
- `botocore.useragent.sanitize_user_agent_string_component`: each call names again what it is made with.
- More of botocore's, and `c7n.credentials.assumed_session`, also as c7n-org imported it: see shared_clients.
- `botocore.hooks` and `botocore.session.Session._register_builtin_handlers`: see handlers.
- `botocore.parsers.BaseXMLResponseParser._handle_structure`: see aws.xml_answers.
- `c7n_org.cli.load_available`: looks for every provider and loads every type of resource there is. A worker
  loads those that its policies are on.
- `c7n_org.cli.environ`: c7n-org names the account in the environment for each policy, and puts all variables back
  afterwards. Here that is those that it set; a worker puts all back after each account and region.
- `c7n_org.utils.reset_session_cache`: c7n-org forgets its session after each call; here that is each policy.
  A worker forgets it before and after each account and region instead.
- `c7n.cache.factory`: what one policy listed, the next ones of the same account and region take from memory.
  c7n's own cache for that never forgets, and the one it writes to disk waits for the disk.
- `c7n.output.LogFile.get_handler`: the lines of custodian-run.log, errors and all, are redacted.
- `c7n.utils.dumps`, also as `c7n.ctx` imported it: the same indented text, without Python's slow encoder.
- `c7n.varfmt.VarFormat.format`: a text without braces, as nearly all of a policy's are, is as it was.
- `c7n.resources.vpc.Entry.process`, the filter `entry` on prefix lists: notes all of a list's entries. Its own way is
  to ask once, which brings the first hundred.
- `c7n.resources.vpc.SGPermission.__call__`, the filters `ingress` and `egress`: rules that are the same in all
  that a filter looks at are judged once, see custodian.rule_cache. What they are judged by is all in the filter.
"""

import json
import logging
import os
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache, partial
from typing import Any

import boto3
import c7n.credentials
import c7n.utils
import c7n_org.utils
import msgspec
from c7n.provider import clouds

from reporter.accounts.expected import DEFAULT_REGIONS
from reporter.aws import answers, calls, xml_answers
from reporter.aws.replacing import add_handler, replace
from reporter.collect import handlers, shared_clients
from reporter.custodian.rule_cache import remembering
from reporter.redaction import redact_lines

_THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

# Each policy has groups of its own, and its filters look at them one after the other.
_GROUPS_KEPT = 250

# Parts of the name that a client goes by: of botocore, Python, this machine.
_TEXTS_KEPT = 500

_throttled = 0
_listings: dict[bytes, bytes] = {}


@cache
def install() -> None:
    """Put all of it in place in this process; a second time changes nothing."""
    calls.install()
    answers.add_reader(_read_by_custodian)
    add_handler("needs-retry", _count_throttle)
    replacements: dict[str, Callable[..., Any]] = {
        "botocore.httpsession:URLLib3Session._get_ssl_context": shared_clients.sharing_trust,
        "botocore.session:create_loader": lru_cache,
        "botocore.client:ClientCreator._load_service_model": shared_clients.sharing_service_model,
        "botocore.client:ClientCreator._create_client_class": shared_clients.sharing_client_class,
        "botocore.regions:EndpointProvider": shared_clients.sharing_endpoint_provider,
        "boto3.session:Session.client": shared_clients.sharing_client,
        "botocore.hooks:EventAliaser._alias_event_name": handlers.remembering_aliases,
        "botocore.hooks:accepts_kwargs": handlers.remembering_signatures,
        "botocore.hooks:NodeList.__copy__": handlers.copying_faster,
        "botocore.hooks:_PrefixTrie": handlers.sharing,
        "botocore.session:Session._register_builtin_handlers": handlers.registering_once,
        "botocore.endpoint:get_environ_proxies": shared_clients.remembering_proxies,
        "botocore.useragent:sanitize_user_agent_string_component": lru_cache(_TEXTS_KEPT),
        "c7n.credentials:assumed_session": shared_clients.sharing_assumed_role,
        "c7n_org.cli:assumed_session": lambda original: getattr(c7n.credentials, "assumed_session", original),
        "c7n_org.cli:environ": _restoring_what_was_set,
        "c7n_org.cli:load_available": lambda original: lambda: None,
        "c7n_org.utils:reset_session_cache": lambda original: lambda: None,
        "c7n.cache:factory": lambda original: _ListingCache,
        "c7n.output:LogFile.get_handler": _redact_log,
        "c7n.utils:dumps": _dumps,
        "c7n.varfmt:VarFormat.format": _format_variables_alone,
        "c7n.ctx:dumps": _dumps,
    }
    for name, wrap in replacements.items():
        replace(name, wrap)
    replace("c7n.resources.vpc:Entry.process", _read_all_entries, ("self", "resources", "event"))
    replace(
        "botocore.parsers:BaseXMLResponseParser._handle_structure",
        xml_answers.reading_faster,
        ("self", "shape", "node"),
    )
    remember = partial(remembering, groups=_GROUPS_KEPT)
    replace("c7n.resources.vpc:SGPermission.__call__", remember, ("self", "resource"))


def load(services: Iterable[str]) -> None:
    """Load what the clients of these services share, before there are threads or processes to do it over."""
    session = boto3.Session("none", "none", region_name=DEFAULT_REGIONS[0])
    for service in services:
        session.client(service)


def forget() -> None:
    """Drop what c7n keeps of one account and region, before and after the next: session and resources."""
    _listings.clear()
    shared_clients.forget()
    c7n.utils.reset_session_cache()


def throttled() -> int:
    """How many answers throttled a call since the process began."""
    return _throttled


class _ListingCache:
    """Custodian's cache, in memory. Pickled, as a policy writes into the resources it is given."""

    def __init__(self, config: Any) -> None:
        pass

    def __enter__(self) -> "_ListingCache":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def load(self) -> bool:
        return True

    def get(self, key: Any) -> Any:
        kept = _listings.get(pickle.dumps(key))
        return None if kept is None else pickle.loads(kept)  # noqa: S301 (this process wrote it)

    def save(self, key: Any, data: Any) -> None:
        _listings[pickle.dumps(key)] = pickle.dumps(data, pickle.HIGHEST_PROTOCOL)

    def size(self) -> int:
        return sum(map(len, _listings.values()))

    def close(self) -> None:
        pass


def _restoring_what_was_set(original: Callable[..., Any]) -> Callable[..., AbstractContextManager[Any]]:
    @contextmanager
    def environ(**variables: str) -> Iterator[Any]:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield os.environ
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            c7n_org.utils.reset_session_cache()

    return environ


def _dumps(original: Callable[..., Any]) -> Callable[..., Any]:
    def dumps(data: Any, fh: Any = None, indent: int = 0) -> Any:
        if fh is not None or not indent:
            return original(data, fh, indent)
        try:
            return msgspec.json.format(json.dumps(data, cls=c7n.utils.JsonEncoder), indent=indent)
        except msgspec.DecodeError:  # NaN is Python's, not JSON's
            return original(data, fh, indent)

    return dumps


def _format_variables_alone(original: Callable[..., Any]) -> Callable[..., Any]:
    def format_text(self: Any, text: Any, /, *values: Any, **variables: Any) -> Any:
        if type(text) is str and "{" not in text and "}" not in text:
            return text
        return original(self, text, *values, **variables)

    return format_text


def _read_all_entries(original: Callable[..., Any]) -> Callable[..., Any]:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html: pages of a hundred.
    def process(self: Any, resources: list[dict[str, Any]], event: Any = None) -> Any:
        client = c7n.utils.local_session(self.manager.session_factory).client("ec2")
        for resource in resources:
            if "c7n:prefix-entries" in resource:
                continue
            entries = resource["c7n:prefix-entries"] = []
            more: dict[str, str] = {"PrefixListId": resource["PrefixListId"]}
            while more:
                page = client.get_managed_prefix_list_entries(**more)
                entries += page.get("Entries", ())
                token = page.get("NextToken")
                more = more | {"NextToken": token} if token else {}
        return original(self, resources, event)  # which asks no more about what is noted

    return process


def _redact_log(original: Callable[..., Any]) -> Callable[..., Any]:
    class RedactingHandler(logging.FileHandler):
        def format(self, record: logging.LogRecord) -> str:
            return redact_lines(super().format(record))

    def get_handler(self: Any) -> logging.Handler:
        return RedactingHandler(self.log_path, encoding="utf-8", errors="replace")

    return get_handler


def _read_by_custodian(service: str, operation: str) -> str | None:
    """The member of an answer that lists a type of resource, as Custodian reads it; types not loaded do not say."""
    for resource in clouds["aws"].resources.values():
        found = resource.resource_type
        if found.service == service:
            enumerated, detailed = (
                getattr(found, "enum_spec", None),
                getattr(found, "batch_detail_spec", None),
            )
            for call, path in ((enumerated or ("",) * 2)[:2], (detailed or ("",) * 4)[::3]):
                if call.replace("_", "") == operation.lower() and path:
                    return re.split(r"\W", path, maxsplit=1)[0]
    return None


def _count_throttle(response: tuple[Any, dict[str, Any]] | None = None, **_: object) -> None:
    global _throttled
    if response is not None and response[1].get("Error", {}).get("Code") in _THROTTLES:
        _throttled += 1
