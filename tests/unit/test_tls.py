"""Certificates and keys: what is read, what is refused, and in whose words."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from spaf.errors import SettingsError
from spaf.tls import (
    TlsFiles,
    TlsNames,
    certificates_pem,
    key_bytes,
    key_store,
    trust_store,
    without_secrets,
)
from tests.support.secure import Authority

PASSWORD = "geheim"  # noqa: S105 - it opens what the test writes
NAMES = TlsNames.of("kafka", "bootstrap_servers")
PREFACE = b"TLS?"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that no client trusts."""
    return Authority.create(tmp_path_factory.mktemp("stranger"))


KEYS: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
    "RSA": rsa.generate_private_key(65_537, 2_048),
    "EC": ec.generate_private_key(ec.SECP256R1()),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_every_form_of_a_key_becomes_what_java_reads(
    tmp_path: Path, kind: str, form: PrivateFormat, password: str
) -> None:
    """PKCS #1, SEC 1 and PKCS #8, with and without a password."""
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    file = tmp_path / "key"
    file.write_bytes(KEYS[kind].private_bytes(Encoding.PEM, form, encryption))
    key = TlsFiles(key=file, key_password=password).private_key()
    assert key is not None
    pem, der = key_bytes(key, "PEM"), key_bytes(key, "DER")
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    for read in (load_pem_private_key(pem, None), load_der_private_key(der, None)):
        assert read.public_key() == KEYS[kind].public_key()


def test_a_password_for_an_open_key_does_no_harm(authority: Authority) -> None:
    """The setting may be left from another key."""
    _, key = authority.issue("client")
    assert TlsFiles(key=key, key_password=PASSWORD).private_key() is not None


def test_right_files_pass(authority: Authority) -> None:
    """One authority, a certificate with its key, and the stores that Java gets."""
    cert, key = authority.issue("client")
    files = TlsFiles(authority.file, cert, key, names=NAMES)
    files.check()
    assert certificates_pem(files.chain()).count("BEGIN CERTIFICATE") == len(files.chain())
    read = files.private_key()
    assert read is not None
    store = pkcs12.load_pkcs12(key_store(read, files.chain(), PASSWORD), PASSWORD.encode())
    assert store.cert is not None
    assert store.cert.certificate == files.chain()[0]
    trusted = pkcs12.load_pkcs12(trust_store(files.ca_certificates(), PASSWORD), PASSWORD.encode())
    assert [added.certificate for added in trusted.additional_certs] == files.ca_certificates()


Make = Callable[[Authority, Authority, Path], TlsFiles]
WRONG: dict[str, tuple[Make, str]] = {
    "no file": (lambda *_: TlsFiles(Path("/nowhere"), names=NAMES), "kafka.ca_file = /nowhere: No"),
    "a folder": (lambda *_: TlsFiles(Path("/"), names=NAMES), "kafka.ca_file = /: Is a directory"),
    "no certificate": (
        lambda *args: TlsFiles(_file(args[2], b"nonsense"), names=NAMES),
        "kafka.ca_file = .*no certificate in PEM form",
    ),
    "a damaged certificate": (
        lambda a, _, d: TlsFiles(_file(d, a.file.read_bytes().replace(b"M", b"N")), names=NAMES),
        "no certificate in PEM form",
    ),
    "an expired certificate": (
        lambda a, *_: TlsFiles(None, a.issue("old", expired=True)[0], names=NAMES),
        "kafka.cert_file = .*expired at 2020-01-01 00:00 UTC",
    ),
    "no key": (
        lambda a, *_: TlsFiles(None, a.issue("client")[0], names=NAMES),
        "kafka.cert_file is set, but kafka.key_file is not",
    ),
    "no client certificate": (
        lambda a, *_: TlsFiles(None, None, a.issue("client")[1], names=NAMES),
        "kafka.key_file is set, but kafka.cert_file is not",
    ),
    "another key": (
        lambda a, b, _: TlsFiles(None, a.issue("client")[0], b.issue("client")[1], names=NAMES),
        "kafka.key_file = .*not the key of the certificate in kafka.cert_file",
    ),
    "a certificate as the key": (
        lambda a, *_: TlsFiles(None, a.file, a.file, names=NAMES),
        "kafka.key_file = .*no private key in PEM form",
    ),
    "a damaged key": (
        lambda a, _, d: TlsFiles(
            None, None, _file(d, a.issue("c")[1].read_bytes()[:90] + b"\n"), names=NAMES
        ),
        "kafka.key_file = .*the key is damaged",
    ),
    "no password": (
        lambda *args: TlsFiles(None, None, _encrypted(args[2]), names=NAMES),
        "encrypted, and kafka.key_password is not set",
    ),
    "another password": (
        lambda *args: TlsFiles(None, None, _encrypted(args[2]), "another", NAMES),
        "the password in kafka.key_password does not open it",
    ),
}


def _file(folder: Path, content: bytes) -> Path:
    file = folder / "file.pem"
    file.write_bytes(content)
    return file


def _encrypted(folder: Path) -> Path:
    encryption = BestAvailableEncryption(PASSWORD.encode())
    key = KEYS["EC"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return _file(folder, key)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told_with_its_setting(
    authority: Authority, stranger: Authority, tmp_path: Path, case: str
) -> None:
    """Before anything connects."""
    make, message = WRONG[case]
    with pytest.raises(SettingsError, match=message) as caught:
        make(authority, stranger, tmp_path).check()
    assert PASSWORD not in str(caught.value)


@contextlib.contextmanager
def server(
    authority: Authority, *hosts: str, clients: Authority | None = None, expired: bool = False
) -> Iterator[int]:
    """Serve TLS on a port, after the preface if one comes; require certificates of `clients`."""
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=None if clients is None else str(clients.file)
    )
    context.load_cert_chain(*authority.issue("server", *hosts, expired=expired))
    context.verify_mode = ssl.CERT_NONE if clients is None else ssl.CERT_REQUIRED

    def answer(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                with contextlib.suppress(OSError), near:
                    if near.recv(len(PREFACE), socket.MSG_PEEK) == PREFACE:
                        near.recv(len(PREFACE))
                        near.sendall(b"S")
                    with context.wrap_socket(near, server_side=True) as secured:
                        secured.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_server_that_is_trusted_is_not_refused(authority: Authority) -> None:
    """With and without a preface, with and without a client certificate."""
    cert, key = authority.issue("client")
    with server(authority, "127.0.0.1", clients=authority) as port:
        files = TlsFiles(authority.file, cert, key, names=NAMES)
        assert files.refusal("127.0.0.1", port) == ""
        assert files.refusal("127.0.0.1", port, PREFACE) == ""
    assert TlsFiles(authority.file).refusal("127.0.0.1", 1) == "", "a server that is away"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("another authority", "not trusted; correct kafka.ca_file = "),
        ("the authorities of the system", "not trusted; correct kafka.ca_file"),
        ("another name", "not for 127.0.0.1; use a name of it in kafka.bootstrap_servers"),
        ("expired", "has expired or is not valid yet"),
        ("no client certificate", "requires a client certificate; set kafka.cert_file"),
        ("another client certificate", "refuses the client certificate in kafka.cert_file"),
    ],
)
def test_what_tls_refuses_is_told_with_the_setting(
    authority: Authority, stranger: Authority, case: str, message: str
) -> None:
    """By either side, with a real handshake."""
    ca = {"another authority": stranger.file, "the authorities of the system": None}
    host = "other.example" if case == "another name" else "127.0.0.1"
    cert, key = stranger.issue("client") if case == "another client certificate" else (None, None)
    clients = authority if "client" in case else None
    with server(authority, host, clients=clients, expired=case == "expired") as port:
        files = TlsFiles(ca.get(case, authority.file), cert, key, names=NAMES)
        assert message in files.refusal("127.0.0.1", port)


@pytest.mark.parametrize("preface", [b"", PREFACE])
def test_a_server_without_tls_is_told(authority: Authority, preface: bytes) -> None:
    """It answers, but not in TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            near, _ = listener.accept()
            with near:
                near.recv(1_024)
                near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        refusal = TlsFiles(authority.file, names=NAMES).refusal("127.0.0.1", port, preface)
        thread.join()
    assert ("does not offer TLS" if preface else "does not speak TLS") in refusal


def test_secrets_are_cut_from_what_another_program_says() -> None:
    """Passwords that are known, and every private key."""
    message = (
        f"option = {PASSWORD}, key = -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE"
    )
    assert (
        without_secrets(message, PASSWORD, "")
        == "option = **********, key = ********** RSA PRIVATE"
    )
    assert "MIIE" not in without_secrets("-----BEGIN PRIVATE KEY-----\nMIIE")


def test_the_authority_of_these_tests_is_one(authority: Authority) -> None:
    """Otherwise the refusals above would prove nothing."""
    certificate = x509.load_pem_x509_certificate(authority.file.read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.ca
