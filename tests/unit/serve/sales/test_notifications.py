"""What the notices of PostgreSQL say."""

from __future__ import annotations

import msgspec
import pytest

from spaf.serve.sales import notifications
from spaf.serve.sales.rollup import SecondRow

LARGE = "9" * 38


def test_a_row_is_read_whole() -> None:
    """Money that no 64 bits hold, too."""
    payload = f'[[1763800000,"a\\"\U0001f600","BRL",3,7,"{LARGE}",1763800000123]]'.encode()
    found = SecondRow(1_763_800_000, 'a"\U0001f600', "BRL", 3, 7, int(LARGE), 1_763_800_000_123)
    assert notifications.rows(payload) == [found]
    assert found.wire()[5] == LARGE


def test_anomalies_of_both_kinds_are_read() -> None:
    """An unusual sale has a place in the log, an unusual second its moment."""
    sale, second = notifications.anomalies(
        b'[["price_x10","books","1234","120",9.5,1763800002500,0,7,null],'
        b'["surge","books",40,10.5,6,1763800002500,1763800000]]'
    )
    assert sale.wire(1_763_800_002_000, "BRL") == {
        "kind": "price_x10",
        "category": "books",
        "amount": "1234",
        "expected": "120",
        "score": 9.5,
        "detected_ms": 1_763_800_002_500,
        "partition": 0,
        "offset": 7,
        "transaction_id": None,
        "currency": "BRL",
        "known_after_ms": 500,
    }
    assert sale.wire(None, None)["known_after_ms"] is None
    sent = second.wire(None, None)
    assert sent["known_after_ms"] == 1_500
    assert (sent["second"], sent["amount"], sent["expected"]) == (1_763_800_000, 40, 10.5)
    assert "partition" not in sent


@pytest.mark.parametrize(
    "payload", [b"", b"x", b"{}", b"[[1]]", b'[[1,"a","BRL",1,1,1,1]]', b"[1]"]
)
def test_what_is_none_of_ours_is_an_error(payload: bytes) -> None:
    """Anybody may send a notice; the reader passes these over."""
    for read in (notifications.rows, notifications.anomalies):
        with pytest.raises((msgspec.DecodeError, ValueError)):
            read(payload)
