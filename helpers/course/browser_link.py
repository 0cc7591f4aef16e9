"""A link from a cell to a server of the lesson, for the learner's own browser.

Plan: lead through the Jupyter server and behind its token (jupyter-server-proxy), so that it
works on Binder too; where no Jupyter server runs, lead straight to the server.

Left out: starting the server.
"""

from __future__ import annotations

import html
import os

from helpers import servers
from helpers.course import notebook


def browser_link(server: servers.Server, path: str = "/") -> None:
    """Show a link that opens a server in a browser tab; with nobody there, one stable line.

    It leads through the Jupyter server and behind its token (jupyter-server-proxy), so it
    works on Binder too; where no Jupyter server runs, it leads straight to the server. A
    ValueError if the path does not begin with a slash.
    """
    if not path.startswith("/"):
        raise ValueError(f"path={path!r}: a path begins with a slash, as in '/tea'")
    what = f"{path} of the server {server.name!r}"
    if not notebook.attended():
        print(f"With somebody at the keyboard, a link stands here. It opens {what}.")
        return
    base, direct = notebook.jupyter_base(), server.url + path
    address = direct if base is None else f"{base}proxy/{server.port}{path}"
    link = f"<a href='{html.escape(address)}' target='_blank' rel='noopener'>Open {what}</a>"
    # On a hub the learner's browser runs elsewhere: its own 127.0.0.1 is another machine.
    near = base is not None and "JUPYTERHUB_SERVICE_PREFIX" not in os.environ
    straight = f" or, in a browser on this machine, type <code>{html.escape(direct)}</code>"
    notebook.show(f"Open {what}: {address}", f"<p>{link}{straight if near else ''}</p>")
