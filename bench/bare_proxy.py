"""The least that forwards: asyncio streams, keep-alive on both sides, no policy, no record. The floor of a gateway.

    python bench/bare_proxy.py PORT UPSTREAM_PORT [asyncio|uvloop]

It reads a request by its Content-Length, passes it on as it is, and passes the answer back by Content-Length or chunk
by chunk.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Clients on one side, a pool of connections on the other."""

    def __init__(self, upstream_port: int) -> None:
        self.port = upstream_port
        self.idle: list[Pair] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client's connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(length(head))
                up = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
                up[1].write(head + body)
                await self.answer(up[0], writer)
                self.idle.append(up)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"chunked" not in head.lower():
            writer.write(head + await reader.readexactly(length(head)))
            await writer.drain()
            return
        writer.write(head)
        size = 1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line, 16)
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()


def length(head: bytes) -> int:
    low = head.lower()
    at = low.find(b"content-length:")
    return int(low[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def main(port: int, upstream_port: int) -> None:
    server = await asyncio.start_server(Proxy(upstream_port).serve, "127.0.0.1", port, backlog=2048)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    run = asyncio.run if sys.argv[3:] == ["asyncio"] else uvloop.run
    run(main(int(sys.argv[1]), int(sys.argv[2])))
