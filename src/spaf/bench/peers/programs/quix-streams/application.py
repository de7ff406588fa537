"""Sales, units and money in each second, as two replicas of a Quix Streams application.

Its batching sink gets what was processed between two checkpoints, and adds it to the rows.
"""

import os
import re
import signal
from collections import defaultdict
from datetime import UTC, datetime
from math import floor
from multiprocessing import Process

import msgspec
import psycopg
from quixstreams import Application
from quixstreams.sinks import BatchingSink

ENV = os.environ
LATEST = int(ENV["PEER_MAX_LATENESS_MS"])
EARLIEST = -int(ENV["PEER_MAX_AHEAD_MS"])
DEFAULT_CURRENCY = ENV["PEER_DEFAULT_CURRENCY"]
TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,64}").fullmatch
CURRENCY = re.compile("[A-Z]{3}").fullmatch
known = set(ENV["PEER_CATEGORIES"].split(","))
REPLICAS = 2
COMMIT_S = 0.1

ADD = """INSERT INTO sales_summary (window_start, category, currency, sales_count, units_sold, total_sales)
SELECT to_timestamp(s), c, m, n, u, t::numeric / 100
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[])
    AS sums (s, c, m, n, u, t)
ON CONFLICT (window_start, category, currency) DO UPDATE SET
    sales_count = sales_summary.sales_count + excluded.sales_count,
    units_sold = sales_summary.units_sold + excluded.units_sold,
    total_sales = sales_summary.total_sales + excluded.total_sales"""


class Sale(msgspec.Struct, rename="camel", gc=False):
    product_id: str
    product_category: str
    product_price: float
    product_quantity: float
    currency: str | None = None
    event_time: int | None = None
    transaction_date: str | None = None


decode = msgspec.json.Decoder(Sale).decode


def event_ms(sale, append_ms):
    epoch = sale.event_time
    if epoch is None:
        if sale.transaction_date is None:
            return append_ms
        time = datetime.fromisoformat(sale.transaction_date)
        return floor((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    if epoch < 10**11:
        return epoch * 1000 if epoch >= 0 else None
    return epoch // (1 if epoch < 10**14 else 1000 if epoch < 10**17 else 10**6)


def sale_of(value, append_ms):
    """Return second, category, currency, pieces and cents of a valid sale; else None."""
    try:
        sale = decode(value or b"")
        ms = event_ms(sale, append_ms)
        if ms is None or not EARLIEST <= append_ms - ms <= LATEST:
            return None
    except (ValueError, OverflowError):
        return None
    category, quantity, price = sale.product_category, sale.product_quantity, sale.product_price
    if not 0 <= price < 1e10 or not 1 <= quantity <= 1e6 or quantity % 1:
        return None
    cents = floor(price * 100 + 0.5)
    currency = DEFAULT_CURRENCY if sale.currency is None else sale.currency
    if abs(price * 100 - cents) >= 0.0499 or not 1 <= len(sale.product_id) <= 64:
        return None
    if currency != DEFAULT_CURRENCY and not CURRENCY(currency):
        return None
    if category not in known and (category[:1] in "{[" or not TEXT(category)):
        return None
    return ms // 1000, category, currency, int(quantity), cents * int(quantity)


class SummarySink(BatchingSink):
    def setup(self):
        self.database = psycopg.connect(ENV["PEER_DSN"], autocommit=True)

    def write(self, batch):
        sums = defaultdict(lambda: [0, 0, 0])
        for item in batch:
            second, category, currency, pieces, cents = item.value
            row = sums[second, category, currency]
            row[0] += 1
            row[1] += pieces
            row[2] += cents
        # In order, so that two replicas do not wait for each other's rows.
        rows = [(*key, *sums[key]) for key in sorted(sums)]
        self.database.execute(ADD, [list(column) for column in zip(*rows)])


def replicate():
    application = Application(
        broker_address=ENV["PEER_BOOTSTRAP_SERVERS"],
        consumer_group=ENV["PEER_GROUP"],
        auto_offset_reset="earliest",
        commit_interval=COMMIT_S,
        consumer_poll_timeout=COMMIT_S,
        consumer_extra_config={"session.timeout.ms": 6000, "isolation.level": "read_committed"},
        auto_create_topics=False,
        loglevel="WARNING",
    )
    topic = application.topic(ENV["PEER_TOPIC"], value_deserializer="bytes")
    sales = application.dataframe(topic)
    sales = sales.apply(
        lambda value, key, timestamp, headers: sale_of(value, timestamp), metadata=True
    )
    sales = sales.filter(lambda sale: sale is not None)
    sales.sink(SummarySink())
    application.run()


def main():
    replicas = [Process(target=replicate) for _ in range(REPLICAS)]
    for replica in replicas:
        replica.start()
    signal.signal(signal.SIGTERM, lambda *_: [replica.terminate() for replica in replicas])
    for replica in replicas:
        replica.join()


if __name__ == "__main__":
    main()
