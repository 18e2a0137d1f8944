"""Why a run may have to stop before its end."""


class StoppedError(Exception):
    """The run cannot go on, and its text says why. What was finished is kept."""
