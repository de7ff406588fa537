"""Sales, units and money in each second, as a dataflow of Bytewax.

A batch of messages becomes a few sums before it is sent to the worker that keeps a row. Each row is
written with its totals, so that a restart from a snapshot writes the same rows again.
"""

import os
import re
from datetime import UTC, datetime
from math import floor

import bytewax.operators as op
import msgspec
import psycopg
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

ENV = os.environ
LATEST = int(ENV["PEER_MAX_LATENESS_MS"])
EARLIEST = -int(ENV["PEER_MAX_AHEAD_MS"])
DEFAULT_CURRENCY = ENV["PEER_DEFAULT_CURRENCY"]
TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,64}").fullmatch
CURRENCY = re.compile("[A-Z]{3}").fullmatch
known = set(ENV["PEER_CATEGORIES"].split(","))

UPSERT = """INSERT INTO sales_summary (window_start, category, currency, sales_count, units_sold, total_sales)
SELECT to_timestamp(s), c, m, n, u, t::numeric / 100
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::numeric[])
    AS sums (s, c, m, n, u, t)
ON CONFLICT (window_start, category, currency) DO UPDATE SET
    sales_count = excluded.sales_count, units_sold = excluded.units_sold,
    total_sales = excluded.total_sales"""


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


def partial_sums(messages):
    sums = {}
    for message in messages:
        sale = sale_of(message.value, message.timestamp[1])
        if sale is not None:
            second, category, currency, pieces, cents = sale
            count, units, money = sums.get((second, currency, category), (0, 0, 0))
            sums[second, currency, category] = count + 1, units + pieces, money + cents
    return [(f"{s}|{m}|{c}", sum_) for (s, m, c), sum_ in sums.items()]


def add(total, part):
    if total is not None:
        part = tuple(map(sum, zip(total, part)))
    return part, part


class Rows(StatelessSinkPartition):
    def __init__(self):
        self.database = psycopg.connect(ENV["PEER_DSN"], autocommit=True)

    def write_batch(self, items):
        rows = []
        for key, total in sorted(dict(items).items()):
            second, currency, category = key.split("|", 2)
            rows.append((int(second), category, currency, *total))
        self.database.execute(UPSERT, [list(column) for column in zip(*rows)])

    def close(self):
        self.database.close()


class Postgres(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Rows()


flow = Dataflow("sales_summary")
source = KafkaSource([ENV["PEER_BOOTSTRAP_SERVERS"]], [ENV["PEER_TOPIC"]], batch_size=1000)
messages = op.input("sales", flow, source)
sums = op.flat_map_batch("validate", messages, partial_sums)
totals = op.stateful_map("total", sums, add)
op.output("postgres", totals, Postgres())
