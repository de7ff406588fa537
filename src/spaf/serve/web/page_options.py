"""What the process of the page needs of the settings as an argument, before it reads them.

An argument can be read by every account of the machine, so it names the files of the tokens only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    # Takes long to import: not while the run starts.
    from spaf.settings import ServeSettings


LOOPBACK = "127.0.0.1"


class RoleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the roles; see there."""

    viewer_token_file: str | None = None
    operator_token_file: str | None = None
    identity_header: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()

    @classmethod
    def of(cls, serve: ServeSettings) -> Self | None:
        """Return the options of the settings; None if the page has no roles."""
        if not serve.has_roles:
            return None
        values = {name: getattr(serve, name) for name in cls.__struct_fields__}
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}
        return msgspec.convert(plain, cls)


class PageOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Every option of the process.

    Attributes:
        public_url: where a proxy publishes the page.
        bind: an IP address at which the page listens in addition to loopback.
        roles: who may do what; without them everyone may do everything.

    """

    public_url: str | None = None
    bind: str = LOOPBACK
    roles: RoleOptions | None = None

    @classmethod
    def of(cls, serve: ServeSettings, bind: str = LOOPBACK) -> Self:
        """Return the options of the settings, for a page that listens at an address."""
        url = None if serve.public_url is None else str(serve.public_url)
        return cls(public_url=url, bind=bind, roles=RoleOptions.of(serve))
