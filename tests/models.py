"""What botocore knows of AWS' services: files that take long to parse."""

from functools import cache

from botocore.loaders import JSONFileLoader


def read_once() -> None:
    """Have this process parse each of them once. Each session has a loader of its own, which would do it again."""
    read = cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda self, path: read(path)
