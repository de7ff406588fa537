"""A log made for the self-test: the generator's sales, and everything that is hard to count.

Several partitions and currencies, anomalous sales, a surge, a silent category, late and early
sales, copies of sales, and records that few parsers read alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from random import Random

from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.sale import Record

# An arbitrary, fixed begin, so that the same seed gives the same log.
BEGIN_MS = 1_763_800_000_000
SECONDS = 100
SALES_PER_SECOND = 30
CURRENCIES = ("BRL", "USD", "EUR")
ANOMALY_RATE = 0.02
# Shares of the records.
HOSTILE_SHARE, LATE_SHARE, AHEAD_SHARE = 0.03, 0.02, 0.01
# Share of records that are repeated, share of those with another content, and the number of latest
# records that are repeated.
COPY_SHARE, CONFLICT_SHARE, COPY_WINDOW = 0.04, 0.3, 500
LATE_MS, AHEAD_MS = 700_000, 120_000
# The second of the surge and its sales of one category; the seconds without sales of another one.
SURGE_SECOND, SURGE_SALES = 60, 60
SILENT_PERIOD = range(75, 90)
SURGING, SILENT = "books", "electronics"

GOOD = b'"productId":"p","productCategory":"odd","productPrice":1.25,"productQuantity":3'
HOSTILE: tuple[bytes | None, ...] = (
    *(None, b"", b"{}", b"null", b"[]", b"{", b"\xff\xfe", b'{"productId":"\\q"}'),
    # Accepted by the contract although unusual.
    b"{%s} and more" % GOOD,
    b"{%s,%s}" % (GOOD, GOOD),
    b'{%s,"productQuantity":4}' % GOOD,
    b'{%s,"productPrice":"2.50"}' % GOOD,
    b'{%s,"note":{"a":[1,2]}}' % GOOD,
    b'{%s,"note":"tab\there"}' % GOOD,
    b'{%s,"product\\u0049d":"q"}' % GOOD,
    b"[{%s},{%s}]" % (GOOD, GOOD),
    b'\n{\n%s,\n"currency": "USD"\n}\n' % GOOD,
    (b"{%s}" % GOOD).decode().encode("utf-16"),
    b'{%s,"productCategory":"caf\xc3\xa9"}' % GOOD,
    b'{%s,"transactionDate":"2025-11-22T08:26:40.5-01:00"}' % GOOD,
    b'{%s,"transactionDate":"2025-11-22T08:26:40.5Z"}' % GOOD,
    # Refused or unreadable, although some parsers accept them.
    b"{%s,}" % GOOD,
    b'{%s,"note":NaN}' % GOOD,
    b'{%s,"note":-Infinity}' % GOOD,
    b'{%s,"productPrice":1.005}' % GOOD,
    b'{%s,"productQuantity":1.5}' % GOOD,
    b'{%s,"currency":"usd"}' % GOOD,
    b'{%s,"productCategory":"a\\u0000b"}' % GOOD,
    b'{%s,"productCategory":"\xff"}' % GOOD,
    b'{%s,"eventTime":"yesterday"}' % GOOD,
)


def log(seed: int) -> tuple[list[Record], dict[int, int]]:
    """Return the records of a seed in order of arrival, and the end of each partition."""
    rng = Random(seed)  # noqa: S311 - a seeded test, no secret
    end = dict.fromkeys(range(1 + seed % 3), 0)
    records = []
    for append_ms, value in _arrivals(seed, rng):
        partition = rng.randrange(len(end))
        records.append(Record(partition, end[partition], append_ms, value))
        end[partition] += 1
    return records, end


def _arrivals(seed: int, rng: Random) -> Iterator[tuple[int, bytes | None]]:
    """Yield append times, which never decrease, and values."""
    stream = SaleStream(
        catalogue.build(seed),
        seed=seed,
        run_id="self-test",
        currencies=CURRENCIES,
        anomaly_rate=ANOMALY_RATE,
    )
    sent: deque[bytes | None] = deque(maxlen=COPY_WINDOW)
    for second in range(SECONDS):
        sales = 2 * SURGE_SALES if second == SURGE_SECOND else 0
        wanted = sales + rng.randrange(SALES_PER_SECOND * 3 // 4, SALES_PER_SECOND * 5 // 4)
        stamps = sorted(rng.randrange(1_000) for _ in range(wanted))
        for number, stamp in enumerate(stamps):
            append_ms = BEGIN_MS + second * 1_000 + stamp
            value: bytes | None = _sale(stream, rng, append_ms)
            while number < sales and (value is None or f'"{SURGING}"'.encode() not in value):
                value = _sale(stream, rng, append_ms)
            if second in SILENT_PERIOD and value and f'"{SILENT}"'.encode() in value:
                continue
            if rng.random() < HOSTILE_SHARE:
                value = rng.choice(HOSTILE)
            yield append_ms, value
            sent.append(value)
            if rng.random() < COPY_SHARE:
                yield append_ms, _copy(rng, rng.choice(sent))


def _copy(rng: Random, value: bytes | None) -> bytes | None:
    """Return a copy of a record, sometimes with another price."""
    if value is None or rng.random() > CONFLICT_SHARE:
        return value
    return value.replace(b'"productPrice":', b'"productPrice":1')


def _sale(stream: SaleStream, rng: Random, append_ms: int) -> bytes:
    """Return a sale, sometimes late or ahead of time."""
    chance = rng.random()
    event_ms = append_ms - rng.randrange(3_000)
    if chance < LATE_SHARE:
        event_ms = append_ms - LATE_MS
    elif chance < LATE_SHARE + AHEAD_SHARE:
        event_ms = append_ms + AHEAD_MS
    return stream.next_sale(event_ms * 1_000, event_ms * 1_000)[0]
