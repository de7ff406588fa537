"""Both oracles agree on everything, and plain records need no decoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaf.bench.agreement.synthetic import HOSTILE
from spaf.sale import Record, Rules
from spaf.verify import Answers, Detection, disagreements, duckdb_oracle, parallel
from spaf.verify.dump import Dump
from tests.support.scale import scaled

BASE_MS = 1_763_800_000_000
RULES = Rules(default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000)
# So narrow that a short log has detections.
DETECTION = Detection(1, 1.0, 6, 0.5, ("books", "toys"))
Dumped = Callable[[Sequence[Record], Detection], Dump]
PLAIN = {"productId": "p", "productCategory": "books", "productPrice": 1.5, "productQuantity": 2}
GOOD = json.dumps(PLAIN).encode()[1:-1]

# Each of these is read by one parser or another in a way of its own.
TEXTS: tuple[bytes | None, ...] = (
    *HOSTILE,
    *(
        b"{%s,%s}" % (GOOD, more)
        for more in (
            *(b'"a":1', b'"a":null', b'"a":true', b'"a":-1.5e3', b'"a":[1]', b'"a":{"b":1}'),
            *(b'"a":nan', b'"a":Inf', b'"a":-inf', b'"a":"NaN"', b'"a":01', b'"a":.5', b'"a":1.'),
            *(b'"totalAmount":nan', b'"totalAmount":-Infinity', b'"sentAt":-1', b'"sentAt":null'),
            *(
                b'"a":1,"a":2',
                b'"currency":"USD","currency":"EUR"',
                b'"customerId":1,"customerId":2',
            ),
            *(
                b'"a:b":"c:d"',
                b'"a":"{"',
                b'"a":"["',
                b'"a":"\\u0041"',
                b'"\\u0061":1',
                b'"a":"\x7f"',
            ),
            *(b'"currency":null', b'"currency":"usd"', b'"currency":""', b'"currency":7'),
            *(b'"currency":"\xc3\x89UR"', b'"transactionId":5', b'"transactionId":null'),
            *(b'"transactionId":"%s"' % (b"t" * 65), b'"transactionId":""'),
            *(
                b'"eventTime":0',
                b'"eventTime":-0',
                b'"eventTime":%d' % BASE_MS,
                b'"eventTime":1e12',
            ),
            *(b'"eventTime":"%d"' % BASE_MS, b'"eventTime":%d.5' % BASE_MS, b'"eventTime":null'),
            *(
                b'"eventTime":99999999999999999999',
                b'"eventTime":253402214400000',
                b'"eventTime":true',
            ),
            *(
                b'"transactionDate":"2025-11-22T08:26:40"',
                b'"transactionDate":"2025-02-30T08:26:40"',
            ),
            *(b'"transactionDate":"2025-11-22 08:26:40.123456789Z"', b'"transactionDate":null'),
            *(b'"transactionDate":"2025-11-22T08:26:40.1239Z"', b'"transactionDate":"2025-11-22"'),
            *(
                b'"transactionDate":"2025-11-22T24:00:00"',
                b'"transactionDate":"2025-11-22T23:59:60"',
            ),
            *(b'"transactionDate":"2025-11-22T08:26:40+01:00"', b'"transactionDate":1'),
        )
    ),
    *(
        b'{"productId":"p","productCategory":%s,"productPrice":%s,"productQuantity":%s}' % three
        for three in (
            *(
                (b'"books"', price, b"1")
                for price in (
                    *(b"0", b"-0", b"0.00", b"-0.01", b"1.10", b"1.005", b"1.000009", b"1.0000004"),
                    *(
                        b"9999999999.99",
                        b"10000000000",
                        b"9999999999.999",
                        b"1e2",
                        b"1E-2",
                        b"1e400",
                    ),
                    *(
                        b'"1.5"',
                        b"null",
                        b"true",
                        b"1.005e2",
                        b"0.1234567890123456789",
                        b"0.999999999",
                    ),
                    *(b"123456789.1", b"4503599627.37", b"0.07", b"0.285", b"8.2", b"1.15"),
                )
            ),
            *(
                (b'"books"', b"1", quantity)
                for quantity in (
                    *(
                        b"0",
                        b"1",
                        b"1000000",
                        b"1000001",
                        b"2.0",
                        b"1e1",
                        b"1.5",
                        b"-1",
                        b'"2"',
                        b"null",
                    ),
                    *(b"007", b"9" * 30),
                )
            ),
            *(
                (category, b"1", b"1")
                for category in (
                    *(
                        b'""',
                        b'"a"',
                        b'"%s"' % (b"c" * 64),
                        b'"%s"' % (b"c" * 65),
                        b'"caf\xc3\xa9"',
                        b'" "',
                    ),
                    *(
                        b'"%s"' % ("\N{GRINNING FACE}".encode() * 64),
                        b'"\xc2\x85"',
                        b'"\x7f"',
                        b"null",
                    ),
                    *(
                        b'"\xed\xa0\x80"',
                        b'"{x"',
                        b'"[x"',
                        b"5",
                        b'"it\'s 100% (other)"',
                        b'"(other)"',
                    ),
                )
            ),
        )
    ),
    *(b"{%s}" % GOOD + end for end in (b" ", b"\n", b"}", b",", b" x", b"\x00", b"[")),
    *(start + b"{%s}" % GOOD for start in (b" ", b"\n", b"\xef\xbb\xbf", b"[", b"x", b"\x00")),
    *(b"{ %s }" % GOOD, b"{%s }" % GOOD, b"{%s ,}" % GOOD, b"{%s, }" % GOOD, b"{,%s}" % GOOD),
    *(b"{/**/%s}" % GOOD, b"{%s//\n}" % GOOD, b"{%s,'a':1}" % GOOD, b"{%s,a:1}" % GOOD),
    *(b'{%s,"a":"%s"}' % (GOOD, b"x" * 1_000), b"  ", b"{ }", b"\t", b"{%s}\r" % GOOD),
)


def both(dumped: Dumped, records: Sequence[Record], cut: dict[int, int]) -> tuple[Answers, Answers]:
    """Return the result of each oracle."""
    made = dumped(records, DETECTION)
    return parallel.recompute(made, cut, 1), duckdb_oracle.recompute(made, cut, 1)


def test_they_agree_on_every_unusual_record(dumped: Dumped) -> None:
    """One record, one outcome, alone in its second and category or not."""
    records = [Record(0, at, BASE_MS + 400 * at, value) for at, value in enumerate(TEXTS)]
    one, two = both(dumped, records, {0: len(records)})
    assert list(map(str, disagreements(one, two))) == []
    assert one.records == len(TEXTS)
    assert 0 < two.by_decoder < len(TEXTS)


# Records of which each has a partition of its own, so that its outcome is in a row of its own; for
# more time each is alone in its log.
TOGETHER = scaled(24, 1)


@pytest.mark.parametrize("first", range(0, len(TEXTS), TOGETHER))
def test_what_is_not_the_contracts_is_not_plain(first: int, dumped: Dumped) -> None:
    """Few records at once, so that no two slips can hide each other."""
    values = TEXTS[first : first + TOGETHER]
    records = [Record(part, 0, BASE_MS, value) for part, value in enumerate(values)]
    one, two = both(dumped, records, dict.fromkeys(range(len(values)), 1))
    assert list(map(str, disagreements(one, two))) == [], values


def sale(**fields: Any) -> bytes:
    """Return a plain sale."""
    return json.dumps(PLAIN | fields).encode()


values = st.one_of(
    st.sampled_from(TEXTS),
    st.builds(
        sale,
        productId=st.sampled_from(["p", "q"]),
        productCategory=st.sampled_from(["books", "toys", "caf\u00e9"]),
        productPrice=st.integers(1, 10_000).map(lambda cents: cents / 100),
        productQuantity=st.integers(0, 50),
        currency=st.sampled_from(["BRL", "USD", None]),
        eventTime=st.none() | st.integers(BASE_MS - 12_000, BASE_MS + 30_000),
    ),
)


@settings(max_examples=scaled(12, 250), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(values, st.integers(0, 1_900)), max_size=60),
    st.integers(0, 60),
    st.integers(1, 3),
)
def test_they_agree_on_any_log(
    dumped: Dumped, log: list[tuple[bytes | None, int]], cut: int, partitions: int
) -> None:
    """Sums, ledger, alerts and open rows, for any upper bound."""
    records, now, ends = [], BASE_MS, dict.fromkeys(range(partitions), 0)
    for number, (value, later) in enumerate(log):
        now += later
        part = number % partitions
        records.append(Record(part, ends[part], now, value))
        ends[part] += 1
    one, two = both(dumped, records, {part: min(cut, end) for part, end in ends.items()})
    assert list(map(str, disagreements(one, two))) == []


def test_the_generators_sales_are_plain(dumped: Dumped) -> None:
    """So are those with four fields; DuckDB judges them alone."""
    whole = sale(
        transactionId="t-1", productName="n: x", productBrand="b", totalAmount=3.0,
        currency="USD", paymentMethod="pix", customerId="c", eventTime=BASE_MS,
        intendedAt=BASE_MS * 1000, sentAt=BASE_MS * 1000 + 5,
    )  # fmt: skip
    records = [Record(0, at, BASE_MS, value) for at, value in enumerate([whole, sale()])]
    _, two = both(dumped, records, {0: 2})
    assert (two.accepted, two.by_decoder) == (2, 0)


def test_several_unusual_sales_in_one_record(dumped: Dumped) -> None:
    """The one of the largest amount stands for the record, wherever in the array it is."""
    names = "abc"
    usual = [
        sale(productId=name, productPrice=10, productQuantity=1) for _ in range(8) for name in names
    ]
    dear = [
        sale(
            productId=name,
            productPrice=price,
            productQuantity=1,
            transactionId=f"{name}{price}",
        )
        for name, price in zip(names, (2_000, 9_000, 5_000), strict=True)
    ]
    arrays = [b"[%s]" % b",".join(order) for order in (dear, dear[::-1])]
    # The same sale twice: the first is the more unusual one.
    arrays.append(b"[%s,%s]" % (dear[0], dear[0]))
    values = [*usual, *arrays]
    records = [Record(0, at, BASE_MS + at, value) for at, value in enumerate(values)]
    one, two = both(dumped, records, {0: len(records)})
    assert disagreements(one, two) == []
    found = {key[1] - len(usual): row for key, row in one.outliers.items()}
    assert [found[at].transaction_id for at in range(3)] == ["b9000", "b9000", "a2000"]
    assert [found[at].cents for at in range(3)] == [900_000, 900_000, 200_000]
    assert not one.borderline_offsets


def test_an_empty_log(dumped: Dumped) -> None:
    """Nothing comes to nothing."""
    one, two = both(dumped, [], {0: 0})
    assert disagreements(one, two) == []
    assert one.records == two.records == 0


def test_several_processes_come_to_the_same(dumped: Dumped) -> None:
    """Files that are counted by several processes."""
    records = [
        Record(part, offset, BASE_MS + 97 * offset, sale(productPrice=1 + offset * 7 % 13))
        for part in (0, 1)
        for offset in range(40)
    ]
    made = dumped(records, DETECTION)
    alone = parallel.recompute(made, {0: 30, 1: 40}, 1)
    together = parallel.recompute(made, {0: 30, 1: 40}, 2)
    assert disagreements(alone, together) == []
    assert alone.outliers
