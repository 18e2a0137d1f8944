"""What of botocore and c7n-org is touched from outside for a run, and why. See aws.calls for what is for each call.

Checked against botocore 1.43, c7n 0.9.53 and c7n-org 0.6.52. Where something expected is not there, it is left
alone with a warning: the run goes on, only slower, or without what that piece is for.

- `botocore.handlers.BUILTIN_HANDLERS`, the handlers that each new session registers: one more, which counts
  the answers that ask for calling more slowly.
- `botocore.httpsession.URLLib3Session._get_ssl_context`: one TLS context for all sessions of the process that
  trust the same certificates, which takes longer to read than all else a connection needs, and is done again for
  each. A session with a client certificate, without verification or with proxy settings keeps its own.
- `botocore.session.create_loader`: one loader for all sessions of the process, so that a service's model is
  parsed once and not for every account and region.
- `botocore.client.ClientCreator._load_service_model`, `._create_client_class` and
  `botocore.regions.EndpointProvider`: made once a service for the same reason. None of them knows
  credentials; clients, sessions and signers stay each account's own.
- `boto3.session.Session.client`: a session gives the same client for the same service and region again. c7n
  keeps one session for an account and region, and asks it for a client at each step; a client costs several
  milliseconds and connections of its own. What a session gave goes with the session.
- `botocore.hooks.EventAliaser._alias_event_name` and `botocore.hooks.accepts_kwargs`: answers that depend on
  a name or a function alone are remembered. Each new session and client asks hundreds of times.
- `botocore.hooks.NodeList.__copy__`: the same copy in a third of the time.
- `botocore.hooks._PrefixTrie` and `botocore.session.Session._register_builtin_handlers`: see handlers.
- `botocore.parsers.BaseXMLResponseParser._handle_structure`: see aws.xml_answers.
- `botocore.endpoint.get_environ_proxies` and `botocore.useragent.sanitize_user_agent_string_component`: the same
  answer to the same question. Each client and call asks, and a question of proxies goes through all variables of the
  environment, which stays as it is in a unit.
- `c7n.credentials.assumed_session`, also as c7n-org imported it: an account's role is assumed once, and not
  again for each region, where a worker finds its own way in. What is kept is that account's credentials.
- `c7n_org.cli.load_available`: looks for every provider and loads every type of resource there is. A worker
  loads those that its policies are on.
- `c7n_org.utils.reset_session_cache`: c7n-org forgets its session after each call; here that is each policy.
  A worker forgets it before and after each account and region instead.
- `c7n.cache.factory`: what one policy listed, the next ones of the same account and region take from memory.
  c7n's own cache for that never forgets, and the one it writes to disk waits for the disk.
- `c7n.output.LogFile.get_handler`: the lines of custodian-run.log, errors and all, are redacted.
- `c7n.utils.dumps`, also as `c7n.ctx` imported it: the same indented text, without Python's slow encoder.
- `c7n.resources.vpc.Entry.process`, the filter `entry` on prefix lists: notes all of a list's entries. Its own way is
  to ask once, which brings the first hundred.
- `c7n.resources.vpc.SGPermission.__call__`, the filters `ingress` and `egress`: rules that are the same in all
  that a filter looks at are judged once, see custodian.rule_cache. What they are judged by is all in the filter.
"""

import json
import logging
import pickle
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, partial
from types import FunctionType
from typing import Any

import boto3
import botocore.httpsession
import botocore.session
import botocore.utils
import c7n.credentials
import c7n.utils
import msgspec
from c7n.provider import clouds

from reporter.accounts.expected import DEFAULT_REGIONS
from reporter.aws import answers, calls, xml_answers
from reporter.aws.replacing import add_handler, replace
from reporter.collect import handlers
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

# The regions of an account are handed out one after the other, so few accounts are under way at once.
_ACCOUNTS_KEPT = 64

# Each policy has groups of its own, and its filters look at them one after the other.
_GROUPS_KEPT = 250

# Parts of the name that a client goes by: of botocore, Python, this machine.
_TEXTS_KEPT = 500

_throttled = 0
_listings: dict[bytes, bytes] = {}
_proxies: dict[str, dict[str, str]] = {}


@cache
def install() -> None:
    """Put all of it in place in this process; a second time changes nothing."""
    calls.install()
    answers.add_reader(_read_by_custodian)
    add_handler("needs-retry", _count_throttle)
    replacements: dict[str, Callable[..., Any]] = {
        "botocore.httpsession:URLLib3Session._get_ssl_context": _share_ssl_context,
        "botocore.session:create_loader": lru_cache,
        "botocore.client:ClientCreator._load_service_model": _share_service_model,
        "botocore.client:ClientCreator._create_client_class": _share_client_class,
        "botocore.regions:EndpointProvider": _share_endpoint_provider,
        "boto3.session:Session.client": _share_client,
        "botocore.hooks:EventAliaser._alias_event_name": _cache_event_alias,
        "botocore.hooks:accepts_kwargs": _cache_accepts_kwargs,
        "botocore.hooks:NodeList.__copy__": _fast_copy,
        "botocore.hooks:_PrefixTrie": handlers.sharing,
        "botocore.session:Session._register_builtin_handlers": handlers.registering_once,
        "botocore.endpoint:get_environ_proxies": _cache_proxies,
        "botocore.useragent:sanitize_user_agent_string_component": lru_cache(_TEXTS_KEPT),
        "c7n.credentials:assumed_session": _share_assumed_role,
        "c7n_org.cli:assumed_session": lambda original: getattr(c7n.credentials, "assumed_session", original),
        "c7n_org.cli:load_available": lambda original: lambda: None,
        "c7n_org.utils:reset_session_cache": lambda original: lambda: None,
        "c7n.cache:factory": lambda original: _ListingCache,
        "c7n.output:LogFile.get_handler": _redact_log,
        "c7n.utils:dumps": _dumps,
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
    _proxies.clear()
    c7n.utils.reset_session_cache()


def throttled() -> int:
    """How many answers throttled a call since the process began."""
    return _throttled


def _share_ssl_context(original: Callable[..., Any]) -> Callable[..., Any]:
    made: dict[Any, Any] = {}

    def context_that_trusts(bundle: str, self: Any) -> Any:
        context = original(self)
        load = context.load_verify_locations
        load(bundle)

        def load_verify_locations(cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
            if (cafile, capath, cadata) != (bundle, None, None):
                load(cafile, capath, cadata)

        context.load_verify_locations = load_verify_locations
        return context

    def get_ssl_context(self: Any) -> Any:
        if not self._verify or self._cert_file or self._proxy_config.settings:
            return original(self)
        bundle = botocore.httpsession.get_cert_path(self._verify)
        if bundle not in made:
            try:
                made[bundle] = context_that_trusts(bundle, self)
            except OSError:  # each connection says so, as ever
                return original(self)
        return made[bundle]

    return get_ssl_context


def _cache_event_alias(original: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, str] = {}
    aliases = getattr(botocore.utils, "EVENT_ALIASES", None)

    def alias_event_name(self: Any, event_name: str) -> str:
        if self._event_aliases != aliases:  # not `is`: each session and client has a copy
            return str(original(self, event_name))
        if event_name not in known:
            known[event_name] = original(self, event_name)
        return known[event_name]

    return alias_event_name


def _cache_accepts_kwargs(original: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[FunctionType, bool] = {}

    def accepts_kwargs(func: Any) -> Any:
        function = getattr(func, "__func__", func)
        if not isinstance(function, FunctionType) or "<locals>" in function.__qualname__:
            return original(func)  # one that is made anew each time would be kept for nothing
        if function not in known:
            known[function] = original(func)
        return known[function]

    return accepts_kwargs


def _fast_copy(original: Callable[..., Any]) -> Callable[..., Any]:
    def copy(self: Any) -> Any:
        first, middle, last = self
        return type(self)(first[:], middle[:], last[:])

    return copy


def _cache_proxies(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_environ_proxies(url: str) -> dict[str, str]:
        if url not in _proxies:
            _proxies[url] = original(url)
        return dict(_proxies[url])

    return get_environ_proxies


def _share_assumed_role(original: Callable[..., Any]) -> Callable[..., Any]:
    assumed: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def assumed_session(
        role_arn: str,
        session_name: str,
        session_policy: Any = None,
        session: Any = None,
        region: str | None = None,
        external_id: str | None = None,
    ) -> Any:
        caller = None
        if session is not None:
            # A session that was assumed itself, in a chain of roles, is told by its credentials.
            caller = (
                id(session._session._credentials) if session._session._credentials else session.profile_name
            )
        key = (role_arn, session_name, repr(session_policy), external_id, caller)
        if key not in assumed:
            if len(assumed) >= _ACCOUNTS_KEPT:
                assumed.clear()
            made = original(role_arn, session_name, session_policy, session, region, external_id)
            assumed[key] = (made._session._credentials, session)  # keeps the caller's, and so its id
            return made
        again = botocore.session.get_session()
        again._credentials = assumed[key][0]
        again.set_config_variable("region", region or again.get_config_variable("region") or "us-east-1")
        return boto3.Session(botocore_session=again)

    return assumed_session


def _share_service_model(original: Callable[..., Any]) -> Callable[..., Any]:
    made: dict[tuple[int, str, str | None], tuple[Any, Any]] = {}

    def load_service_model(self: Any, service_name: str, api_version: str | None = None) -> Any:
        loader = self._loader
        key = (id(loader), service_name, api_version)
        if key not in made:
            made[key] = (original(self, service_name, api_version), loader)  # keeps the loader, and so its id
        return made[key][0]

    return load_service_model


def _share_client_class(original: Callable[..., Any]) -> Callable[..., Any]:
    made: dict[int, tuple[Any, Any]] = {}

    def create_client_class(self: Any, service_name: str, service_model: Any) -> Any:
        if id(service_model) not in made:
            made[id(service_model)] = (original(self, service_name, service_model), service_model)
        return made[id(service_model)][0]

    return create_client_class


def _share_endpoint_provider(original: Callable[..., Any]) -> Callable[..., Any]:
    made: dict[tuple[int, int], tuple[Any, Any, Any]] = {}

    def endpoint_provider(ruleset_data: Any, partition_data: Any, **options: Any) -> Any:
        key = (id(ruleset_data), id(partition_data))
        if key not in made:
            provider = original(ruleset_data=ruleset_data, partition_data=partition_data, **options)
            made[key] = (provider, ruleset_data, partition_data)
        return made[key][0]

    return endpoint_provider


def _share_client(original: Callable[..., Any]) -> Callable[..., Any]:
    def client(self: Any, service_name: str, region_name: str | None = None, **options: Any) -> Any:
        if options:
            return original(self, service_name, region_name, **options)
        given = self.__dict__.setdefault("sg_audit_clients", {})
        key = (service_name, region_name or self.region_name)
        if key not in given:
            given[key] = original(self, service_name, region_name)
        return given[key]

    return client


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


def _dumps(original: Callable[..., Any]) -> Callable[..., Any]:
    def dumps(data: Any, fh: Any = None, indent: int = 0) -> Any:
        if fh is not None or not indent:
            return original(data, fh, indent)
        try:
            return msgspec.json.format(json.dumps(data, cls=c7n.utils.JsonEncoder), indent=indent)
        except msgspec.DecodeError:  # NaN is Python's, not JSON's
            return original(data, fh, indent)

    return dumps


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
