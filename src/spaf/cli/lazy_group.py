"""Command groups that import a command when it is called, not when the group lists it.

Click documents the pattern as "Lazily Loading Subcommands". Each import has its summary here
path, so that the help of a group imports no command either.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from spaf.cli.terminal.output import err

# Exit code after Ctrl-C, as of a shell.
INTERRUPTED = 130


class LazyCommand(NamedTuple):
    """A command or group that is not imported yet."""

    target: str
    """`package.module:name` of a function, or of a `typer.Typer` for a group."""
    summary: str
    """The first paragraph of its help."""


class LazyGroup(TyperGroup):
    """A group of commands that are imported one by one."""

    lazy_commands: ClassVar[Mapping[str, LazyCommand]] = {}

    def __init__(self, **attributes: Any) -> None:
        """Register a stub with name and summary for each command."""
        super().__init__(**attributes)
        for name, command in self.lazy_commands.items():
            self.add_command(TyperCommand(name, help=command.summary))

    def load(self, name: str) -> Any:
        """Import a command and return it as a Click command."""
        target = pkgutil.resolve_name(self.lazy_commands[name].target)
        if not isinstance(target, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command(name)(self.function_of(target))
            return typer.main.get_command(app)
        return typer.main.get_command(target)

    def function_of(self, target: Any) -> Callable[..., None]:
        """Return the function of a command from what its target names."""
        function: Callable[..., None] = target
        return function

    def invoke(self, ctx: Any) -> Any:
        """Call a command; after Ctrl-C print a sentence, because Typer ends without one."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("Interrupted; what this command had started is stopped.")
            ctx.exit(INTERRUPTED)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that is called, imported."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub if name is None else self.load(name), rest


def lazy_group(
    commands: Mapping[str, LazyCommand], base: type[LazyGroup] = LazyGroup, **options: Any
) -> typer.Typer:
    """Return a group with these commands; `options` are those of `typer.Typer`."""
    group = type("Group", (base,), {"lazy_commands": commands})

    # Typer makes a group only of what has a callback or registered commands.
    return typer.Typer(
        cls=group, callback=lambda: None, no_args_is_help=True, add_completion=False, **options
    )
