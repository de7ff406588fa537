"""The table of forms: every kind of hostile or unusual record, with an example and its outcome.

The contract is what the job accepts. If Flink's decoder is lenient, the last column states the
effect and why it is kept.
"""

from __future__ import annotations

from spaf.sale.conformance.forms import FOUR, Form

PLAIN = {
    "productId": b'"p"',
    "productCategory": b'"books"',
    "productPrice": b"1.25",
    "productQuantity": b"3",
}
FULL = b"{%s}" % FOUR


def _with(**fields: bytes | None) -> bytes:
    """Return the plain sale with fields changed or added; None removes a field."""
    members = {name: value for name, value in {**PLAIN, **fields}.items() if value is not None}
    return b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), v) for name, v in members.items())


def _and(text: bytes) -> bytes:
    """Return the plain sale with text added before its closing brace."""
    return b"{%s,%s}" % (FOUR, text)


def _field(  # noqa: PLR0913, PLR0917 - a row of the table
    kind: int, field: str, literal: bytes | None, outcome: str, becomes: str, why: str
) -> Form:
    """Return a form that changes one field."""
    shown = "absent" if literal is None else ""
    return Form(kind, field, shown, _with(**{field: literal}), outcome, becomes, why)


def _record(  # noqa: PLR0913, PLR0917 - a row of the table
    kind: int, what: str, example: bytes | None, outcome: str, becomes: str, why: str
) -> Form:
    """Return a form that changes the whole record."""
    return Form(kind, "", what, example, outcome, becomes, why)


NOT_JSON = "The decoder drops it; the ledger counts the gap in the offsets."
# An empty object, compressed.
GZIP = bytes.fromhex("1f8b08000000000002ffabae050043bfa6a302000000")
TEXT_ONLY = "An attack on another program is plain text here: every value is a bound parameter."
ID, CATEGORY, PRICE, QUANTITY = PLAIN
MONEY, TIME, DATE = "productPrice", "eventTime", "transactionDate"

WHOLE = (
    _record(0, "the smallest sale", FULL, "accepted", "", "The four fields of the brief."),
    _record(
        0,
        "every field",
        _and(
            b'"currency":"USD","transactionId":"t-1","customerId":"c","eventTime":@ms-1500@,'
            b'"productName":"x","paymentMethod":"pix","totalAmount":3.75'
        ),
        "accepted",
        "currency=USD; transaction=t-1; event=-1500",
        "Unknown fields are ignored.",
    ),
)

FRAMING = (
    _record(1, "empty value", b"", "unreadable", "", NOT_JSON),
    _record(2, "tombstone (null value)", None, "unreadable", "", NOT_JSON),
    _record(3, "white space", b" \n\t ", "unreadable", "", NOT_JSON),
    _record(4, "a bare null", b"null", "unreadable", "", NOT_JSON),
    _record(4, "a bare true", b"true", "unreadable", "", NOT_JSON),
    _record(4, "a bare number", b"42", "unreadable", "", NOT_JSON),
    _record(4, "a bare text", b'"x"', "unreadable", "", NOT_JSON),
    _record(4, "an empty array", b"[]", "unreadable", "", "It contains no sale."),
    _record(5, "an empty object", b"{}", "product", "", "Readable, but every field is missing."),
    _record(6, "cut off", FULL[:-1], "unreadable", "", NOT_JSON),
    _record(6, "cut off in a text", FULL[:9], "unreadable", "", NOT_JSON),
    _record(
        7,
        "text after the closing brace",
        FULL + b" xyz",
        "accepted",
        "",
        "The decoder stops at the brace; checking the rest would mean parsing every record twice.",
    ),
    _record(8, "two objects", FULL + FULL, "accepted", "", "As above: the second is not read."),
    _record(
        9,
        "an array of sales",
        b"[%s,%s]" % (FULL, FULL),
        "2 accepted",
        "",
        "The decoder returns a sale for each object; both count, under one offset.",
    ),
    _record(10, "trailing comma", FULL[:-1] + b",}", "unreadable", "", NOT_JSON),
    _record(10, "single quotes", FULL.replace(b'"', b"'"), "unreadable", "", NOT_JSON),
    _record(10, "a name without quotes", b"{productId:1}", "unreadable", "", NOT_JSON),
    _record(10, "a comment inside", b"{/* */%s}" % FOUR, "unreadable", "", NOT_JSON),
    _record(
        10,
        "a comment after the object",
        FULL + b" // x",
        "accepted",
        "",
        "As text after the brace.",
    ),
    _record(11, "JSON in a text", b'"{\\"productId\\":1}"', "unreadable", "", NOT_JSON),
    _record(12, "XML", b"<sale><id>1</id></sale>", "unreadable", "", NOT_JSON),
    _record(12, "CSV", b"p,books,1.25,3", "unreadable", "", NOT_JSON),
    _record(12, "Avro with a schema id", b"\0\0\0\0\1\2p", "unreadable", "", NOT_JSON),
    _record(12, "gzip", GZIP, "unreadable", "", NOT_JSON),
    _record(12, "random bytes", bytes(range(128, 192)), "unreadable", "", NOT_JSON),
)

ENCODING = (
    _record(
        13,
        "byte order mark",
        b"\xef\xbb\xbf" + FULL,
        "accepted",
        "",
        "Some editors write it; it has no effect.",
    ),
    _record(
        14,
        "UTF-16",
        FULL.decode().encode("utf-16"),
        "accepted",
        "",
        "The decoder detects UTF-16 and UTF-32 by the first bytes.",
    ),
    _record(
        14, "UTF-16 without a mark", FULL.decode().encode("utf-16-le"), "accepted", "", "As above."
    ),
    _record(14, "UTF-32", FULL.decode().encode("utf-32"), "accepted", "", "As above."),
    _record(
        15,
        "Latin-1 in the category",
        _with(productCategory=b'"caf\xe9"'),
        "category",
        "",
        "An invalid character leaves the column empty; the decoder may recover after it.",
    ),
    _record(
        16,
        "a stray byte in the last column",
        _and(b'"currency":"\x80USD"'),
        "unreadable",
        "",
        "The column is empty, and the rest is not JSON.",
    ),
    _record(
        17,
        "overlong C0 AF",
        _with(productCategory=b'"a\xc0\xafb"'),
        "accepted",
        "category=a/b",
        "The decoder reads the byte pattern and ignores the rules of UTF-8: a slash.",
    ),
    _field(18, CATEGORY, b'"a\\u0000"', "category", "", "PostgreSQL cannot store text with NUL."),
    _field(18, ID, b'"a\\u0000"', "accepted", "product=a\0", "The product is not stored."),
    _field(
        19,
        CATEGORY,
        b'"a\x00b"',
        "category",
        "",
        "The decoder accepts a raw control character; the rule of the field does not.",
    ),
    _field(19, CATEGORY, b'"a\tb"', "category", "", "As above."),
    _field(19, ID, b'"a\tb"', "accepted", "product=a\tb", "As above; this field has no such rule."),
    _field(
        20,
        CATEGORY,
        b'"a\\ud800"',
        "accepted",
        "category=a?",
        "An unpaired surrogate becomes ?, so different ones share a row; no shop uses them.",
    ),
    _field(
        21,
        CATEGORY,
        '"a\N{RIGHT-TO-LEFT OVERRIDE}b"'.encode(),
        "accepted",
        "category=a\N{RIGHT-TO-LEFT OVERRIDE}b",
        "Not a control character; texts that look the same are different categories.",
    ),
    _field(
        21,
        CATEGORY,
        '"cafe\N{COMBINING ACUTE ACCENT}"'.encode(),
        "accepted",
        "category=cafe\N{COMBINING ACUTE ACCENT}",
        "As above: nothing is normalised.",
    ),
    _field(21, CATEGORY, '"\N{NO-BREAK SPACE}"'.encode(), "accepted", "category=\xa0", "As above."),
    _field(
        22,
        CATEGORY,
        '"\N{GRINNING FACE}"'.encode(),
        "accepted",
        "category=\N{GRINNING FACE}",
        "One character, not two.",
    ),
    _field(
        22,
        CATEGORY,
        b'"\\ud83d\\ude00"',
        "accepted",
        "category=\N{GRINNING FACE}",
        "The same character, escaped: the same category.",
    ),
    _field(
        22,
        CATEGORY,
        '"{}"'.format("\N{GRINNING FACE}" * 65).encode(),
        "category",
        "",
        "65 characters.",
    ),
)

STRUCTURE = (
    _record(
        23,
        "a field twice",
        _and(b'"productQuantity":7'),
        "accepted",
        "quantity=7",
        "The last one counts.",
    ),
    _record(
        23,
        "a field after eight columns",
        b"{%s,%s,%s}" % (FOUR, FOUR, b'"productQuantity":7'),
        "accepted",
        "",
        "After eight fields that are columns the decoder ignores the rest.",
    ),
    _record(
        24, "a name in other letters", FULL.replace(b"Id", b"ID"), "product", "", "Another name."
    ),
    _record(
        25,
        "unknown fields",
        _and(b'"__proto__":{"a":[1,{}]},"constructor":null'),
        "accepted",
        "",
        "Ignored.",
    ),
    _field(26, ID, None, "product", "", "Required."),
    _field(26, ID, b"null", "product", "", "Null is absent."),
    _field(26, ID, b'""', "product", "", "At least one character."),
    _field(26, CATEGORY, None, "category", "", "Required."),
    _field(26, CATEGORY, b'""', "category", "", "At least one character."),
    _field(26, MONEY, None, "price", "", "Required."),
    _field(26, QUANTITY, None, "quantity", "", "Required."),
    _field(27, ID, b"17", "accepted", "product=17", "A number in place of text becomes its text."),
    _field(27, ID, b"true", "accepted", "product=true", "As above."),
    _field(
        27,
        ID,
        b'{ "a": 1 }',
        "accepted",
        'product={"a":1}',
        "An object in place of text becomes compact JSON.",
    ),
    _field(
        27,
        CATEGORY,
        b'{"a":1}',
        "category",
        "",
        "A category must not begin with { or [: it would be an object or an array.",
    ),
    _record(
        28,
        "nested 900 deep",
        _and(b'"x":%s%s' % (b"[" * 900, b"]" * 900)),
        "accepted",
        "",
        "Up to 1,000 levels.",
    ),
    _record(
        28,
        "nested 1,500 deep",
        _and(b'"x":' + b"[" * 1500 + b"]" * 1500),
        "unreadable",
        "",
        NOT_JSON,
    ),
    _record(28, "100,000 brackets", b"[" * 100_000, "unreadable", "", NOT_JSON),
    _record(
        29,
        "2,000 fields",
        _and(b",".join(b'"k%d":%d' % (n, n) for n in range(2_000))),
        "accepted",
        "",
        "Ignored; the size of a record limits their number.",
    ),
    _field(30, CATEGORY, b'"%s"' % (b"x" * 60_000), "category", "", "64 characters at most."),
    _record(
        30, "a long unknown text", _and(b'"x":"%s"' % (b"y" * 60_000)), "accepted", "", "Ignored."
    ),
    _field(31, ID, b'"%s"' % (b"x" * 4_096), "product", "", "64 characters at most."),
    _field(
        31,
        ID,
        b'"%s"' % (b"x" * 64),
        "accepted",
        f"product={'x' * 64}",
        "Exactly the maximum length.",
    ),
    _field(
        31,
        "transactionId",
        b'"%s"' % (b"x" * 65),
        "accepted",
        "",
        "It only labels an anomaly: if it is too long, it is dropped, and the sale is accepted.",
    ),
    _field(31, "currency", b'"usd"', "currency", "", "Three capital letters."),
    _field(31, "currency", b'"USDT"', "currency", "", "Three capital letters."),
    _field(31, "currency", b"null", "accepted", "", "Absent: the default of the settings."),
)

NUMBERS = (
    _field(32, MONEY, b"-0.01", "price", "", "Below zero."),
    _field(32, MONEY, b"0", "accepted", "cents=0", "A gift."),
    _field(32, MONEY, b"-0.0", "accepted", "cents=0", "Equal to zero."),
    _field(32, QUANTITY, b"0", "quantity", "", "At least one."),
    _field(32, QUANTITY, b"-1", "quantity", "", "At least one."),
    _field(33, MONEY, b"NaN", "unreadable", "", "Not JSON."),
    _field(33, MONEY, b"-Infinity", "unreadable", "", "Not JSON."),
    _field(33, MONEY, b'"NaN"', "price", "", "Not a number, so not in the range."),
    _field(33, MONEY, b'"Infinity"', "price", "", "Too high."),
    _field(34, MONEY, b"1e400", "price", "", "Infinite as a double, so too high."),
    _field(34, MONEY, b"1e-400", "accepted", "cents=0", "Zero as a double."),
    _field(35, MONEY, b"0.125", "price", "", "A third decimal is refused, not rounded."),
    _field(35, MONEY, b"1.250", "accepted", "", "The third decimal is zero."),
    _field(35, MONEY, b"19.999", "price", "", "A third decimal, however near."),
    _field(35, MONEY, b"1.2504", "accepted", "", "Within a twentieth of a cent of a whole one."),
    _field(35, MONEY, b"1.2505", "price", "", "A twentieth of a cent, and more, is refused."),
    _field(
        35,
        MONEY,
        b"1234.56005859375",
        "accepted",
        "cents=123456",
        "1234.56 in single precision, as a 32-bit float writes it.",
    ),
    _field(
        35,
        MONEY,
        b"16383.990234375",
        "accepted",
        "cents=1638399",
        "Single precision is near enough up to 16,384.",
    ),
    _field(
        35,
        MONEY,
        b"99999.9921875",
        "price",
        "",
        "Single precision above it: 99999.99 is no longer distinguished from a third decimal.",
    ),
    _field(36, MONEY, b"9999999999.99", "accepted", "cents=999999999999", "The highest price."),
    _field(36, MONEY, b"10000000000", "price", "", "Too high."),
    _field(36, QUANTITY, b"1000000", "accepted", "quantity=1000000", "The maximum."),
    _field(36, QUANTITY, b"1000001", "quantity", "", "Too many."),
    _field(36, QUANTITY, b"9223372036854775808", "quantity", "", "Too many."),
    _field(36, TIME, b"9" * 38, "event_time", "", "Not a time."),
    _field(37, MONEY, b"1" * 1_001, "unreadable", "", "The decoder takes 1,000 digits."),
    _field(37, MONEY, b'"%s"' % (b"1" * 1_001), "price", "", "As text it is only too high."),
    _field(38, QUANTITY, b"1.5", "quantity", "", "A fraction is refused, not truncated."),
    _field(39, QUANTITY, b"1e1", "accepted", "quantity=10", "The same number."),
    _field(39, QUANTITY, b"2.0", "accepted", "quantity=2", "The same number."),
    _field(40, MONEY, b'"12.5"', "accepted", "cents=1250", "A number in quotes is that number."),
    _field(40, MONEY, b'" 12.5 "', "accepted", "cents=1250", "Java trims it."),
    _field(40, MONEY, b'"12.5d"', "accepted", "cents=1250", "Java's notation of a double."),
    _field(40, QUANTITY, b'"0x1p3"', "accepted", "quantity=8", "Java's hexadecimal notation."),
    _field(41, MONEY, b'"12,5"', "price", "", "Not a number."),
    _field(41, MONEY, b'""', "price", "", "Not a number."),
    _field(41, MONEY, b"true", "price", "", "Not a number."),
    _field(
        41,
        MONEY,
        b"[1]",
        "price",
        "",
        "The decoder continues inside the array; usually the record is refused.",
    ),
    _field(42, MONEY, b"01", "unreadable", "", "Not JSON."),
    _field(42, MONEY, b"+1", "unreadable", "", "Not JSON."),
    _field(42, MONEY, b"0x10", "unreadable", "", "Not JSON."),
    _field(42, MONEY, b".5", "unreadable", "", "Not JSON."),
    _field(42, MONEY, b"5.", "unreadable", "", "Not JSON."),
    _field(42, MONEY, b'"+.5"', "accepted", "cents=50", "In quotes Java reads it."),
)

TIMES = (
    _field(43, DATE, b'"@iso+0@"', "accepted", "event=+0s", "Without a zone it is UTC."),
    _field(43, DATE, b'"@iso+0@Z"', "accepted", "event=+0s", "UTC."),
    _field(
        44, DATE, b'"@iso+3600000@+01:00"', "accepted", "event=+0s", "An offset up to 14 hours."
    ),
    _field(44, DATE, b'"@iso-9000000@-02:30"', "accepted", "event=+0s", "Minutes count too."),
    _field(44, DATE, b'"@iso-10800000@-0300"', "accepted", "event=+0s", "Without the colon."),
    _field(44, DATE, b'"@iso-10800000@-03"', "accepted", "event=+0s", "As PostgreSQL writes it."),
    _field(44, DATE, b'"@iso+0@ UTC"', "accepted", "event=+0s", "As BigQuery writes it; also GMT."),
    _field(44, DATE, b'"@iso+19800000@ +0530"', "accepted", "event=+0s", "As Ruby writes it."),
    _field(
        44,
        DATE,
        b'"@iso-10800000@-03:00[America/Sao_Paulo]"',
        "accepted",
        "event=+0s",
        "As Java writes it: the offset counts, the name of the zone is not read.",
    ),
    _field(44, DATE, b'"@iso+0@ BRT"', "event_time", "", "A zone by its letters is ambiguous."),
    _field(44, DATE, b'"@iso+0@[UTC]"', "event_time", "", "A name without an offset is not read."),
    _field(
        45,
        DATE,
        b'"1970-06-01 00:00:00"',
        "late",
        "event=13046400000",
        "A space in place of the T.",
    ),
    _field(
        46,
        DATE,
        b'"@iso+0@.123456789"',
        "accepted",
        "event=+123s",
        "Digits after the millisecond are ignored.",
    ),
    _field(46, DATE, b'"@iso+0@,5Z"', "accepted", "event=+500s", "A comma, as Python's logging."),
    _field(46, DATE, b'"@iso+0@.1234567890"', "event_time", "", "Nine digits at most."),
    _field(
        46,
        DATE,
        b'"1970-06-01T00:00Z"',
        "late",
        "event=13046400000",
        "Java leaves out seconds that are 0.",
    ),
    _field(46, DATE, b'"2025-11-22"', "event_time", "", "A day is no time."),
    _field(46, DATE, b'"20251122T120000Z"', "event_time", "", "The basic form of ISO 8601."),
    _field(46, DATE, b'"Sat, 22 Nov 2025 12:00:00 GMT"', "event_time", "", "RFC 2822, HTTP."),
    _field(46, DATE, b'"/Date(1763800000123)/"', "event_time", "", "The JSON of old .NET."),
    _field(47, TIME, b"@s+0@", "accepted", "event=+0s", "Seconds: a number below 10^11."),
    _field(
        47,
        TIME,
        b"@s+0@.123456",
        "accepted",
        "event=+0s",
        "Python's time.time(); the fraction is truncated.",
    ),
    _field(47, TIME, b"@us+0@", "accepted", "event=+0", "Microseconds: from 10^14 on."),
    _field(47, TIME, b'"@ns-1@"', "accepted", "event=-1", "Nanoseconds: from 10^17 on."),
    _field(47, TIME, b"1.763800000123e12", "event_time", "", "SQL casts no exponent."),
    _field(48, DATE, b'"2025-02-30T12:00:00"', "event_time", "", "The date must exist."),
    _field(49, DATE, b'"2025-02-20T24:00:00"', "event_time", "", "The hour must exist."),
    _field(50, DATE, b'"2016-12-31T23:59:60"', "event_time", "", "No leap seconds."),
    _field(51, TIME, b"0", "late", "event=0", "1970."),
    _field(51, TIME, b"-1", "event_time", "", "Before 1970."),
    _field(51, TIME, b"99999999999", "ahead", "", "The last number in seconds, in the year 5138."),
    _field(51, TIME, b"100000000000", "late", "event=100000000000", "The first in milliseconds."),
    _field(51, TIME, b"9223372036854775807", "ahead", "", "The last number of a BIGINT: ns."),
    _field(51, TIME, b"9223372036854775808", "event_time", "", "Beyond it."),
    _field(51, DATE, b'"0000-01-01T00:00:00"', "event_time", "", "Years 1970 to 2037."),
    _field(51, DATE, b'"10000-01-01T00:00:00"', "event_time", "", "Years 1970 to 2037."),
    _field(51, DATE, b'"9999-12-31T23:59:59"', "event_time", "", "Years 1970 to 2037."),
    _field(51, DATE, b'"1970-01-01T00:00:00"', "late", "event=0", "The first."),
    _field(51, DATE, b'"1970-01-01T00:00:00+01:00"', "event_time", "", "Before the first."),
    _field(52, TIME, b"@ms+60000@", "accepted", "event=+60000", "Exactly the maximum lead."),
    _field(52, TIME, b"@ms+60001@", "ahead", "", "One millisecond more."),
    _field(53, TIME, b"@ms-600000@", "accepted", "event=-600000", "Exactly the maximum lateness."),
    _field(53, TIME, b"@ms-599999@", "accepted", "event=-599999", "One millisecond less."),
    _field(53, TIME, b"@ms-600001@", "late", "event=-600001", "One millisecond more."),
    _field(53, TIME, b'"@ms-7@"', "accepted", "event=-7", "A number in quotes."),
    _field(53, TIME, b'" @ms-7@ "', "accepted", "event=-7", "SQL trims spaces."),
    _field(53, TIME, b"@ms-7@.9", "accepted", "event=-7", "SQL truncates a fraction."),
    _field(
        53,
        TIME,
        b'"."',
        "late",
        "event=0",
        "SQL casts it to 0, so it is late and not counted.",
    ),
    _field(53, TIME, b'"@ms-7@L"', "event_time", "", "Not a number."),
    _field(53, TIME, b"1e3", "event_time", "", "SQL does not cast an exponent to an integer."),
    _field(54, DATE, b'"1970-06-01t00:00:00z"', "late", "event=13046400000", "Small t and z."),
    _field(54, DATE, b'"yesterday"', "event_time", "", "Not a time."),
    _field(54, TIME, b'"yesterday"', "event_time", "", "Not a time."),
    _record(
        54,
        "both times, the first broken",
        _and(b'"eventTime":"x","transactionDate":"@iso+0@"'),
        "event_time",
        "",
        "The first of the two that is present decides.",
    ),
)

HOSTILE = (
    *(
        _field(
            kind,
            CATEGORY,
            b'"%s"' % text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
            "accepted",
            f"category={text}",
            TEXT_ONLY,
        )
        for kind, text in (
            (64, "x'); DROP TABLE t;--"),
            (65, "<img src=x onerror=alert(1)>"),
            (65, "</script>"),
            (65, "javascript:alert(1)"),
            (66, '=HYPERLINK("http://x")'),
            (66, "+cmd|' /C calc'!A0"),
            (67, "${jndi:ldap://x/a}"),
            (67, "%s%n"),
            (68, "../../etc/passwd"),
            (70, "never seen before"),
        )
    ),
    _field(
        69,
        CATEGORY,
        b'"a\\r\\nb"',
        "category",
        "",
        "Control characters: they could forge a line of a log.",
    ),
    _field(
        69,
        CATEGORY,
        b'"\\u001b[2J"',
        "category",
        "",
        "Control characters: a terminal would execute them.",
    ),
    _field(69, CATEGORY, b'"\\u009b2J"', "category", "", "The same as one character."),
)

FORMS: tuple[Form, ...] = (
    *WHOLE,
    *FRAMING,
    *ENCODING,
    *STRUCTURE,
    *NUMBERS,
    *TIMES,
    *HOSTILE,
)
"""Every form of a single record."""

STREAM = (
    (55, "the same sale twice", "Both count: the contract defines no identity of a sale."),
    (56, "one transactionId, two sales", "Both count; transactionId is a label, not a key."),
    (
        57,
        "a sale repeated after a restart",
        "Both count, as above. A replay by the job does not count a record again.",
    ),
    (58, "out of order, up to the lateness allowed", "Each is added to the row of its second."),
    (59, "any key, none, an empty or a binary one, any partition", "Neither is read."),
    (
        60,
        "larger than 64 KiB",
        "Refused by SPAF's producer; from other producers checked by its fields, up to 1 MiB.",
    ),
    (
        61,
        "headers, batches compressed by gzip, snappy, lz4 or zstd",
        "Headers are ignored; the records of a batch are checked one by one.",
    ),
    (
        62,
        "transactions, committed or aborted; compaction",
        "Only committed records are read; the other offsets are counted as without a record.",
    ),
    (
        63,
        "a timestamp that the client sets on the record",
        "`spaf up` refuses a topic that stores it.",
    ),
)
"""Kinds that no single record shows: number, form, outcome."""
