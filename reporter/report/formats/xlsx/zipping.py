"""Zip files that are compressed on every processor: a file goes out in blocks, each with the end of the one before.

As pigz does it (https://zlib.net/pigz/): what comes out is one deflate stream as any other, in the same bytes however
many processors there are. zlib lets go of Python's lock while it compresses.
"""

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from reporter import processors

_BLOCK = 1 << 20  # bytes
_WINDOW = 1 << 15  # bytes that deflate looks back


class SideBySideZip(ZipFile):
    """A zip file that is written, with several threads at work."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._threads = ThreadPoolExecutor(
            processors.count()
        )  # before anything fails: Python closes it in any case
        super().__init__(*args, **options)

    def open(self, *args: Any, **options: Any) -> Any:
        stream = super().open(*args, **options)
        if self.compression == ZIP_DEFLATED and getattr(stream, "_compressor", None) is not None:
            stream._compressor = _Deflate(self._threads)  # type: ignore[attr-defined]
        return stream

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._threads.shutdown()


class _Deflate:
    """Stands for one of zlib's own objects that compress a file."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._block, self._before = bytearray(), b""
        self._blocks: deque[Future[bytes]] = deque()

    def compress(self, data: bytes) -> bytes:
        self._block += data
        if len(self._block) < _BLOCK:
            return b""
        self._submit(zlib.Z_SYNC_FLUSH)
        return self._blocks.popleft().result() if len(self._blocks) > 2 * processors.count() else b""

    def flush(self) -> bytes:
        self._submit(zlib.Z_FINISH)
        return b"".join(block.result() for block in self._blocks)

    def _submit(self, end: int) -> None:
        block = bytes(self._block)
        try:
            deflated = self._threads.submit(_deflated, block, self._before, end)
        except RuntimeError:  # the system has no thread left
            deflated = Future()
            deflated.set_result(_deflated(block, self._before, end))
        self._blocks.append(deflated)
        self._block.clear()
        self._before = block[-_WINDOW:]


def _deflated(block: bytes, before: bytes, end: int) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=before)
    return deflate.compress(block) + deflate.flush(end)
