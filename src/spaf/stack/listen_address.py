"""Where a service listens, and the name under which others reach it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Self

from spaf.errors import ServiceError
from spaf.settings import ServiceSettings
from spaf.stack.ports import LOOPBACK
from spaf.stack.server_tls import ServerTls


@dataclass(frozen=True)
class ListenAddress:
    """The address of one service; by default loopback, as every service of `spaf up` has it."""

    bind: str = LOOPBACK
    # Name or IP address for clients on other hosts.
    host: str = LOOPBACK
    # Its certificate; None for a service that does not speak TLS.
    tls: ServerTls | None = None

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self:
        """Return the address that the settings describe.

        Raises:
            SettingsError: a file of the certificate cannot be read, or it is not for the host.

        """
        alone = ipaddress.ip_address(settings.bind).is_loopback
        host = settings.host or (settings.bind if alone else socket.gethostname())
        return cls(settings.bind, host, ServerTls.of(settings, host))

    @property
    def local(self) -> str:
        """The IP address at which this host itself reaches the service."""
        address = ipaddress.ip_address(self.bind)
        if not address.is_unspecified:
            return self.bind
        return LOOPBACK if address.version == 4 else "::1"  # noqa: PLR2004 - of the protocol

    @property
    def beyond_loopback(self) -> bool:
        """Whether other hosts may reach the service."""
        return not ipaddress.ip_address(self.bind).is_loopback

    def at(self, port: int) -> str:
        """Return host and port for clients."""
        return joined(self.host, port)

    def locally_at(self, port: int) -> str:
        """Return address and port for a client on this host."""
        return joined(self.local, port)

    def bound_at(self, port: int) -> str:
        """Return address and port in the form of a server's listen option."""
        return joined(self.bind, port)

    def require_free(self, service: str, port: int, setting: str) -> None:
        """Check that the service can listen at a port.

        Raises:
            ServiceError: another program does, or this host has no such address.

        """
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        with socket.socket(family) as probe:
            # Servers set this option too: a port in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, port))
            except OSError as error:
                raise ServiceError(
                    service,
                    f"it cannot listen at {self.bound_at(port)}: {error.strerror}.",
                    todo=f"End the program that does, or choose another port with {setting}, or "
                    "another address with SPAF_SERVICE__BIND.",
                ) from None


def joined(host: str, port: int) -> str:
    """Return host and port; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
