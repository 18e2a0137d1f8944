"""xlsxwriter's worksheet, with what it does for others left out."""

from typing import Any

from xlsxwriter.worksheet import Worksheet


class PlainWorksheet(Worksheet):  # type: ignore[misc]
    """Writes formulas as they are. xlsxwriter looks in each for thirty functions that are newer than the format of the
    file, which takes longer than all else about a link; ours have none of them.

    Writes texts as texts. xlsxwriter takes one from `<r>` to `</r>` for one that it has formatted: for markup."""

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        return formula.removeprefix("=")

    def _xml_rich_inline_string(self, string: str, attributes: Any = ()) -> None:
        self._xml_inline_string(string, False, attributes)
