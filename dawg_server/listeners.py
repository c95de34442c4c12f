"""The sockets that a server accepts connections on."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Sequence

from dawg_server.errors import ConfigurationError

MAX_OPEN_FILES = 1_048_576  # as much as Linux allows a process where nobody has said otherwise
BACKLOG = 1024  # connections that wait to be accepted


def raise_open_files() -> None:
    """Lets this process, and those that it starts, have as many connections and files open as the machine allows.

    Shells and platforms often begin with 1,024.
    """
    try:
        import resource
    except ImportError:  # no POSIX
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a bound of its own below the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listening(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Bound, and with a queue for those who connect before the server is ready.

    An address of a family that this machine does not have is left out when there is another one.
    """
    bound: list[socket.socket] = []
    missing: OSError | None = None
    for host in hosts:
        try:
            bound += _bind(host, port)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise ConfigurationError(
                    f"Port {port} cannot be used ({error.strerror}): stop what uses it, or set PORT to another one."
                ) from None
            missing = error
    if not bound:
        raise ConfigurationError(f"HOST cannot be listened on ({missing and missing.strerror}): {hosts[0]}.")
    return bound


def _bind(host: str, port: int) -> list[socket.socket]:
    if host in ("", "::") and socket.has_dualstack_ipv6():
        return [socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)]
    found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)  # noqa: S104
    targets = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return [socket.create_server(address, family=family, backlog=BACKLOG) for family, address in targets]
