"""A server of tus: lesson 08's own (in the course's environment), or tuspyserver (in .venv-bench).

Usage: tus_servers.py own|rival FOLDER    prints its port, ends with its standard input
"""

import os
import socket
import sys
import threading

which, folder = sys.argv[1:3]


def leave_with_the_parent() -> None:
    """End when the standard input does."""
    sys.stdin.read()
    os._exit(0)


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=leave_with_the_parent, daemon=True).start()
if which == "own":
    from aiohttp import web
    from uploads import tus_server

    names = tus_server()
    application = web.Application()
    application.add_routes(names["tus_routes"](names["Uploads"](folder, most_bytes=2**30)))
    print(listener.getsockname()[1], flush=True)
    web.run_app(application, sock=listener, access_log=None, print=None)
else:
    import uvicorn
    from fastapi import FastAPI
    from tuspyserver import create_tus_router

    application = FastAPI()
    application.include_router(
        create_tus_router(files_dir=folder, prefix="uploads", max_size=2**30)
    )
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(application, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])
