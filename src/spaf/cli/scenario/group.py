"""Groups of commands, one for each registered scenario."""

from __future__ import annotations

from collections.abc import Callable

import typer

from spaf.bench import registry
from spaf.bench.scenario import Scenario
from spaf.cli.lazy_group import LazyCommand, LazyGroup, lazy_group
from spaf.cli.scenario.command import command


class ScenarioGroup(LazyGroup):
    """A group whose targets are scenarios."""

    def function_of(self, target: type[Scenario]) -> Callable[..., None]:
        """Return the command of a scenario."""
        return command(target)


def scenario_group(path: str, subgroups: dict[str, str]) -> typer.Typer:
    """Return the group of the scenarios whose commands begin with a path, such as `bench`.

    Args:
        path: of the group.
        subgroups: import path of each group in it, by its name.

    """
    commands = {}
    for name in registry.children(path):
        full_name = f"{path} {name}"
        if name in subgroups:
            commands[name] = LazyCommand(subgroups[name], registry.GROUPS[full_name])
        else:
            commands[name] = LazyCommand(*registry.SCENARIOS[full_name])
    return lazy_group(commands, ScenarioGroup, help=registry.GROUPS[path])
