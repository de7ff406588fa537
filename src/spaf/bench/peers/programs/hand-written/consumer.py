"""Sales, units and money in each second, by hand: a consumer, a dict and a transaction.

One process a partition, because a Python process has one core. A batch of messages becomes a few
sums; the sums and the offsets are written in one transaction, so that a restart counts each once.
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
from confluent_kafka import Consumer, TopicPartition

ENV = os.environ
LATEST = int(ENV["PEER_MAX_LATENESS_MS"])
EARLIEST = -int(ENV["PEER_MAX_AHEAD_MS"])
DEFAULT_CURRENCY = ENV["PEER_DEFAULT_CURRENCY"]
TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,64}").fullmatch
CURRENCY = re.compile("[A-Z]{3}").fullmatch
MESSAGES, WAIT_S = 10_000, 0.01
known = set(ENV["PEER_CATEGORIES"].split(","))

CREATE = """CREATE TABLE IF NOT EXISTS consumed (kafka_partition int PRIMARY KEY, next bigint)"""
FIRST = "SELECT next FROM consumed WHERE kafka_partition = %s"
MOVE = """INSERT INTO consumed VALUES (%s, %s)
ON CONFLICT (kafka_partition) DO UPDATE SET next = excluded.next"""
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


def add(sums, message):
    """Add a message to the sums; return whether it is refused."""
    try:
        sale = decode(message.value() or b"")
        append_ms = message.timestamp()[1]
        ms = event_ms(sale, append_ms)
        if ms is None or not EARLIEST <= append_ms - ms <= LATEST:
            return True
    except (ValueError, OverflowError):
        return True
    category, quantity, price = sale.product_category, sale.product_quantity, sale.product_price
    if not 0 <= price < 1e10 or not 1 <= quantity <= 1e6 or quantity % 1:
        return True
    cents = floor(price * 100 + 0.5)
    currency = DEFAULT_CURRENCY if sale.currency is None else sale.currency
    if abs(price * 100 - cents) >= 0.0499 or not 1 <= len(sale.product_id) <= 64:
        return True
    if currency != DEFAULT_CURRENCY and not CURRENCY(currency):
        return True
    if category not in known and (category[:1] in "{[" or not TEXT(category)):
        return True
    row = sums[ms // 1000, category, currency]
    row[0] += 1
    row[1] += int(quantity)
    row[2] += cents * int(quantity)
    return False


def consume(partition):
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    topic = ENV["PEER_TOPIC"]
    with psycopg.connect(ENV["PEER_DSN"]) as database:
        row = database.execute(FIRST, [partition]).fetchone()
        database.commit()
        consumer = Consumer(
            {
                "bootstrap.servers": ENV["PEER_BOOTSTRAP_SERVERS"],
                "group.id": ENV["PEER_GROUP"],
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        consumer.assign([TopicPartition(topic, partition, row[0] if row else 0)])
        refused = 0
        while running:
            messages = consumer.consume(MESSAGES, WAIT_S)
            if not messages:
                continue
            sums = defaultdict(lambda: [0, 0, 0])
            for message in messages:
                refused += add(sums, message)
            # In order, so that two processes do not wait for each other's rows.
            rows = [(*key, *sums[key]) for key in sorted(sums)]
            if rows:
                database.execute(ADD, [list(column) for column in zip(*rows)])
            database.execute(MOVE, [partition, messages[-1].offset() + 1])
            database.commit()
        consumer.close()
        print("refused", refused, flush=True)


def main():
    with psycopg.connect(ENV["PEER_DSN"]) as database:
        database.execute(CREATE)
    partitions = range(int(ENV["PEER_PARTITIONS"]))
    processes = [Process(target=consume, args=[number]) for number in partitions]
    signal.signal(signal.SIGTERM, lambda *_: [process.terminate() for process in processes])
    for process in processes:
        process.start()
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
