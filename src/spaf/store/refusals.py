"""Why PostgreSQL refuses a connection or a statement, and which setting decides on it."""

from __future__ import annotations

import re

# What libpq, the server or pgjdbc says, and what it means for the settings; the first that fits.
REFUSALS = (
    (
        r"has group or world access|Permissions should be",
        "the key file in sslkey of postgres.dsn must be readable by its owner only (`chmod 600`)",
    ),
    (
        r"server does not support SSL|does not support SSL",
        "it has no TLS; correct sslmode in postgres.dsn",
    ),
    (
        r"no pg_hba\.conf entry.*no encryption|SSL (off|required)|requires? SSL|sslmode=require",
        "it requires TLS; set sslmode=verify-full in postgres.dsn",
    ),
    (
        r"no pg_hba\.conf entry",
        "it admits no user {user} from this machine to the database of postgres.dsn",
    ),
    (
        r"certificate authentication failed",
        "the certificate in sslcert of postgres.dsn is not that of user {user}",
    ),
    (
        r"requires a valid client certificate|alert certificate required|certificate_required",
        "it requires a client certificate; set sslcert and sslkey in postgres.dsn",
    ),
    (
        r"alert (unknown ca|bad certificate|certificate (unknown|expired|revoked))",
        "it refuses the client certificate in sslcert of postgres.dsn",
    ),
    (
        (
            r"password authentication failed|no password supplied|no password was provided"
            r"|role \S+ does not exist|pam authentication failed"
        ),
        "it refuses the user {user} or the password; correct postgres.dsn or postgres.password",
    ),
    (
        r"database \S+ does not exist",
        "it has no such database; correct postgres.dsn",
    ),
    (
        r"permission denied for (\w+ \S+)|permission denied",
        "its user {user}, of postgres.dsn, lacks a right ({match}); grant it, or name another user",
    ),
    (
        r"must be owner of (\w+ \S+)",
        "its user {user}, of postgres.dsn, lacks a right ({match}); grant it, or name another user",
    ),
)
TLS_FAILURE = (
    r"certificate verify failed|server certificate|root certificate|could not (load|open|read)"
    r"|SSL error|SSLHandshake|PKIX|does not match host|hostname .* could not be verified"
)


def explained(error: str, user: str) -> str:
    """Return why PostgreSQL refuses `user`; empty if the error is of another kind."""
    for pattern, sentence in REFUSALS:
        match = re.search(pattern, error, re.IGNORECASE)
        if match:
            return sentence.format(user=user, match=match[0])
    return ""


def is_tls_failure(error: str) -> bool:
    """Return whether the error may be one of certificates, so that an attempt says more."""
    return re.search(TLS_FAILURE, error, re.IGNORECASE) is not None
