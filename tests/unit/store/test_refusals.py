"""What PostgreSQL and its drivers say, and the setting that decides on it."""

from __future__ import annotations

import pytest

from spaf.store.refusals import explained, is_tls_failure

SEEN = [
    ('FATAL:  password authentication failed for user "sales"', "postgres.password"),
    ("fe_sendauth: no password supplied", "postgres.password"),
    ('FATAL:  role "sales" does not exist', "user sales"),
    ('FATAL:  database "none" does not exist', "no such database"),
    (
        (
            'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "sales", database "d", '
            "no encryption"
        ),
        "sslmode=verify-full",
    ),
    (
        (
            'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "sales", database "d", '
            "SSL encryption"
        ),
        "admits no user sales",
    ),
    ("server does not support SSL, but SSL was required", "sslmode"),
    ("The server does not support SSL.", "sslmode"),
    ("FATAL:  connection requires a valid client certificate", "sslcert and sslkey"),
    ('FATAL:  certificate authentication failed for user "sales"', "not that of user sales"),
    ('private key file "/k" has group or world access', "chmod 600"),
    ("ERROR: permission denied for table sales_summary", "permission denied for table"),
    ("PSQLException: ERROR: permission denied for schema public", "permission denied for schema"),
    ("must be owner of table sales_summary", "must be owner of table"),
    ("SSL error: tlsv1 alert unknown ca", "sslcert"),
]


@pytest.mark.parametrize(("error", "message"), SEEN)
def test_a_refusal_names_the_setting_or_the_right(error: str, message: str) -> None:
    """Of libpq, of the server, of the sink's driver."""
    found = explained(error, "sales")
    assert message in found
    assert "postgres." in found


@pytest.mark.parametrize(
    "error",
    ["Connection refused", "server closed the connection unexpectedly", "deadlock detected"],
)
def test_another_error_is_no_refusal(error: str) -> None:
    """A server that is away or busy."""
    assert explained(error, "sales") == ""
    assert not is_tls_failure(error)


@pytest.mark.parametrize(
    "error",
    [
        "SSL error: certificate verify failed",
        'server certificate for "a" does not match host name "b"',
        'root certificate file "/x" does not exist',
        "could not load private key file",
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed",
        "The hostname b could not be verified by hostnameverifier PgjdbcHostnameVerifier.",
    ],
)
def test_a_failure_of_tls_is_known(error: str) -> None:
    """An attempt then says which file is wrong."""
    assert is_tls_failure(error)
