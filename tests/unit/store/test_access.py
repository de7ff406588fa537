"""Who connects to PostgreSQL, as whom, and where."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from spaf.errors import StoreError
from spaf.store.access import Access, Role
from spaf.tls import system_ca_file
from tests.support.secure import Authority

SECRET = "geheim"  # noqa: S105 - it is what must not be shown
PASSWORDS = {str(role): f"{role}-password" for role in Role}


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:p@h:5433/d", ("h", 5433, "d", "u", "p")),
        ("postgres://u:p%40%2F@h/d", ("h", 5432, "d", "u", "p@/")),
        ("host=h port=1 dbname=d user=u password='a b'", ("h", 1, "d", "u", "a b")),
        ("postgresql://h", ("h", 5432, "postgres", "postgres", "")),
        ("postgresql://u@h", ("h", 5432, "u", "u", "")),
        ("", ("127.0.0.1", 5432, "postgres", "postgres", "")),
    ],
)
def test_connection_string_is_read_as_libpq_reads_it(
    dsn: str, expected: tuple[str, int, str, str, str]
) -> None:
    """Both forms, percent-encoding, and libpq's defaults."""
    found = Access.external(dsn, "s")
    parts = (found.host, found.port, found.database, found.user, found.password)
    assert parts == expected
    assert (found.schema, found.passwords) == ("s", {})


@pytest.mark.parametrize(
    "dsn", ["host", "foo=bar", "postgresql://h?x=1", "postgresql://[::1/d", "host='h"]
)
def test_unreadable_connection_string_is_told_with_an_example(dsn: str) -> None:
    """The setting is named and a right one is shown."""
    with pytest.raises(StoreError, match=r"^postgres\.dsn cannot be read: ") as caught:
        Access.external(dsn, "s")
    assert "postgresql://user:password@host" in caught.value.todo


@pytest.mark.parametrize("dsn", ["postgresql://h:many/d", "postgresql://a:1,b:2/d", "host=a,b"])
def test_port_that_is_no_number_is_told(dsn: str) -> None:
    """Libpq takes lists and checks late; a user still gets a message."""
    with pytest.raises(StoreError, match=r"postgres\.dsn"):
        Access.external(dsn, "s")


@pytest.mark.parametrize("dsn", [f"postgres:/u:{SECRET}@h/d", f"postgresql://u:{SECRET}%zz@h/d"])
def test_unreadable_connection_string_is_not_repeated(dsn: str) -> None:
    """A slip in the string does not put its password on the screen."""
    with pytest.raises(StoreError) as caught:
        Access.external(dsn, "s")
    assert SECRET not in str(caught.value)


def test_encryption_that_the_user_asks_for_is_not_dropped() -> None:
    """A password must not travel in the clear when the string says sslmode=require."""
    dsn = "postgresql://h/d?sslmode=verify-full&sslrootcert=/a%20b/ca.pem"
    options = parse_qs(urlsplit(Access.external(dsn, "s").jdbc_url()).query)
    assert options["sslmode"] == ["verify-full"]
    assert options["sslrootcert"] == ["/a b/ca.pem"]


def test_every_option_reaches_the_connections_from_here() -> None:
    """Those of the user's, and in addition what the answers depend on."""
    dsn = "postgresql://u:p@h/d?sslmode=require&connect_timeout=9&options=-cgeqo%3Doff"
    found = Access.external(dsn, "s")._libpq(Role.OWNER)
    assert (found["sslmode"], found["connect_timeout"]) == ("require", "9")
    assert found["options"] == "-cgeqo=off -csearch_path=s -cTimeZone=UTC"
    assert (found["host"], found["port"], found["dbname"]) == ("h", 5432, "d")


@pytest.mark.parametrize("option", ["hostaddr=10.0.0.1", "service=x", "passfile=/p"])
def test_option_that_would_lead_the_sink_elsewhere_is_refused(option: str) -> None:
    """Flink's driver would connect to another server, or without a password."""
    with pytest.raises(StoreError, match=option.partition("=")[0]):
        Access.external(f"host=h {option}", "s")


@pytest.mark.parametrize("host", ["/var/run/postgresql", "@abstract"])
def test_socket_folder_is_refused_for_the_sink(host: str) -> None:
    """Java has no socket files."""
    with pytest.raises(StoreError, match="Flink needs TCP"):
        Access.external(f"host={host}", "s").jdbc_url()


def test_ipv6_host_stands_in_brackets_in_the_jdbc_address() -> None:
    """Otherwise its colons read as the port's."""
    assert "//[::1]:5/d?" in Access.external("postgresql://[::1]:5/d", "s").jdbc_url()


def test_own_database_has_a_password_for_each_role() -> None:
    """Owner, sink and reader are three accounts."""
    access = Access.own("127.0.0.1", 5432, "public", PASSWORDS)
    found = {role: access.credentials(role) for role in Role}
    assert found == {role: (str(role), f"{role}-password") for role in Role}


def test_one_account_of_an_external_database_serves_every_role() -> None:
    """SPAF makes no accounts in a database of the user's."""
    access = Access.external("postgresql://u:p@h/d", "public")
    assert {access.credentials(role) for role in Role} == {("u", "p")}


def test_jdbc_address_holds_schema_and_timeouts_but_no_password() -> None:
    """The sink neither waits for ever nor shows a password in a job's description."""
    url = Access.external(f"postgresql://u:{SECRET}@h:1/a%20b", "my_schema").jdbc_url()
    assert url.startswith("jdbc:postgresql://h:1/a%20b?")
    options = parse_qs(urlsplit(url).query)
    assert options["currentSchema"] == ["my_schema"]
    assert options["reWriteBatchedInserts"] == ["true"]
    assert int(options["connectTimeout"][0]) > 0
    assert int(options["socketTimeout"][0]) > 0
    assert SECRET not in url
    assert "options" not in options


def test_a_sink_whose_counts_may_shrink_says_so() -> None:
    """Otherwise the tables would keep the larger row."""
    url = Access.external("postgresql://u@h:1/d", "s").jdbc_url(counts_may_shrink=True)
    assert parse_qs(urlsplit(url).query)["options"] == ["-c spaf.counts_may_shrink=on"]


def test_refused_connection_names_address_and_account_but_no_password() -> None:
    """A person can look it up; the password stays where it is."""
    access = Access.external(f"postgresql://u:{SECRET}@127.0.0.1:1/d", "public")
    with pytest.raises(StoreError, match=r"^PostgreSQL at 127\.0\.0\.1:1 refused u: ") as caught:
        access.connect(Role.READ)
    assert SECRET not in str(caught.value)
    assert "spaf status" in caught.value.todo


def test_password_may_be_a_setting_of_its_own() -> None:
    """That of the string counts more."""
    dsn = "postgresql://u:p@h/d"
    assert Access.external(dsn.replace(":p@", "@"), "s", SECRET).credentials(Role.SINK)[1] == SECRET
    assert Access.external(dsn, "s", SECRET).credentials(Role.SINK) == ("u", "p")


@pytest.mark.parametrize(
    "query", ["sslmode=verify-full", "sslrootcert=system", "sslmode=verify-full&sslrootcert=system"]
)
def test_authorities_of_the_system_serve_both_drivers(query: str) -> None:
    """Libpq gets their file, because its OpenSSL has none; Java has its own."""
    access = Access.external(f"postgresql://u:p@h/d?{query}", "s")
    options = parse_qs(urlsplit(access.jdbc_url()).query)
    assert options["sslmode"] == ["verify-full"]
    assert options["sslfactory"] == ["org.postgresql.ssl.DefaultJavaSSLFactory"]
    assert "sslrootcert" not in options
    file = system_ca_file()
    expected = "system" if file is None else str(file)
    assert access._libpq(Role.READ)["sslrootcert"] == expected


def test_options_of_managed_services_reach_the_sink_under_its_names() -> None:
    """Of libpq in the string, of pgjdbc in the address."""
    dsn = "postgresql://h/d?sslmode=require&channel_binding=require&sslnegotiation=direct"
    options = parse_qs(urlsplit(Access.external(dsn, "s").jdbc_url()).query)
    assert options["channelBinding"] == ["require"]
    assert options["sslNegotiation"] == ["direct"]


def test_client_key_is_written_as_the_sink_reads_it(tmp_path: Path) -> None:
    """PKCS #8 in DER, for its owner only; the password of the key is in no address."""
    cert, key = Authority.create(tmp_path).issue("client")
    dsn = f"postgresql://h/d?sslcert={cert}&sslkey={key}&sslpassword={SECRET}"
    access = Access.external(dsn, "s")
    file = tmp_path / "key.pk8"
    access.write_client_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_der_private_key(file.read_bytes(), None)
    options = parse_qs(urlsplit(access.jdbc_url(file)).query)
    assert (options["sslcert"], options["sslkey"]) == ([str(cert)], [str(file)])
    assert SECRET not in access.jdbc_url(file)
    assert parse_qs(urlsplit(access.jdbc_url()).query)["sslkey"] == [str(key)]
