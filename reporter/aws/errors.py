"""What can be wrong with what AWS answers, beyond what botocore tells."""

from botocore.exceptions import BotoCoreError
from botocore.exceptions import ConnectionError as BrokenConnectionError


class UnusableAnswerError(BotoCoreError):  # type: ignore[misc]
    """An answer that says it is good and is not AWS's to that call. Its text quotes nothing of it."""

    fmt = "the answer to {operation} is {what}, and not AWS's"


class RetriedAnswerError(UnusableAnswerError, BrokenConnectionError):  # type: ignore[misc]
    """The same, for botocore to try once more: as a connection's fault it passes for one that may pass."""


RetriedAnswerError.__name__ = UnusableAnswerError.__name__  # which is the code a person reads


class NoAnswerError(BotoCoreError):  # type: ignore[misc]
    """No answer, or not to its end, in as long as one may take."""

    fmt = "AWS did not answer {operation}, asked {times} times: {error}"


class UnitTimeoutError(BotoCoreError):  # type: ignore[misc]
    """The time that an account and region may take is over."""

    fmt = (
        "stopped at {what} after {seconds:g} seconds: no account and region may take longer (--unit-timeout)"
    )


class WrongAccountError(Exception):
    """The credentials, or what they read, belong to another account than the accounts file says."""
