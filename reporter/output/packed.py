"""Files that are packed by gzip."""

import errno
import gzip
import io

#: What a packed file may unpack to, in bytes: a kilobyte can be made of a megabyte, and a megabyte of a gigabyte.
MAX_UNPACKED = 256 * 2**20

_CHUNK = 16 * 2**10  # bytes: gzip makes room for as many as it is asked for, whatever there are


def unpack(key: str, content: bytes) -> bytes:
    """The content of a file, unpacked where its name ends in .gz. Raises OSError where that is too much, or
    what gzip does for what is none."""
    if not key.endswith(".gz"):
        return content
    chunks: list[bytes] = []
    left = MAX_UNPACKED
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        while left >= 0 and (chunk := file.read(_CHUNK)):
            chunks.append(chunk)
            left -= len(chunk)
    if left < 0:
        raise OSError(errno.EFBIG, f"unpacks to more than {MAX_UNPACKED // 2**20} MB, which is the limit")
    return b"".join(chunks)
