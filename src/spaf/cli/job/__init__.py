"""`spaf job`: stop, start and change the job while the services go on."""

from __future__ import annotations

from spaf.cli.lazy_group import LazyCommand, lazy_group

app = lazy_group(
    {
        "stop": LazyCommand(
            "spaf.cli.job.orders:stop",
            "Stop the job; sales wait in the topic, and `spaf job start` goes on with them.",
        ),
        "start": LazyCommand(
            "spaf.cli.job.orders:start",
            "Start the job that `spaf job stop` has stopped, from where it was.",
        ),
        "upgrade": LazyCommand(
            "spaf.cli.job.orders:upgrade",
            "Let the job count by the present settings; readers of the tables see no gap.",
        ),
    },
    help="Stop, start or change the job while the services go on.",
)
