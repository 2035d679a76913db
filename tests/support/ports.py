"""Free ports that stay free: kept from all others until the process that asked for them ends."""

import socket
import sys
from typing import Final

_KEPT: Final[list[socket.socket]] = []


def free_port() -> int:
    """A port that nobody listens on, and that is given to nobody else, whether it asks for one or only connects.

    A socket that is bound and does not listen keeps it, on Linux: whoever allows addresses to be used again, as servers
    do, may listen there all the same.
    """
    keeping = socket.socket()
    keeping.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeping.bind(("127.0.0.1", 0))
    port: int = keeping.getsockname()[1]
    if sys.platform == "linux":
        _KEPT.append(keeping)
    else:
        keeping.close()
    return port
