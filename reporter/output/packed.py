"""Files that are packed by gzip."""

import errno
import gzip
import io

#: What a packed file may unpack to, in bytes: a kilobyte can be made of a megabyte, and a megabyte of a gigabyte.
MAX_UNPACKED = 256 * 2**20


def unpack(key: str, content: bytes) -> bytes:
    """The content of a file, unpacked where its name ends in .gz. Raises OSError where that is too much, or
    what gzip does for what is none."""
    if not key.endswith(".gz"):
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        unpacked = file.read(MAX_UNPACKED + 1)
    if len(unpacked) > MAX_UNPACKED:
        raise OSError(errno.EFBIG, f"unpacks to more than {MAX_UNPACKED // 2**20} MB, which is the limit")
    return unpacked
