"""Jobs that do less than the job, over the same topic: the limits of what it can reach.

`scan` counts the records without decoding them; `decode` decodes the columns that the job uses,
from the job's own source, and counts.
"""

from __future__ import annotations

from importlib.resources import files

from spaf.job.build import JobParameters, render

COUNT_TABLE = "limits/020_record_count.sql"
# Limit → its source, its sink and its statement.
LIMITS = {
    "scan": ("limits/010_raw_log.sql", COUNT_TABLE, "limits/110_scan.sql"),
    "decode": ("010_sale_log.sql", COUNT_TABLE, "limits/120_decode.sql"),
}


def limit_statements(parameters: JobParameters, limit: str) -> tuple[str, ...]:
    """Return the statements of a limit; the last one is its INSERT.

    Raises:
        JobError: the SQL names a placeholder that does not exist.

    """
    placeholders = parameters.placeholders()
    folder = files("spaf.job").joinpath("sql")
    return tuple(
        render(name, folder.joinpath(*name.split("/")).read_text(), placeholders)
        for name in LIMITS[limit]
    )
