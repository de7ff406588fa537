"""What a level needs before its job starts: a topic with records, tables with rows."""

from __future__ import annotations

from psycopg.copy import LibpqWriter

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.superuser import superuser
from spaf.bench.scale.factors import Conditions
from spaf.bench.scale.loaded_rows import CHUNK_S, HEADER, TRAILER, LoadedRows
from spaf.bench.throughput.drain import send_sales
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import CATEGORIES
from spaf.generate.shop.stream import SaleStream
from spaf.stack.run import Run
from spaf.store.access import Role
from spaf.store.migrate import migrate
from spaf.store.statement import statement
from spaf.topic.admin import ensure_topic

# Memory for making an index. Rows that are loaded without indexes, which are made at the end, took
# less than half as long.
SORT_MIB = 256
# Rows of sales_summary in each second that is loaded.
ROWS_PER_SECOND = 10
# Loaded rows end this long before now: no sale of a measurement meets them.
ROWS_END_S = 86_400


def prepare(run: Run, wanted: Conditions, progress: Progress) -> Run:
    """Return the run with the topic and the tables of a level, filled with what comes before.

    Raises:
        TopicError: Kafka does not answer.
        StoreError: PostgreSQL refuses.

    """
    if wanted.viewers:
        return run
    name = f"scale_{clock.now_ms()}"
    target = run.with_tables(name, name)
    ensure_topic(run.kafka, name, wanted.partitions)
    if wanted.records:
        generate = run.settings.generate
        shop = catalogue.build(generate.seed, wanted.shop)
        stream = SaleStream(
            shop, seed=generate.seed, run_id="scale", currencies=generate.currencies
        )
        send_sales(target, stream, wanted.records, wanted.partitions, progress)
    migrate(target.access)
    if wanted.rows:
        load_rows(target, wanted.rows, progress)
    return target


def load_rows(run: Run, rows: int, progress: Progress) -> None:
    """Load rows of ten categories for each second, up to a day ago.

    Raises:
        StoreError: PostgreSQL refuses.

    """
    last = clock.now_ms() // 1_000 - ROWS_END_S
    first = last - rows // ROWS_PER_SECOND
    made = LoadedRows(CATEGORIES[:ROWS_PER_SECOND], run.contract.currency)
    with run.access.session(Role.OWNER, autocommit=True) as connection:
        connection.execute(f"SET maintenance_work_mem = '{SORT_MIB}MB'")
        for name in ("disable_triggers", "drop_summary_key", "drop_summary_index"):
            connection.execute(statement("spaf.bench", name))
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(statement("spaf.bench", "truncate_summary"))
            # The usual writer would keep a thousand chunks in memory.
            writer = LibpqWriter(cursor)
            with cursor.copy(statement("spaf.bench", "copy_summary"), writer=writer) as copy:
                copy.write(HEADER)
                for number, chunk in enumerate(made.chunks(first, last)):
                    progress("loading rows", number * CHUNK_S * ROWS_PER_SECOND, rows)
                    copy.write(chunk)
                copy.write(TRAILER)
        for name in ("add_summary_key", "add_summary_index", "enable_triggers"):
            progress("making the indexes of the rows")
            connection.execute(statement("spaf.bench", name))
        progress("collecting statistics of the rows")
        connection.execute("VACUUM (ANALYZE) sales_summary")
    # Otherwise the server would go on to write the rows to the disk for minutes, while it is
    # measured.
    with superuser(run) as connection:
        connection.execute("CHECKPOINT")
