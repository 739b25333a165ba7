"""Where a Ray cluster is said to be, and whether anything answers there."""

from __future__ import annotations

import socket

from mood_sweeps.engine.executors.ray.head_monitor import CONNECT_TIMEOUT_S
from mood_sweeps.errors import InputError

__all__ = ["check_address"]

MOST_PORT = 65535


def check_address(address: str) -> None:
    """Raise InputError if ``address`` is no reachable Ray cluster (takes at most seconds).

    address: ``host:port``, ``ray://host:port``, ``auto`` (one on this machine) or ``local`` (one
    that is yet to be started).
    """
    if address == "local":
        return
    found = _found_here() if address == "auto" else address
    host, _, port = found.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit() or int(port) > MOST_PORT:
        raise InputError(
            f"{address!r} is no Ray address; allowed: host:port, ray://host:port, auto, local"
        )
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"no Ray cluster answers at {address!r}: {reason}") from None


def _found_here() -> str:
    """Return the address of the cluster that ``auto`` means."""
    from ray._private.services import canonicalize_bootstrap_address  # what ray.init asks

    try:
        return canonicalize_bootstrap_address("auto") or ""
    except (ConnectionError, ValueError) as error:
        raise InputError(f"Ray address 'auto': {error}") from None
