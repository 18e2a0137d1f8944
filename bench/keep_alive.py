"""A connection of HTTP that stays open: what the canned servers have in common."""

import asyncio
import re
from abc import ABC, abstractmethod


class KeepAlive(asyncio.Protocol, ABC):
    """Takes requests apart, in the order they came, for `respond`."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                if not rest and b"100-continue" in head:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self._buffer = rest[size:]
            self.respond(head, rest[:size])

    @abstractmethod
    def respond(self, head: bytes, body: bytes) -> None:
        """Answer a request; `head` is its first line and its headers."""
