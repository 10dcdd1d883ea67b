"""Health check of containers, whether servers answer: `python -m flows.stack.probe http://HOST:PORT/PATH tcp://HOST:PORT`.

Exit code 0 when each does, else 1. Any answer to HTTP below 500 counts. Imports nothing that is not Python's own.
"""

import socket
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

_TIMEOUT_S = 4.0


def answers(url: str) -> bool:
    """Whether something answers at an address."""
    place = urlsplit(url)
    try:
        if place.scheme == "tcp":
            socket.create_connection((place.hostname or "", place.port or 0), timeout=_TIMEOUT_S).close()
            return True
        urllib.request.urlopen(url, timeout=_TIMEOUT_S).close()  # noqa: S310 - our own addresses
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(not all(map(answers, sys.argv[1:])))
