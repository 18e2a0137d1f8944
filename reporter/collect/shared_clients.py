"""What the sessions and clients of a process share, of all that botocore makes anew for each of them.

None of it knows credentials, but for an account's own: clients, sessions and signers stay each account's.
Checked against botocore 1.43.
"""

from collections.abc import Callable
from typing import Any

import boto3
import botocore.httpsession
import botocore.session

# The regions of an account are handed out one after the other, so few accounts are under way at once.
_ACCOUNTS_KEPT = 64

_proxies: dict[str, dict[str, str]] = {}


def forget() -> None:
    """Drop what depends on the environment, which is each unit's own."""
    _proxies.clear()


def sharing_trust(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for URLLib3Session._get_ssl_context: one TLS context for all that trust the same certificates.

    Reading them takes longer than all else a connection needs. A session with a client certificate, without
    verification or with proxy settings keeps its own.
    """
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


def sharing_assumed_role(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for c7n.credentials.assumed_session: an account's role is assumed once, and not again for each region.

    What is kept is that account's credentials.
    """
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
        kept = assumed.get(key)  # once: another thread may drop all of them
        if kept is None:
            if len(assumed) >= _ACCOUNTS_KEPT:
                assumed.clear()
            made = original(role_arn, session_name, session_policy, session, region, external_id)
            assumed[key] = (made._session._credentials, session)  # keeps the caller's, and so its id
            return made
        again = botocore.session.get_session()
        again._credentials = kept[0]
        again.set_config_variable("region", region or again.get_config_variable("region") or "us-east-1")
        return boto3.Session(botocore_session=again)

    return assumed_session


def sharing_service_model(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for ClientCreator._load_service_model: made once a service and loader."""
    made: dict[tuple[int, str, str | None], tuple[Any, Any]] = {}

    def load_service_model(self: Any, service_name: str, api_version: str | None = None) -> Any:
        loader = self._loader
        key = (id(loader), service_name, api_version)
        if key not in made:
            made[key] = (original(self, service_name, api_version), loader)  # keeps the loader, and so its id
        return made[key][0]

    return load_service_model


def sharing_client_class(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for ClientCreator._create_client_class: made once a service's model."""
    made: dict[int, tuple[Any, Any]] = {}

    def create_client_class(self: Any, service_name: str, service_model: Any) -> Any:
        if id(service_model) not in made:
            made[id(service_model)] = (original(self, service_name, service_model), service_model)
        return made[id(service_model)][0]

    return create_client_class


def sharing_endpoint_provider(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for botocore.regions.EndpointProvider: made once a service's rules."""
    made: dict[tuple[int, int], tuple[Any, Any, Any]] = {}

    def endpoint_provider(ruleset_data: Any, partition_data: Any, **options: Any) -> Any:
        key = (id(ruleset_data), id(partition_data))
        if key not in made:
            provider = original(ruleset_data=ruleset_data, partition_data=partition_data, **options)
            made[key] = (provider, ruleset_data, partition_data)
        return made[key][0]

    return endpoint_provider


def sharing_client(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for boto3.session.Session.client: a session gives the same client for the same service and region again.

    c7n keeps one session for an account and region, and asks it for a client at each step; a client costs several
    milliseconds and connections of its own. What a session gave goes with the session.
    """

    def client(self: Any, service_name: str, region_name: str | None = None, **options: Any) -> Any:
        if options:
            return original(self, service_name, region_name, **options)
        given = self.__dict__.setdefault("sg_audit_clients", {})
        key = (service_name, region_name or self.region_name)
        if key not in given:
            given[key] = original(self, service_name, region_name)
        return given[key]

    return client


def remembering_proxies(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands for botocore.endpoint.get_environ_proxies, which goes through all variables of the environment."""

    def get_environ_proxies(url: str) -> dict[str, str]:
        proxies = _proxies.get(url)
        if proxies is None:
            proxies = _proxies[url] = original(url)
        return dict(proxies)

    return get_environ_proxies
