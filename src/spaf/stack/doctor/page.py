"""Checks of the live page: the roles that the settings give it."""

from __future__ import annotations

from collections.abc import Iterator

from spaf.serve.web.page_options import RoleOptions
from spaf.stack.doctor.finding import Finding, Subject, ok


def roles(subject: Subject) -> Iterator[Finding]:
    """Require tokens that can be read and are long enough; report who may do what."""
    options = RoleOptions.of(subject.settings.serve)
    if options is None:
        yield ok("page: no roles; who reaches it controls the load")
        return
    # Only here: it imports a part of the web server.
    from spaf.serve.web.roles import Roles  # noqa: PLC0415

    Roles(options)
    files = {"viewers": options.viewer_token_file, "operators": options.operator_token_file}
    ways = [f"{who} by token" for who, file in files.items() if file is not None]
    if options.identity_header is not None:
        count = len(options.operators)
        ways.append(f"people by {options.identity_header}, {count} of them operators")
    yield ok(f"page: {', '.join(ways)}")
