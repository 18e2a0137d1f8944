"""pandas as it is where pyarrow is not installed, for what hands no table to pyarrow.

pandas loads pyarrow by itself for its texts, where it is there: a sixth of the start of a small report, and 70 MB. Both
ways are pandas' own (https://pandas.pydata.org/docs/getting_started/install.html#optional-dependencies), and
a report is the same by both.
"""

import sys
from contextlib import suppress


def load() -> None:
    """Load pandas without pyarrow, unless either is there already. To whoever asks for it later, pyarrow is there."""
    if not {"pandas", "pyarrow"}.isdisjoint(sys.modules):
        return
    sys.modules["pyarrow"] = None  # type: ignore[assignment] # so that an import finds none (Python reference, 5.3.1)
    try:
        with suppress(
            ImportError
        ):  # of a pandas that takes it for required: it is loaded with it as anybody asks
            import pandas  # noqa: F401
    finally:
        del sys.modules["pyarrow"]
