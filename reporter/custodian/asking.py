"""Which filter of Custodian's is at work, and for what it asks, as the frames of a call tell."""

from collections.abc import Sequence
from types import FrameType
from typing import Any

from c7n import manager
from c7n.filters.core import BaseValueFilter, BooleanGroupFilter, Filter

from reporter.custodian.resource_types import full_type


def frames(frame: FrameType | None) -> Sequence[FrameType]:
    """A frame and those that called it, the innermost first."""
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def frames_of(error: BaseException) -> Sequence[FrameType]:
    """The frames an error came through, the innermost first."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    return frames[::-1]


def asking_filter(frames: Sequence[FrameType]) -> str:
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


def asked_type(frames: Sequence[FrameType], kind: str) -> str:
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
