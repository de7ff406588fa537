"""Certificates of the services that SPAF runs for other hosts, in the form of each service.

`service.cert_file`, `service.key_file` and `service.ca_file` are set together. Kafka, and Flink's
REST API, then accept clients with a certificate of that authority only; PostgreSQL, whose accounts
have passwords, accepts all that speak TLS. Brokers, JobManagers and TaskManagers identify each
other by the same files.
"""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from spaf.errors import SettingsError
from spaf.files import SECRET_MODE, write_atomically
from spaf.settings import ServiceSettings, secret
from spaf.stack.process import CWD
from spaf.tls import (
    TlsFiles,
    TlsNames,
    certificates_pem,
    host_names,
    key_bytes,
    key_store,
    trust_store,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

# Names of the files that are written for Java.
SERVICE, AUTHORITIES = "service", "authorities"
# Flink's transports take one version; in this one they share the suites of every kind of key.
FLINK_PROTOCOL = "TLSv1.3"
FLINK_CIPHERS = "TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256"


@dataclass(frozen=True)
class ServerTls:
    """The certificate of a service, its key, and the authority of all services and clients."""

    files: TlsFiles
    cert: Path
    key: PrivateKeyTypes
    chain: list[Certificate]

    @classmethod
    def of(cls, settings: ServiceSettings, host: str) -> Self | None:
        """Return what the settings name; None for a service that does not speak TLS.

        Args:
            settings: name the files.
            host: name or IP address under which other hosts reach the service.

        Raises:
            SettingsError: a file cannot be read, or the certificate is not for the host.

        """
        files = TlsFiles(
            settings.ca_file,
            settings.cert_file,
            settings.key_file,
            secret(settings, "key_password"),
            TlsNames.of("service", "host"),
        )
        files.check()
        key, chain = files.private_key(), files.chain()
        if settings.cert_file is None or key is None:
            return None
        names = host_names(chain[0])
        if not any(_covers(name, host) for name in names):
            raise SettingsError(
                f"service.cert_file = {settings.cert_file}: the certificate is for "
                f"{', '.join(names) or 'no host'}, not for {host}.",
                todo="Name one for this host, or correct SPAF_SERVICE__HOST.",
            )
        return cls(files, settings.cert_file, key, chain)

    def kafka_options(self, folder: Path) -> dict[str, str]:
        """Write what a broker needs into its folder, its working directory; return its options."""
        service, authorities = f"{SERVICE}.pem", f"{AUTHORITIES}.pem"
        pem = key_bytes(self.key, "PEM") + certificates_pem(self.chain).encode()
        write_atomically(folder / service, pem, mode=SECRET_MODE)
        trusted = certificates_pem(self.files.ca_certificates())
        write_atomically(folder / authorities, trusted.encode())
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(CWD / service),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(CWD / authorities),
            "ssl.client.auth": "required",
        }

    def flink_options(self, folder: Path, name: Path) -> dict[str, str]:
        """Write what a JobManager or a TaskManager needs; return its options.

        Args:
            folder: for the stores.
            name: what the process calls this folder.

        """
        password = secrets.token_urlsafe()
        stores = {
            f"{SERVICE}.p12": key_store(self.key, self.chain, password),
            f"{AUTHORITIES}.p12": trust_store(self.files.ca_certificates(), password),
        }
        for file, content in stores.items():
            write_atomically(folder / file, content, mode=SECRET_MODE)
        options = {
            "security.ssl.protocol": FLINK_PROTOCOL,
            "security.ssl.algorithms": FLINK_CIPHERS,
            "security.ssl.rest.authentication-enabled": "true",
        }
        # REST is for clients; internal are RPC, downloads of jars, and the data between tasks.
        for part in ("rest", "internal"):
            options |= {
                f"security.ssl.{part}.enabled": "true",
                f"security.ssl.{part}.keystore": str(name / f"{SERVICE}.p12"),
                f"security.ssl.{part}.keystore-password": password,
                f"security.ssl.{part}.key-password": password,
                f"security.ssl.{part}.truststore": str(name / f"{AUTHORITIES}.p12"),
                f"security.ssl.{part}.truststore-password": password,
            }
        return options

    def server_context(self) -> ssl.SSLContext:
        """Return the context of a server in Python that asks clients for no certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.files.key, self.files.key_password or None)
        return context


def _covers(name: str, host: str) -> bool:
    """Return whether the name of a certificate is that of a host; `*` stands for one label."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()
