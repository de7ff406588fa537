"""Decode the plain records of a batch together: what `fast_path` reads one by one, a column each.

Records of one program have one form: the same names, each once. A decoder that requires exactly
these names reads many such records in one call, and knows that none repeats a column: each record
then has at least one colon a name, so that all of them together have exactly that number only if
no record has another one. All other plain records are read one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np

from spaf.sale.contract import MIN_EPOCH_MS, MIN_EPOCH_NS, MIN_EPOCH_US, PRICE_LIMIT, Sale
from spaf.sale.fast_path import (
    MAX_BYTES,
    PlainColumns,
    event_time,
    is_currency,
    is_known_category,
    read_plain,
)
from spaf.sale.validation import CENT_TOLERANCE, is_product, transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from spaf.sale.contract import Rules

# Records of one call of the decoder: the call itself is cheap then, and the text stays in the
# processor's cache.
MAX_TOGETHER = 128
# Fewer records than this are not divided further when one of them is not plain.
MIN_TOGETHER = 16
# Forms with a decoder. A topic has a few; a decoder is never freed.
MAX_FORMS = 32
LINE_FEED, COLON, OPENING, CLOSING = b"\n:{}"
REQUIRED = ("productId", "productCategory", "productPrice", "productQuantity")
first_byte, last_byte = itemgetter(0), itemgetter(-1)

column_values = attrgetter(*PlainColumns.__struct_fields__)
COLUMN_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(PlainColumns)}

_decoders: dict[frozenset[str], Callable[[bytes], list[Any]] | None] = {}
_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(slots=True)
class SaleColumns:
    """The sales of the plain records of a batch that follow every rule, one column a field."""

    rows: NDArray[np.int64]
    """Index of each sale in the batch, ascending."""
    products: Sequence[str]
    categories: Sequence[str]
    currencies: Sequence[str]
    unit_cents: NDArray[np.int64]
    quantities: NDArray[np.int64]
    event_ms: NDArray[np.int64]
    transaction_ids: Sequence[str | None]
    """As they are written: an identifier may be too long or have a control character."""

    @classmethod
    def of(cls, sales: Sequence[Sale]) -> Self:
        """Return the columns of sales; `rows` counts them."""
        return cls(
            np.arange(len(sales)),
            [sale.product_id for sale in sales],
            [sale.category for sale in sales],
            [sale.currency for sale in sales],
            np.array([sale.unit_cents for sale in sales], np.int64),
            np.array([sale.quantity for sale in sales], np.int64),
            np.array([sale.event_ms for sale in sales], np.int64),
            [sale.transaction_id for sale in sales],
        )

    def each(self) -> Iterator[Sale]:
        """Yield the sales, without the stamps of the generator and invalid identifiers."""
        numbers = zip(
            self.unit_cents.tolist(), self.quantities.tolist(), self.event_ms.tolist(), strict=True
        )
        for row, amounts in enumerate(numbers):
            identifier = transaction_id(self.transaction_ids[row])
            texts = self.categories[row], self.currencies[row]
            yield Sale(*texts, *amounts, identifier, self.products[row], None, None)

    def where(self, chosen: NDArray[np.bool_]) -> SaleColumns:
        """Return the sales that are chosen."""
        if chosen.all():
            return self
        return SaleColumns(
            self.rows[chosen],
            list(compress(self.products, chosen)),
            list(compress(self.categories, chosen)),
            list(compress(self.currencies, chosen)),
            self.unit_cents[chosen],
            self.quantities[chosen],
            self.event_ms[chosen],
            list(compress(self.transaction_ids, chosen)),
        )


def plain_sales(
    values: Sequence[bytes | None], append_ms: Sequence[int], rules: Rules
) -> SaleColumns:
    """Return the sales of the plain records of a batch: those for which `parse_plain` returns one.

    Args:
        values: of the records.
        append_ms: append time of each, epoch milliseconds.
        rules: the contract settings.

    """
    # A tombstone is no plain record, and neither is an empty value.
    texts = [value or b"" for value in values]
    rows: list[int] = []
    fields: list[tuple[Any, ...]] = []
    for first in range(0, len(texts), MAX_TOGETHER):
        for own_rows, records in _read(texts[first : first + MAX_TOGETHER], first):
            rows += own_rows
            # The records are in the processor's cache now.
            fields += map(column_values, records)
    return _sales(rows, fields, append_ms, rules)


def _read(
    values: Sequence[bytes], first: int
) -> Iterator[tuple[Iterable[int], Iterable[PlainColumns]]]:
    """Yield the plain records with their indexes, which begin at `first`."""
    together = _read_together(values)
    if together is not None:
        yield range(first, first + len(values)), together
    elif len(values) < MIN_TOGETHER:
        singly = [(row, read_plain(value)) for row, value in enumerate(values, first)]
        plain = [(row, record) for row, record in singly if record is not None]
        yield [row for row, _ in plain], [record for _, record in plain]
    else:
        half = len(values) // 2
        yield from _read(values[:half], first)
        yield from _read(values[half:], first + half)


def _read_together(values: Sequence[bytes]) -> list[PlainColumns] | None:
    """Return the records of one form; None if one of them may be no plain record of this form.

    A line is one record: it begins with the only opening brace in it and ends with the only closing
    one, because a string that goes on over the end of a line is an error of the decoder.
    """
    if b"" in values or max(map(len, values)) > MAX_BYTES:
        return None
    if {*map(first_byte, values)} != {OPENING} or {*map(last_byte, values)} != {CLOSING}:
        return None
    text = b"\n".join(values)
    number = len(values)
    characters = np.frombuffer(text, np.uint8)
    opening, closing, colons, line_ends = (
        np.count_nonzero(characters == character)
        for character in (OPENING, CLOSING, COLON, LINE_FEED)
    )
    if not opening == closing == line_ends + 1 == number:
        return None
    try:
        names = frozenset(_names(values[0]))
        decode_lines = _decoder(names)
        if decode_lines is None or colons != number * len(names):
            return None
        if not text.isascii():
            text.decode()
        return decode_lines(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _decoder(names: frozenset[str]) -> Callable[[bytes], list[Any]] | None:
    """Return what decodes lines whose objects have all these names; None if nothing does."""
    if names in _decoders:
        return _decoders[names]
    if len(_decoders) >= MAX_FORMS:
        return None
    decoder = None
    if names.issuperset(REQUIRED):
        decoder = msgspec.json.Decoder(_form(names)).decode_lines
    _decoders[names] = decoder
    return decoder


def _form(names: frozenset[str]) -> type[msgspec.Struct]:
    """Return a struct that requires all these names, and has the columns as its attributes."""
    rename = {field.name: name for name, field in COLUMN_FIELDS.items()}
    fields: list[Any] = [
        (field.name, field.type) if name in names else (field.name, field.type, None)
        for name, field in COLUMN_FIELDS.items()
    ]
    for index, name in enumerate(names - COLUMN_FIELDS.keys()):
        fields.append((f"other_{index}", msgspec.Raw))
        rename[f"other_{index}"] = name
    return msgspec.defstruct("PlainForm", fields, rename=rename, kw_only=True, gc=False)


def _sales(
    rows: list[int], fields: list[tuple[Any, ...]], append_ms: Sequence[int], rules: Rules
) -> SaleColumns:
    """Return the sales of plain records that follow every rule."""
    if not fields:
        return SaleColumns.of([])
    products, categories, prices, quantities, currencies, identifiers, *times = zip(
        *fields, strict=True
    )
    if None in currencies:
        default = rules.default_currency
        currencies = tuple(default if code is None else code for code in currencies)
    unit_cents, is_sale = _cents(np.array(prices, float))
    epochs, dates = times
    event_ms, is_time = _event_times(epochs, dates, [append_ms[row] for row in rows])
    is_sale &= is_time
    for texts, is_valid in (
        (products, is_product),
        (categories, is_known_category),
        (currencies, is_currency),
    ):
        invalid = {text for text in set(texts) if not is_valid(text)}
        if invalid:
            is_sale &= np.array([text not in invalid for text in texts])
    return SaleColumns(
        np.array(rows, np.int64),
        products,
        categories,
        currencies,
        unit_cents,
        np.array(quantities, np.int64),
        event_ms,
        identifiers,
    ).where(is_sale)


def _cents(prices: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return prices in whole cents, and which of them follow the rule, as `validation.cents`."""
    in_range = (prices >= 0) & (prices < PRICE_LIMIT)
    price_cents = np.where(in_range, prices, 0.0) * 100.0
    nearest = np.floor(price_cents + 0.5)
    is_cent = np.abs(price_cents - nearest) < CENT_TOLERANCE
    return nearest.astype(np.int64), in_range & is_cent


def _event_times(
    epochs: Sequence[int | None], dates: Sequence[str | None], append_ms: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return event times, epoch milliseconds, and which of them are valid."""
    if None in epochs:
        times = list(map(event_time, epochs, dates, append_ms))
        valid = np.array([time is not None for time in times], bool)
        return np.array([time or 0 for time in times], np.int64), valid
    known = np.array(epochs, np.int64)
    units = [known < MIN_EPOCH_MS, known < MIN_EPOCH_US, known < MIN_EPOCH_NS]
    scaled = [known * 1_000, known, known // 1_000]
    return np.select(units, scaled, known // 1_000_000), np.ones(len(known), bool)
