"""What Excel holds.

https://support.microsoft.com/en-us/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
"""

MAX_CELL = 32_767  # UTF-16 units
SURELY_FITS = MAX_CELL // 2  # characters, of two units at the most
MAX_SHEET_NAME = 31
MAX_ROWS = 1_048_575  # below the head
MAX_COLUMNS = 16_384
MAX_LINKS = 65_530  # of a sheet
MAX_HEADER = 255  # characters at the top, or the bottom, of a printed page
MAX_NUMBER = 10**15 - 1  # of more than 15 digits Excel makes the last ones zero: those are written as text


def units(text: str) -> int:
    """The length of a text as Excel counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
