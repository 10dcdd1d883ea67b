"""Ports of this machine: whether one is free, and which one to take."""

import os
import socket

from gpo.errors import StateError

HOST = "127.0.0.1"
"""The address at which servers that a run starts listen: this machine, and nobody else's."""

_LAST = 65535
_TRIED = 20


def is_free(port: int) -> bool:
    """Whether a server of this machine could listen on `port`."""
    return _bind(port) is not None


def find_free_port(wanted: int) -> int:
    """The port `wanted` if nobody listens there, else one of the next, else any.

    Raises:
        StateError: there is none.
    """
    for port in (*range(wanted, min(wanted + _TRIED, _LAST)), 0):
        if (found := _bind(port)) is not None:
            return found
    raise StateError("no free port on the loopback interface")


def _bind(port: int) -> int | None:
    """The port to which a socket could be bound, for 0 one that the system chose; None when it is taken."""
    with socket.socket() as probe:
        if os.name == "posix":  # Elsewhere the option would let two servers share a port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
