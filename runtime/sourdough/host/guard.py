"""Whether this process is a host: there nobody starts another server, or hosts would start hosts.

A host imports the user's modules. One of them may be the script that starts the server.
"""

from __future__ import annotations

from sourdough.errors import StartError

_here = {"host": False}


def enter_host() -> None:
    """This process is a host from now on; called before any of the user's code is imported."""
    _here["host"] = True


def refuse_in_host(what: str) -> None:
    """Raise StartError in a host; `what` is the call that would start a server."""
    if _here["host"]:
        raise StartError(
            f"{what} was reached inside of a host, which imports this module for its classes",
            hint='start it under `if __name__ == "__main__":`; objects reach others by self.env',
        )
