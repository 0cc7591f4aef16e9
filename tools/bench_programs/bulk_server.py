"""The server in front of which every relay is measured: a small answer, and a large one.

Usage: bulk_server.py MEGABYTES    prints its port, ends with its standard input
"""

import sys

from aiohttp import web

from helpers.servers import Server, serve


def start(megabytes: int) -> Server:
    """Start the server; /bulk answers with so many megabytes."""

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def bulk(request: web.Request) -> web.StreamResponse:
        block = bytes(2**20)
        response = web.StreamResponse(headers={"Content-Length": str(megabytes * len(block))})
        await response.prepare(request)
        for _ in range(megabytes):
            await response.write(block)
        return response

    return serve("bench", [web.get("/", hello), web.get("/bulk", bulk)])


if __name__ == "__main__":
    print(start(int(sys.argv[1])).port, flush=True)
    input()
