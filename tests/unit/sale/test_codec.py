"""The contract as a table: what is accepted, what is late, what is rejected and why."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from spaf.sale import Late, Reason, Rules, Sale, decode

APPEND_MS = 1_763_800_000_123
RULES = Rules(default_currency="BRL", max_lateness_ms=600_000, max_ahead_ms=60_000)
SALE: dict[str, Any] = {
    "productId": "prod_8",
    "productCategory": "electronics",
    "productPrice": 117.01,
    "productQuantity": 2,
}
FIELDS = b'"productId":"p","productCategory":"c","productPrice":1,"productQuantity":1'


def outcome(value: bytes | None) -> str:
    """Return what becomes of a record in one word; several events are joined by a plus."""
    return "+".join(
        item.value if isinstance(item, Reason) else type(item).__name__.lower()
        for item in decode(value, APPEND_MS, RULES)
    )


def changed(**fields: Any) -> bytes:
    """Return the plain sale with some of its fields changed."""
    return json.dumps(SALE | fields).encode()


def literal(name: str, text: str | bytes) -> bytes:
    """Return a sale in which one field is exactly this JSON text; it comes last, so it counts."""
    raw = text.encode() if isinstance(text, str) else text
    return b'{%s,"%s":%s}' % (FIELDS, name.encode(), raw)


def accepted(value: bytes) -> Sale:
    """Return the one sale that a record is."""
    (sale,) = decode(value, APPEND_MS, RULES)
    assert isinstance(sale, Sale)
    return sale


def test_a_sale_keeps_all_that_the_lab_needs() -> None:
    """A record of the generator becomes a sale, field by field."""
    value = changed(
        transactionId="t-1-42",
        currency="USD",
        eventTime=APPEND_MS - 7,
        intendedAt=1_763_800_000_123_456,
        sentAt=1_763_800_000_123_999,
    )
    sale = accepted(value)
    assert sale == Sale(
        category="electronics",
        currency="USD",
        unit_cents=11_701,
        quantity=2,
        event_ms=APPEND_MS - 7,
        transaction_id="t-1-42",
        product_id="prod_8",
        intended_us=1_763_800_000_123_456,
        sent_us=1_763_800_000_123_999,
    )
    assert sale.cents == 23_402


def test_four_fields_are_enough() -> None:
    """The brief's own generator sends no currency, no name and no time."""
    sale = accepted(changed())
    assert (sale.currency, sale.event_ms) == ("BRL", APPEND_MS)
    assert (sale.transaction_id, sale.intended_us, sale.sent_us) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "unreadable"),
        (b"", "unreadable"),
        (b" \n ", "unreadable"),
        (b"null", "unreadable"),
        (b"true", "unreadable"),
        (b"42", "unreadable"),
        (b'"x"', "unreadable"),
        (b"[]", "unreadable"),
        (b"[1]", "unreadable"),
        (b"{}", "product"),
        (b"{%s" % FIELDS, "unreadable"),
        (b"{%s,}" % FIELDS, "unreadable"),
        (b"{%s//\n}" % FIELDS, "unreadable"),
        (b"{%s,'a':1}" % FIELDS, "unreadable"),
        (b"{%s,a:1}" % FIELDS, "unreadable"),
        (b'{%s "a":1}' % FIELDS, "unreadable"),
        (b'{%s,"a" 1}' % FIELDS, "unreadable"),
        (b'{%s,"a":[}' % FIELDS, "unreadable"),
        (b'{%s,"a":]}' % FIELDS, "unreadable"),
        (b"{%s,\x0b}" % FIELDS, "unreadable"),
        (b" \t\r\n{%s}" % FIELDS, "sale"),
        (b"{%s} xyz" % FIELDS, "sale"),
        (b"{%s}{" % FIELDS, "sale"),
        (b"{%s}// \xff" % FIELDS, "sale"),
        (b"[{%s}]" % FIELDS, "sale"),
        (b"[{%s},{}, {%s}]" % (FIELDS, FIELDS), "sale+product+sale"),
        (b"[{%s},null,{%s}]" % (FIELDS, FIELDS), "sale"),
        (b"[{%s}" % FIELDS, "sale"),
        (json.dumps('{"productId":"p"}').encode(), "unreadable"),
        (b"<sale/>", "unreadable"),
        (b"p,c,1,1", "unreadable"),
        (b"\x00\x00\x00\x00\x01prod", "unreadable"),
        (b"\x1f\x8b\x08\x00\x00", "unreadable"),
    ],
)
def test_framing(value: bytes | None, expected: str) -> None:
    """What is not one JSON object is unreadable, but for the decoder's own leniency."""
    assert outcome(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\xef\xbb\xbf{%s}" % FIELDS, "sale"),
        ((b"{%s}" % FIELDS).decode().encode("utf-16"), "sale"),
        ((b"{%s}" % FIELDS).decode().encode("utf-32-le"), "sale"),
        (b"{\x00\xff", "unreadable"),
        (literal("productName", b'"caf\xe9 x"'), "unreadable"),
        (literal("productId", b'"caf\xe9 x"'), "unreadable"),
        # The decoder swallows the quote with the broken character and finds the comma behind it.
        (b'{%s,"productId":"caf\xe9","a":1}' % FIELDS, "product"),
        (b'{%s,"transactionId":"caf\xe9","a":1}' % FIELDS, "sale"),
        (literal("productId", b'"\x80"'), "unreadable"),
        (literal("productId", b'"a\xc0\xafb"'), "sale"),
        (literal("productId", b'"\xed\xa0\xbd\xed\xb8\x80"'), "sale"),
        (literal("productId", '"\\u0000"'), "sale"),
        (literal("productCategory", b'"a\x00"'), "category"),
        (literal("productCategory", b'"a\tb"'), "category"),
        (literal("productName", b'"a\tb\x01"'), "sale"),
        (literal("productId", '"\\ud800"'), "sale"),
        (literal("productId", '"\\ud83d\\ude00"'), "sale"),
        (literal("productId", '"\\uD80"'), "product"),
        (literal("productName", '"\\uD80"'), "unreadable"),
        (literal("productName", '"\\q"'), "unreadable"),
    ],
)
def test_encoding(value: bytes, expected: str) -> None:
    """Text is taken as the decoder takes it, and no control character reaches a category."""
    assert outcome(value) == expected


@pytest.mark.parametrize(
    ("raw", "product"),
    [
        (b'"a\xc0\xafb"', "a/b"),
        (b'"\\ud800x\\udc00"', "?x?"),
        (b'"\xed\xa0\xbd\xed\xb8\x80"', "\N{GRINNING FACE}"),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'"caf\xc3\xa9"', "café"),
        (b"1.50", "1.50"),
        (b"-0", "-0"),
        (b"true", "true"),
        (b'"\\u003ca onerror=x\\/>"', "<a onerror=x/>"),
    ],
)
def test_text(raw: bytes, product: str) -> None:
    """A column holds a string's text, or a number or a word as it stands."""
    assert accepted(literal("productId", raw)).product_id == product


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (literal("PRODUCTID", "7"), "sale"),
        (literal("__proto__", "{}"), "sale"),
        (literal("productId", "null"), "product"),
        (literal("productId", '""'), "product"),
        (literal("productId", '{"a":1}'), "sale"),
        (literal("productId", f"[{'1,' * 30}12]"), "sale"),
        (literal("productId", f"[{'1,' * 31}12]"), "product"),
        (literal("productCategory", '{"a":1}'), "category"),
        (literal("productCategory", "[1]"), "category"),
        (literal("productCategory", '"{a"'), "category"),
        (literal("productCategory", '"a{"'), "sale"),
        (changed(productId="p" * 64), "sale"),
        (changed(productId="p" * 65), "product"),
        (changed(productId="\N{GRINNING FACE}" * 64), "sale"),
        (changed(productId="\N{GRINNING FACE}" * 65), "product"),
        (changed(productId="p" * 4_096), "product"),
        (changed(productCategory="\x7f"), "category"),
        (changed(productCategory="\x9f"), "category"),
        (changed(productCategory="\xa0"), "sale"),
        (changed(productName="n" * 100_000), "sale"),
        (changed(**{f"field{n}": n for n in range(20_000)}), "sale"),
        (literal("a", "[" * 999 + "]" * 999), "sale"),
        (literal("a", "[" * 1_000 + "]" * 1_000), "unreadable"),
        (literal("a", "[" * 100_000), "unreadable"),
        (b'{"%s":1,%s}' % (b"n" * 50_000, FIELDS), "sale"),
        (b'{"%s":1,%s}' % (b"n" * 50_001, FIELDS), "unreadable"),
    ],
)
def test_structure(value: bytes, expected: str) -> None:
    """Unknown fields do not matter, known ones must be text of a fair length, depth has an end."""
    assert outcome(value) == expected


def test_the_last_of_two_fields_counts() -> None:
    """A field that comes twice has its last value."""
    assert accepted(literal("productId", '"q"')).product_id == "q"


def test_the_first_of_too_many_fields_count() -> None:
    """After eight fields that are columns the decoder looks at no more of them."""
    repeated = b'"currency":null,' * 4
    assert accepted(b'{%s%s,"productId":"q"}' % (repeated, FIELDS)).product_id == "p"
    assert accepted(b'{%s%s,"productId":"q"}' % (repeated[16:], FIELDS)).product_id == "q"


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("0", 0),
        ("-0.0", 0),
        ("0.01", 1),
        ("117.01", 11_701),
        ('"117.01"', 11_701),
        ('" 117.01\\t"', 11_701),
        ("1e2", 10_000),
        ('"1d"', 100),
        ('"0x1p3"', 800),
        ('".5"', 50),
        ('"5."', 500),
        ('"+5"', 500),
        ('"007"', 700),
        ("9999999999.99", 999_999_999_999),
        ("1e-400", 0),
        ("1.000009", 100),
        ("1.0004", 100),
        ("0.9996", 100),
        ("1234.56005859375", 123_456),
        ("4999.990234375", 499_999),
    ],
)
def test_prices(text: str, cents: int) -> None:
    """A price is whatever Java reads as a number, in whole cents."""
    assert accepted(literal("productPrice", text)).unit_cents == cents


def test_single_precision_is_the_cent_that_was_meant() -> None:
    """A price that went through a 32-bit float counts like any other, up to 16,384."""
    for cents in (*range(1, 1_638_400, 997), 99, 819_199, 1_638_399):
        (single,) = struct.unpack("f", struct.pack("f", cents / 100))
        assert accepted(literal("productPrice", repr(single))).unit_cents == cents


def test_no_third_decimal_is_rounded_away() -> None:
    """Each of the nine is refused, whatever the size of the price."""
    for whole in (0, 7, 123, 9_999, 1_234_567, 9_999_999_998):
        for mills in (1, 5, 9, 11, 495, 991, 999):
            assert outcome(literal("productPrice", f"{whole}.{mills:03}")) == "price"


@pytest.mark.parametrize(
    "text",
    [
        "-0.01",
        "1.005",
        "0.125",
        "19.999",
        "1.0005",
        "0.9995",
        "9999999999.9995",
        "1e10",
        "1e400",
        "null",
        "true",
        "[1]",
        '""',
        '"12,5"',
        '"1_0"',
        '"\\u0661"',
        '"NaN"',
        '"Infinity"',
        '"0x1"',
        '"0x1p99999"',
        '"1dd"',
        '"1 0"',
        "1" * 1_000,
    ],
)
def test_refused_prices(text: str) -> None:
    """A price below zero, too high, with more than two decimals, or no number."""
    assert outcome(literal("productPrice", text)) == "price"


@pytest.mark.parametrize(
    "text",
    ["NaN", "-Infinity", "Infinity", "01", "-01", "+1", ".5", "5.", "1e", "0x1", "-", "1" * 1_001],
)
def test_numbers_that_json_does_not_have(text: str) -> None:
    """A number that breaks JSON breaks its record."""
    assert outcome(literal("productPrice", text)) == "unreadable"
    assert outcome(literal("anything", text)) == "unreadable"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "sale"),
        ("1000000", "sale"),
        ("1e1", "sale"),
        ("2.0", "sale"),
        ('"3"', "sale"),
        ("0", "quantity"),
        ("-1", "quantity"),
        ("1.5", "quantity"),
        ("1000001", "quantity"),
        ("99999999999999999999", "quantity"),
        ('"two"', "quantity"),
        ("null", "quantity"),
    ],
)
def test_quantities(text: str, expected: str) -> None:
    """A quantity is a whole number from one to a million."""
    assert outcome(literal("productQuantity", text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"USD"', "sale"),
        ("null", "sale"),
        ('""', "currency"),
        ('"usd"', "currency"),
        ('"USDT"', "currency"),
        ('"USD\\n"', "currency"),
        ("986", "currency"),
    ],
)
def test_currencies(text: str, expected: str) -> None:
    """A currency may be absent, but must be three letters where it is present."""
    assert outcome(literal("currency", text)) == expected


@pytest.mark.parametrize(
    ("text", "transaction_id"),
    [
        ("null", None),
        ('""', None),
        ("7", "7"),
        ('"t-1"', "t-1"),
        (f'"{"t" * 64}"', "t" * 64),
        (f'"{"t" * 65}"', None),
        ('"a\\r\\nb"', None),
        ('"\\u001b[31m"', None),
        ('{"a": "b\\n"}', '{"a":"b\\n"}'),
        ('["\\u007f"]', None),
        (f"[{'1,' * 31}1]", None),
    ],
)
def test_transactions(text: str, transaction_id: str | None) -> None:
    """An invalid identifier is dropped; its sale is accepted."""
    assert accepted(literal("transactionId", text)).transaction_id == transaction_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x'); DROP TABLE sales_summary;--", "sale"),
        ("<img src=x onerror=alert(1)>", "sale"),
        ("=HYPERLINK(1)", "sale"),
        ("${jndi:ldap://x}", "sale"),
        ("%s%n{}", "sale"),
        ("../../etc/passwd", "sale"),
        ("a\x1b[2J", "category"),
        ("a\r\nb", "category"),
    ],
)
def test_hostile_text(text: str, expected: str) -> None:
    """Text that attacks someone else is only text; what moves a terminal is no category."""
    assert outcome(changed(productCategory=text)) == expected
    assert outcome(changed(productId=text)) == "sale"


DAY = "2025-11-22"
NOON_MS = 1_763_812_800_000


@pytest.mark.parametrize(
    ("text", "event_ms"),
    [
        ("T12:00:00", NOON_MS),
        (" 12:00:00", NOON_MS),
        ("T12:00:00Z", NOON_MS),
        ("T12:00:00.5", NOON_MS + 500),
        ("T12:00:00.123456789Z", NOON_MS + 123),
        ("T11:59:59.9999", NOON_MS - 1),
        ("T13:00:00+01:00", NOON_MS),
        ("T09:00:00-03:00", NOON_MS),
        ("T17:30:00+05:30", NOON_MS),
        ("T02:00:00+14:00", NOON_MS - 86_400_000),
        ("T12:00:00-00:00", NOON_MS),
    ],
)
def test_dates(text: str, event_ms: int) -> None:
    """A transaction date counts where no event time is given; without a zone it is UTC."""
    value = changed(transactionDate=DAY + text)
    (found,) = decode(value, event_ms, RULES)
    assert isinstance(found, Sale)
    assert found.event_ms == event_ms


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "",
        "2025-11-22",
        "2025-11-22T12",
        "2025-11-22T1200",
        "20251122T120000Z",
        "2025-11-22T12:00:00 BRT",
        "2025-11-22T12:00:00[America/Sao_Paulo]",
        "2025-11-22T12:00:00-03:00[a b]",
        "2025-11-22T12:00:00  UTC",
        "2025-11-22T12:00:00 utc",
        "2025-11-22T12:00:00;5",
        "22/11/2025 12:00:00",
        "Sat, 22 Nov 2025 12:00:00 GMT",
        "2025-11-22T12:00:00.Z",
        "2025-11-22T12:00:00.1234567890",
        "2025-11-22T12:00:00+1",
        "2025-11-22T12:00:00+14:30",
        "2025-11-22T12:00:00+14:01",
        "2025-11-22T12:00:00+15:00",
        "2025-11-22T12:00:00+01:60",
        "2025-11-22T24:00:00",
        "2025-11-22T12:00:60",
        "2025-02-30T12:00:00",
        "2025-13-01T12:00:00",
        "0000-01-01T00:00:00",
        "2038-01-01T00:00:00",
        "10000-01-01T00:00:00",
        "1969-12-31T23:59:59.999",
        "1970-01-01T00:00:00+00:01",
        " 2025-11-22T12:00:00",
        "2025-11-22T12:00:00\n",
        "\u0662025-11-22T12:00:00",
    ],
)
def test_refused_dates(text: str) -> None:
    """No day of a calendar, no time of a clock, or not in the contract's form."""
    assert outcome(changed(transactionDate=text)) == "event_time"


@pytest.mark.parametrize(
    "text",
    [
        *("-1", '"-1.5"', '""', '" "', '"+"', '"-"', '"+-1"', "1e12", "1.5e1", '"1.x"', '"1..2"'),
        *('"\\t1"', '"1\\n"', '"1 2"', '"\\u0661"', '"1L"', "true", "[1]", '"yesterday"'),
        *("9223372036854775808", f'"{"9" * 5_000}"', f'"{"9" * 19}"'),
    ],
)
def test_refused_event_times(text: str) -> None:
    """An event time that SQL does not cast to a BIGINT hides even a good transaction date."""
    assert outcome(literal("eventTime", text)) == "event_time"
    dated = literal("eventTime", f'{text},"transactionDate":"{DAY}T12:00:00"')
    assert outcome(dated) == "event_time"


@pytest.mark.parametrize(
    ("text", "event_ms"),
    [
        *((text, 0) for text in ("0", "-0", '"."', '"-."', '"+.5"', '"-0.9"', f'"{"0" * 5_000}"')),
        *(
            (text, 1_763_800_000_000)
            for text in ('" 1763800000 "', '"+1763800000"', "1763800000.9")
        ),
        (f'"{"0" * 30}1763800000."', 1_763_800_000_000),
        ("99999999999", 99_999_999_999_000),
        *((f"{text}.9", 100_000_000_000) for text in ("1" + "0" * n for n in (11, 14, 17))),
        ("99999999999999", 99_999_999_999_999),
        ("99999999999999999", 99_999_999_999_999),
        ("9223372036854775807", 9_223_372_036_854),
    ],
)
def test_event_times(text: str, event_ms: int) -> None:
    """The magnitude is the unit; SQL takes a sign, blanks around it, and cuts its fraction."""
    (found,) = decode(literal("eventTime", text), event_ms, RULES)
    assert isinstance(found, Sale)
    assert found.event_ms == event_ms


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [
        (0, "sale"),
        (600_000, "sale"),
        (600_001, "late"),
        (APPEND_MS, "late"),
        (-60_000, "sale"),
        (-60_001, "ahead"),
    ],
)
def test_lateness(age_ms: int, expected: str) -> None:
    """Late and ahead are decided by event time and append time alone, to the millisecond."""
    assert outcome(changed(eventTime=APPEND_MS - age_ms)) == expected
    assert outcome(changed(eventTime=str(APPEND_MS - age_ms))) == expected


def test_a_late_sale_is_still_a_sale() -> None:
    """A late sale keeps its amount, so that the missing money can be reported."""
    (late,) = decode(changed(eventTime=0), APPEND_MS, RULES)
    assert isinstance(late, Late)
    assert late.sale.cents == 23_402


def test_the_first_broken_rule_is_the_reason() -> None:
    """A record that breaks every rule is rejected for the first, in the contract's order."""
    broken: dict[str, Any] = {
        "productId": "",
        "productCategory": "",
        "productPrice": -1,
        "productQuantity": 0,
        "currency": "",
        "eventTime": "",
    }
    right = {**SALE, "currency": "BRL", "eventTime": APPEND_MS + 60_001}
    reasons = []
    for name in broken:
        reasons.append(outcome(json.dumps(broken).encode()))
        broken[name] = right[name]
    reasons.append(outcome(json.dumps(broken).encode()))
    assert reasons == [reason.value for reason in Reason if reason is not Reason.UNREADABLE]


@pytest.mark.parametrize("text", ['"1763800000123456"', "1.5", "null", "true", "[1]", "{}"])
def test_stamps_are_integers_or_nothing(text: str) -> None:
    """A stamp of another kind is none; it rejects nothing."""
    assert accepted(literal("sentAt", text)).sent_us is None
