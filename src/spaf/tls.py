"""Certificates and keys of the connections to a server, checked, and in the form of each client.

librdkafka, libpq and Python read PEM files. Java wants PKCS #8 keys and stores of its own. Every
message names the setting that names the file.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from spaf import clock
from spaf.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12PrivateKeyTypes
    from cryptography.x509 import Certificate

# A server in the same network, or in the nearest region of a cloud. Seconds.
CONNECT_TIMEOUT_S = 3.0
# A server that refuses a client's certificate says so only after the handshake of TLS 1.3. Seconds.
ALERT_TIMEOUT_S = 0.5
PKCS12_TODO = "A PKCS #12 file becomes PEM by `openssl pkcs12 -in FILE.p12 -out FILE.pem`."
# Where the distributions of Linux keep the authorities that they trust.
SYSTEM_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

# OpenSSL's codes of a certificate that is refused.
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64


def no_authorities() -> ssl.SSLContext:
    """Return the context of a client whose addresses are not encrypted: it trusts no authority.

    The default of httpx reads all authorities: 15 to 35 ms of processor time and 1 MiB a client.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class TlsNames(NamedTuple):
    """What messages call the settings of the files."""

    ca: str = "ca_file"
    cert: str = "cert_file"
    key: str = "key_file"
    key_password: str = "key_password"  # noqa: S105 - a name
    address: str = "the address"

    @classmethod
    def of(cls, section: str, address: str) -> TlsNames:
        """Return the names of the settings in a section."""
        names = (f"{section}.{name}" for name in (*TlsNames()[:4], address))
        return cls(*names)


DEFAULT_NAMES = TlsNames()


@dataclass(frozen=True)
class TlsFiles:
    """The files of the connections to one server."""

    # Authorities to trust; None for those of the system.
    ca: Path | None = None
    # Certificate of the client with its chain, and its key.
    cert: Path | None = None
    key: Path | None = None
    key_password: str = field(default="", repr=False)
    names: TlsNames = DEFAULT_NAMES

    def check(self) -> None:
        """Read all files.

        Raises:
            SettingsError: a file cannot be read, is not what it should be, has expired, or does not
                fit the others.

        """
        self.ca_certificates()
        chain, key = self.chain(), self.private_key()
        if (self.cert is None) is not (self.key is None):
            given, missing = self.names.cert, self.names.key
            if self.cert is None:
                given, missing = missing, given
            raise SettingsError(f"{given} is set, but {missing} is not.", todo="Set both or none.")
        if key is not None and chain and key.public_key() != chain[0].public_key():
            raise SettingsError(
                f"{self.names.key} = {self.key}: it is not the key of the certificate in "
                f"{self.names.cert}.",
                todo="Name the key that belongs to the certificate.",
            )

    def ca_certificates(self) -> list[Certificate]:
        """Return the authorities to trust; none for those of the system.

        Raises:
            SettingsError: as for `check`.

        """
        return _certificates(self.names.ca, self.ca)

    def chain(self) -> list[Certificate]:
        """Return the certificate of the client and its chain; an empty list without one.

        Raises:
            SettingsError: as for `check`.

        """
        return _certificates(self.names.cert, self.cert)

    def private_key(self) -> PrivateKeyTypes | None:
        """Return the key of the client's certificate; None without one.

        Raises:
            SettingsError: as for `check`.

        """
        if self.key is None:
            return None
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - slow
            load_pem_private_key,
        )

        data = _content(self.names.key, self.key)
        if b"PRIVATE KEY-----" not in data:
            raise SettingsError(
                f"{self.names.key} = {self.key}: it holds no private key in PEM form.",
                todo=PKCS12_TODO,
            )
        try:
            return load_pem_private_key(data, self.key_password.encode() or None)
        except (TypeError, ValueError):
            encrypted = b"ENCRYPTED" in data
            if not encrypted and self.key_password:
                # A password for a key that needs none does no harm.
                return load_pem_private_key(data, None)
            what = (
                f"the password in {self.names.key_password} does not open it"
                if self.key_password
                else f"it is encrypted, and {self.names.key_password} is not set"
            )
            raise SettingsError(
                f"{self.names.key} = {self.key}: {what if encrypted else 'the key is damaged'}.",
                todo=f"Correct {self.names.key_password}." if encrypted else "Name another file.",
            ) from None

    def context(self) -> ssl.SSLContext:
        """Return the context of a Python client, which checks certificate and host name.

        Raises:
            SettingsError: as for `check`.

        """
        self.check()
        file = self.ca or system_ca_file()
        context = ssl.create_default_context(cafile=None if file is None else str(file))
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key, self.key_password or None)
        return context

    def refusal(self, host: str, port: int, preface: bytes = b"") -> str:
        """Try to connect, and return why certificates are refused; an empty text if they are not.

        Args:
            host: of the server, as the settings name it.
            port: of the server.
            preface: asks a server that begins without TLS for it; it answers with `S`.

        """
        try:
            with socket.create_connection((host, port), CONNECT_TIMEOUT_S) as plain:
                if preface:
                    plain.sendall(preface)
                    if plain.recv(1) != b"S":
                        return f"{host}:{port} does not offer TLS"
                with self.context().wrap_socket(plain, server_hostname=host) as secured:
                    secured.settimeout(ALERT_TIMEOUT_S)
                    secured.recv(1)
        except ssl.SSLCertVerificationError as error:
            return self._untrusted(host, port, error)
        except ssl.SSLError as error:
            return self._refused(host, port, str(error.reason))
        except OSError:
            return ""
        return ""

    def _untrusted(self, host: str, port: int, error: ssl.SSLCertVerificationError) -> str:
        certificate = f"the certificate of {host}:{port}"
        if error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
            return f"{certificate} is not for {host}; use a name of it in {self.names.address}"
        if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
            return f"{certificate} has expired or is not valid yet; its operator must renew it"
        known = self.names.ca if self.ca is None else f"{self.names.ca} = {self.ca}"
        return f"{certificate} is from an authority that is not trusted; correct {known}"

    def _refused(self, host: str, port: int, reason: str) -> str:
        if "VERSION_NUMBER" in reason or "PROTOCOL" in reason:
            return f"{host}:{port} does not speak TLS; correct {self.names.address}"
        if "ALERT" not in reason:
            return ""
        files = f"{self.names.cert} and {self.names.key}"
        if self.cert is None:
            return f"{host}:{port} requires a client certificate; set {files}"
        return f"{host}:{port} refuses the client certificate in {files}"


def speaks_tls(host: str, port: int) -> bool:
    """Return whether a server answers in TLS, whatever its certificate is."""
    try:
        with (
            socket.create_connection((host, port), CONNECT_TIMEOUT_S) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return True
    except OSError:
        return False


def host_names(certificate: Certificate) -> list[str]:
    """Return the host names and IP addresses that a certificate is for."""
    from cryptography.x509 import (  # noqa: PLC0415 - slow
        DNSName,
        ExtensionNotFound,
        IPAddress,
        SubjectAlternativeName,
    )

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return []
    addresses = map(str, names.get_values_for_type(IPAddress))
    return [*names.get_values_for_type(DNSName), *addresses]


def certificates_pem(certificates: list[Certificate]) -> str:
    """Return certificates as one text in PEM form."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - slow

    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates).decode()


def key_bytes(key: PrivateKeyTypes, form: Literal["PEM", "DER"]) -> bytes:
    """Return a key in PKCS #8, as `PEM` or `DER`, without a password: all that Java reads."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - slow
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(getattr(Encoding, form), PrivateFormat.PKCS8, NoEncryption())


def key_store(key: PrivateKeyTypes, chain: list[Certificate], password: str) -> bytes:
    """Return a PKCS #12 store of a key and its certificates, for Java."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - slow
        BestAvailableEncryption,
        pkcs12,
    )

    encryption = BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(
        b"client", cast("PKCS12PrivateKeyTypes", key), chain[0], chain[1:] or None, encryption
    )


def trust_store(certificates: list[Certificate], password: str) -> bytes:
    """Return a PKCS #12 store of authorities to trust, for Java."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - slow
        BestAvailableEncryption,
        pkcs12,
    )

    named = [
        pkcs12.PKCS12Certificate(certificate, f"ca{number}".encode())
        for number, certificate in enumerate(certificates)
    ]
    return pkcs12.serialize_java_truststore(named, BestAvailableEncryption(password.encode()))


def system_ca_file() -> Path | None:
    """Return the file of the authorities that the system trusts, if there is one."""
    default = ssl.get_default_verify_paths().cafile
    files = [Path(name) for name in (default, *SYSTEM_CA_FILES) if name]
    return next((file for file in files if file.is_file()), None)


def without_secrets(text: str, *secrets: str) -> str:
    """Return a text of another program without the secrets that it may repeat."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "**********")
    return re.sub(
        r"-----BEGIN [^-]*PRIVATE KEY-----.*?(-----END|$)", "**********", text, flags=re.DOTALL
    )


def _certificates(name: str, file: Path | None) -> list[Certificate]:
    if file is None:
        return []
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - slow

    try:
        certificates = load_pem_x509_certificates(_content(name, file))
    except ValueError:
        raise SettingsError(
            f"{name} = {file}: it holds no certificate in PEM form.", todo=PKCS12_TODO
        ) from None
    now_s = clock.now_ms() / 1_000
    ends_s = max(
        certificate.not_valid_after_utc.timestamp()
        for certificate in certificates[:1] or certificates
    )
    if ends_s < now_s:
        day = f"{certificates[0].not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise SettingsError(
            f"{name} = {file}: the certificate expired at {day}.", todo="Name a new one."
        )
    return certificates


def _content(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{name} = {file}: {error.strerror or error}.", todo="Correct the setting."
        ) from None
