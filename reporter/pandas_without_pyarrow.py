"""pandas as it is where pyarrow is not installed, for what hands no table to pyarrow.

pandas loads pyarrow by itself for its texts, where it is there: a sixth of the start of a small report, and 70 MB. Both
ways are pandas' own (https://pandas.pydata.org/docs/getting_started/install.html#optional-dependencies), and
a report is the same by both.
"""

import sys
from contextlib import suppress


def load() -> None:
    """Load pandas without pyarrow, unless either is there already. To whoever asks for it later, pyarrow is there."""
    if "pandas" in sys.modules or "pyarrow" in sys.modules:
        return
    sys.modules["pyarrow"] = None  # type: ignore[assignment] # importing it is an ImportError then
    try:
        with suppress(ImportError):  # a pandas that takes it for required gets it when it is next asked for
            import pandas  # noqa: F401
    finally:
        del sys.modules["pyarrow"]
