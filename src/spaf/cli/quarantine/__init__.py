"""`spaf quarantine`: the records that were not accepted."""

from __future__ import annotations

from spaf.cli.lazy_group import LazyCommand, lazy_group

app = lazy_group(
    {
        "list": LazyCommand(
            "spaf.cli.quarantine.listing:list_",
            "Show how many records were not accepted and why, late sales with their money, the "
            "newest.",
        ),
        "show": LazyCommand(
            "spaf.cli.quarantine.single:show",
            "Show one record: why it was not accepted, its key and headers, and its bytes.",
        ),
        "export": LazyCommand(
            "spaf.cli.quarantine.listing:export",
            "Write every record that is kept, oldest first, with its bytes.",
        ),
        "replay": LazyCommand(
            "spaf.cli.quarantine.single:replay",
            "Repair a record and send it as a new sale, if it would be accepted now.",
        ),
    },
    help="Records that were not accepted: list, show, export, send again.",
)
