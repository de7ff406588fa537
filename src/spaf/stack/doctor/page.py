"""Checks of the live page: the roles that the settings give it, and where it needs some."""

from __future__ import annotations

from collections.abc import Iterator

from spaf.errors import SettingsError
from spaf.serve.web.page_options import RoleOptions
from spaf.settings import Settings
from spaf.stack.doctor.finding import Finding, Subject, ok
from spaf.stack.listen_address import ListenAddress


def require_roles(chosen: Settings) -> None:
    """Check the roles of a page that listens where `service.bind` says.

    Raises:
        SettingsError: other hosts would reach it without any, or a token cannot be used.

    """
    serve, address = chosen.serve, ListenAddress.of(chosen.service)
    if address.beyond_loopback and not (serve.has_roles or serve.without_roles):
        raise SettingsError(
            f"service.bind is {address.bind}, where other hosts reach the page, and it has no "
            "roles: everyone there could control the load.",
            todo="Set SPAF_SERVE__OPERATOR_TOKEN_FILE or SPAF_SERVE__IDENTITY_HEADER, or "
            "SPAF_SERVE__WITHOUT_ROLES=true if only this machine reaches it.",
        )
    _require_tokens(RoleOptions.of(serve))


def _require_tokens(options: RoleOptions | None) -> None:
    if options is not None:
        # Only here: it imports a part of the web server.
        from spaf.serve.web.roles import Roles  # noqa: PLC0415

        Roles(options)


def roles(subject: Subject) -> Iterator[Finding]:
    """Require tokens that can be read and are long enough; report who may do what."""
    options = RoleOptions.of(subject.settings.serve)
    if options is None:
        yield ok("page: no roles; who reaches it controls the load")
        return
    _require_tokens(options)
    files = {"viewers": options.viewer_token_file, "operators": options.operator_token_file}
    ways = [f"{who} by token" for who, file in files.items() if file is not None]
    if options.identity_header is not None:
        count = len(options.operators)
        ways.append(f"people by {options.identity_header}, {count} of them operators")
    yield ok(f"page: {', '.join(ways)}")
