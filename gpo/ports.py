"""Ports of this machine: whether one is free, and which one to take."""

import os
import socket
from contextlib import suppress

from gpo.errors import StateError

HOST = "127.0.0.1"
"""The address at which servers that a run starts listen: this machine, and nobody else's."""

_LAST = 65535
_TRIED = 20
_NONE_FREE = "no free port on the loopback interface"


def is_free(port: int) -> bool:
    """Whether a server of this machine could listen on `port`."""
    return _bind(port) is not None


def find_free_port(wanted: int) -> int:
    """The port `wanted` if nobody listens there, else one of the next, else any.

    Raises:
        StateError: there is none.
    """
    for port in _candidates(wanted):
        if (found := _bind(port)) is not None:
            return found
    raise StateError(_NONE_FREE)


def listen_at_free_port(wanted: int, backlog: int) -> socket.socket:
    """A socket that listens at the port `wanted`, else at one of the next, else at any: nobody else gets it.

    Raises:
        StateError: there is none.
    """
    for port in _candidates(wanted):
        with suppress(OSError):
            return socket.create_server((HOST, port), backlog=backlog)
    raise StateError(_NONE_FREE)


def _candidates(wanted: int) -> tuple[int, ...]:
    return (*range(wanted, min(wanted + _TRIED, _LAST)), 0)


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
