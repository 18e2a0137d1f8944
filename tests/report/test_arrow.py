"""What Arrow makes of a column, whichever type pandas has it in."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from reporter.report import arrow

TEXTS = pa.list_(pa.string())
LARGE = 2**53 + 1  # more than a float holds


@pytest.mark.parametrize(
    ("dtype", "kind", "values", "expected"),
    [
        ("str", pa.string(), ["a", "", None, "é\0"], ["a", "", None, "é\0"]),
        ("category", pa.string(), ["a", "", None, "a"], ["a", "", None, "a"]),
        ("object", pa.string(), ["a", None, ("a", "b"), True, 1.0], ["a", None, "a, b", "True", "1.0"]),
        ("boolean", pa.bool_(), [True, False, None], [True, False, None]),
        ("bool", pa.bool_(), [True, False], [True, False]),
        ("object", pa.bool_(), [True, "", None], [True, None, None]),
        ("Int64", pa.int64(), [0, LARGE, None], [0, LARGE, None]),
        ("int64", pa.int64(), [0, LARGE], [0, LARGE]),
        ("object", pa.int64(), [0, LARGE, ""], [0, LARGE, None]),
        ("float64", pa.float64(), [0.5, None], [0.5, None]),
        ("boolean", pa.string(), [True, None], ["True", None]),
        ("Int64", pa.string(), [1, None], ["1", None]),
        ("object", TEXTS, [("a", "b"), (), "", None], [["a", "b"], [], [], None]),
        ("object", TEXTS, [("a",), pd.NA, None, float("nan")], [["a"], None, None, None]),
        ("str", pa.date32(), ["1970-01-02", "", "unknown"], [1, None, None]),
        ("object", pa.date32(), ["1970-01-02", None, "1970-01-02"], [1, None, 1]),
        ("str", pa.date32(), ["", ""], [None, None]),
        ("object", TEXTS, [("a",), ("a", "b"), ("a",)], [["a"], ["a", "b"], ["a"]]),
    ],
)
def test_a_column_is_of_the_type_that_its_table_has(
    dtype: str, kind: pa.DataType, values: list[Any], expected: list[Any]
) -> None:
    # Cut out of a longer one, as the rows of a table are.
    column = pd.Series([values[0], *values], dtype=dtype).iloc[1:]
    found = arrow.array(column, kind)
    assert found.type == kind
    assert (found.cast(pa.int32()) if kind == pa.date32() else found).to_pylist() == expected
