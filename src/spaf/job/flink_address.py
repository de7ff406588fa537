"""Where Flink's REST API is, and the certificates for it: for SPAF's client and for Flink's own."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from spaf.files import SECRET_MODE, write_atomically
from spaf.settings import FlinkSettings, secret
from spaf.tls import TlsFiles, TlsNames, key_store, trust_store

LOOPBACK = "127.0.0.1"
REST_STORE = "security.ssl.rest."
# Of the store that every Java brings; it holds no secret.
JAVA_STORE_PASSWORD = "changeit"  # noqa: S105
CIPHERS = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
)
DEFAULT_PORTS = {"http": 80, "https": 443}


class FlinkAddress(str):
    """Address of Flink's REST API, as text, with the certificates that its clients need.

    A cluster of several JobManagers has several, with commas between; `each` has them one by one.
    """

    __slots__ = ("tls",)
    tls: TlsFiles

    def __new__(cls, url: str, tls: TlsFiles | None = None) -> Self:
        """Return the address; without files the authorities of the system are trusted."""
        urls = (part.strip().rstrip("/") for part in url.split(","))
        address = super().__new__(cls, ",".join(urls))
        address.tls = tls or TlsFiles(names=TlsNames.of("flink", "rest_url"))
        return address

    @classmethod
    def of(cls, url: str, settings: FlinkSettings) -> Self:
        """Return the address with the certificates of the settings.

        Raises:
            SettingsError: a file of the settings cannot be read.

        """
        tls = TlsFiles(
            settings.ca_file,
            settings.cert_file,
            settings.key_file,
            secret(settings, "key_password"),
            TlsNames.of("flink", "rest_url"),
        )
        tls.check()
        return cls(url, tls)

    @classmethod
    def plain(cls, url: str) -> Self:
        """Return an address as it is, or that of a text."""
        return url if isinstance(url, cls) else cls(url)

    @property
    def each(self) -> list[Self]:
        """The address of each JobManager."""
        return [type(self)(url, self.tls) for url in self.split(",")]

    @property
    def host(self) -> str:
        """Its name or IP address, if it is that of one JobManager."""
        return urlsplit(self).hostname or LOOPBACK

    @property
    def port(self) -> int:
        """Its port, if it is that of one JobManager."""
        parts = urlsplit(self)
        return parts.port or DEFAULT_PORTS[parts.scheme]

    @property
    def encrypted(self) -> bool:
        """Whether the connections use TLS."""
        return self.startswith("https:")

    def client_options(self, folder: Path, system_store: Path) -> dict[str, str]:
        """Return Flink's options for a Java client; its certificates are written into a folder.

        Args:
            folder: is private.
            system_store: Java's own store of authorities; Flink's client requires one.

        Raises:
            SettingsError: a file of the settings cannot be read.

        """
        path = urlsplit(self).path
        options = {"rest.path": path} if path else {}
        if not self.encrypted:
            return options
        options |= {
            "security.ssl.rest.enabled": "true",
            "security.ssl.verify-hostname": "true",
            # By default Flink speaks TLS 1.2 only, and not with certificates of elliptic curves.
            "security.ssl.protocol": "TLSv1.3,TLSv1.2",
            "security.ssl.algorithms": ",".join(CIPHERS),
        }
        authorities, password = self.tls.ca_certificates(), secrets.token_urlsafe()
        store = system_store
        if authorities:
            store = folder / "flink-authorities.p12"
            write_atomically(store, trust_store(authorities, password), mode=SECRET_MODE)
        options |= {
            f"{REST_STORE}truststore": str(store),
            f"{REST_STORE}truststore-password": password if authorities else JAVA_STORE_PASSWORD,
        }
        key = self.tls.private_key()
        if key is not None:
            store = folder / "flink-client.p12"
            write_atomically(store, key_store(key, self.tls.chain(), password), mode=SECRET_MODE)
            options |= {
                f"{REST_STORE}authentication-enabled": "true",
                f"{REST_STORE}keystore": str(store),
                f"{REST_STORE}keystore-password": password,
                f"{REST_STORE}key-password": password,
            }
        return options

    def refusal(self) -> str:
        """Return why certificates are refused, from an attempt; an empty text if they are not."""
        return self.tls.refusal(self.host, self.port) if self.encrypted else ""
