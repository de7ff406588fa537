"""`spaf results`: the records of measurements and proofs."""

from __future__ import annotations

from spaf.cli.lazy_group import LazyCommand, lazy_group

app = lazy_group(
    {
        "list": LazyCommand(
            "spaf.cli.results.listing:list_",
            "List the results, oldest first: when, what, how long, and whether they are valid.",
        ),
        "show": LazyCommand(
            "spaf.cli.results.single:show",
            "Show one result: its tables, the machine, the use of each process, how to repeat it.",
        ),
    },
    help="Results of `spaf bench` and `spaf prove`: list, show.",
)
