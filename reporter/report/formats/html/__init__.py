"""A page for a browser: one file that loads nothing from anywhere, to open from a disk or out of a mail."""

from reporter.report.formats.html import bundle
from reporter.report.formats.html.page import SHOWS_GROUPS, write

__all__ = ["SHOWS_GROUPS", "SHOWS_OVERVIEW", "write"]

SHOWS_OVERVIEW = True

bundle.check()
