"""A sandbox that misbehaves on purpose: what it does to which calls, as a small YAML file says.

    faults:
    - {what: deny, account: "111111111111", action: AssumeRole}
    - {what: deny, account: "222222222222", region: eu-west-1, service: lambda}
    - {what: throttle, action: Describe*, share: 0.3}
    - {what: drop, times: 5}

`arm` puts faults in place in a server that runs, and takes away those that were there: an estate is built
first, and tests change the faults of one server between them. See `Fault` for all that may be said of one, and
`misbehaving` for how it is done.
"""

import json
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from reporter import yamlfile
from reporter.errors import InputError

if TYPE_CHECKING:
    from reporter.sandbox.calls import Call

# No bucket of S3's may be called so, and moto keeps to /moto-api.
CONTROL_PATH = "/_faults"


class What(StrEnum):
    """What happens to a call."""

    DENY = "deny"  # AWS says no, with the code its service uses for that, or `code`
    THROTTLE = "throttle"  # AWS asks for fewer calls
    ERROR = "error"  # AWS fails: HTTP 500
    DROP = "drop"  # the connection ends without an answer
    CUT = "cut"  # the connection ends in the middle of the answer
    DELAY = "delay"  # nothing for so many `seconds`, then whatever else there is for the call
    HANG = "hang"  # nothing at all, for as long as the caller waits
    TRICKLE = "trickle"  # the answer, and so many `seconds` before each byte of it
    HTML = "html"  # a page of HTML in place of the answer, as of a proxy, with HTTP 200 or `status`
    EMPTY = "empty"  # nothing in place of the answer, with HTTP 200 or `status`
    BODY = "body"  # `body` in place of the answer, with HTTP 200 or `status`
    TOKENS = "tokens"  # a listing's answers name one of `tokens` after the other as that of the next page
    WRONG_ACCOUNT = "wrong-account"  # the answer as though the account were `other`


# What must be said with one kind of fault and no other, and what may be.
_NEEDED = {
    "seconds": (What.DELAY, What.TRICKLE),
    "body": (What.BODY,),
    "tokens": (What.TOKENS,),
    "other": (What.WRONG_ACCOUNT,),
}
_ALLOWED = {"status": (What.HTML, What.EMPTY, What.BODY)}


def _list(of: Sequence[What]) -> str:
    return " and ".join(f"`what: {what}`" for what in of)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault: what happens, to which calls, and how often.

    Region, service and action may have wildcards (`eu-*`); service and action are spelt as in IAM (`ec2`,
    `ListFunctions`). The account of AssumeRole is the role's. Of the calls that match, `times` takes the
    first so many and `share` (0.3) so large a part: the same ones each time, others with another `seed`.
    Without either it takes all.
    """

    what: What
    account: Annotated[str, Meta(pattern=r"^(\*|\d{12})$")] = "*"
    region: str = "*"
    service: str = "*"
    action: str = "*"
    code: Annotated[str, Meta(pattern=r"^[\w.]*$")] = ""
    seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    body: str | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    tokens: Annotated[list[str], Meta(min_length=1)] | None = None
    other: Annotated[str, Meta(pattern=r"^\d{12}$")] | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(gt=0, lt=1)] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, of in _NEEDED.items():
            if (self.what in of) != (getattr(self, name) is not None):
                raise ValueError(f"`{name}` belongs to {_list(of)}, and to nothing else")
        for name, of in _ALLOWED.items():
            if self.what not in of and getattr(self, name) is not None:
                raise ValueError(f"`{name}` goes with {_list(of)}")
        if self.code and self.what not in (What.DENY, What.THROTTLE, What.ERROR):
            raise ValueError(f"`what: {self.what}` gives no answer that could have a `code`")
        if self.times and self.share:
            raise ValueError("`times` or `share`, not both")

    @property
    def text(self) -> str:
        """As in a file, on one line."""
        return ", ".join(f"{key}: {value}" for key, value in msgspec.to_builtins(self).items())

    def matches(self, call: "Call") -> bool:
        """Whether it is meant for such a call."""
        return all(
            fnmatchcase(getattr(call, name), getattr(self, name))
            for name in ("account", "region", "service", "action")
        )

    def strikes(self, call: "Call", earlier: int, earlier_alike: int) -> bool:
        """Whether it happens to a call that matches, after so many that matched, and so many just like it."""
        if self.times:
            return earlier < self.times
        if self.share:
            # Drawn for each kind of call by itself, so that which ones it takes does not depend on the order
            # in which several clients' calls come in.
            lot = zlib.crc32(f"{self.seed} {call} {earlier_alike}".encode()) / 2**32
            return lot < self.share
        return True


class _File(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


def read(path: Path) -> tuple[Fault, ...]:
    """The faults of a file. Raises InputError that names the fault and what is wrong with it."""
    try:
        return tuple(msgspec.convert(yamlfile.load(path), _File).faults)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}{_explain(str(error))}") from None


def _explain(problem: str) -> str:
    text, _, place = problem.partition(" - at `$")
    found = re.match(r"\.faults\[(\d+)\](?:\.(\w+))?", place)
    if not found:
        return f": {text}; it needs one list called faults"
    where = f", fault number {int(found[1]) + 1}"
    if not found[2]:
        return f"{where}: {text}"
    if found[2] in ("account", "other"):
        text = "not an account id: twelve digits in quotes"
    if found[2] == "what":
        text += f"; write one of {', '.join(What)}"
    return f"{where}, key {found[2]}: {text}"


def arm(endpoint: str, faults: Sequence[Fault]) -> None:
    """Have the sandbox at `endpoint` misbehave like this from now on, and no other way; with none, behave."""
    _control(endpoint, "PUT", msgspec.json.encode(faults))


def strikes(endpoint: str) -> list[int]:
    """How often each of the faults in place has happened, in their order."""
    counts: list[int] = json.loads(_control(endpoint, "GET"))
    return counts


def _control(endpoint: str, method: str, content: bytes | None = None) -> bytes:
    request = urllib.request.Request(endpoint + CONTROL_PATH, content, method=method)  # noqa: S310 - our own
    # A proxy that is set for this process would not know the way.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        answered: bytes = answer.read()
    return answered
