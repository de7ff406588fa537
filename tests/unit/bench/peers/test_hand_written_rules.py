"""The consumer by hand applies the contract as `spaf.sale` does, record by record."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from types import ModuleType
from typing import NamedTuple

import pytest

from spaf import sale as contract
from spaf.bench.peers.live import bad_records, sale
from spaf.bench.peers.peer import PROGRAMS

NOW_MS = 1_800_000_000_000
RULES = contract.Rules("BRL", 600_000, 60_000)
# Each is at a limit of the contract, on either side of it.
AT_LIMITS = [
    *(sale(eventTime=NOW_MS + ms) for ms in (-600_001, -600_000, 60_000, 60_001)),
    *(sale(eventTime=epoch) for epoch in (NOW_MS // 1000, NOW_MS * 1000, NOW_MS * 10**6, None)),
    *(sale(productPrice=price, productQuantity=3) for price in (0, 0.29, 1234.56005859375, 1.0006)),
    *(sale(productQuantity=quantity) for quantity in (1.0, 1_000_000)),
    *(sale(currency=currency) for currency in (None, "USD", "US")),
    *(sale(productCategory=name) for name in ("{a", "é" * 64)),
    sale(transactionDate="2027-01-15T05:00:00-03:00"),
    sale(transactionDate="2027-01-15T08:00:00.123"),
]


class Message(NamedTuple):
    """A message as the client of Kafka has it."""

    content: bytes | None

    def value(self) -> bytes | None:
        """Return the value."""
        return self.content

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of the time stamp, and the append time."""
        return 2, NOW_MS


@pytest.fixture(scope="module")
def consumer() -> ModuleType:
    """Return the program as a module."""
    variables = {
        "PEER_MAX_LATENESS_MS": "600000",
        "PEER_MAX_AHEAD_MS": "60000",
        "PEER_DEFAULT_CURRENCY": "BRL",
        "PEER_CATEGORIES": "books,toys",
    }
    file = PROGRAMS / "hand-written" / "consumer.py"
    specification = importlib.util.spec_from_file_location("consumer", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        specification.loader.exec_module(module)
    return module


def test_same_outcome(consumer: ModuleType) -> None:
    """A sale adds to the same row the same pieces and cents; all else adds nothing."""
    for value in (sale(), *AT_LIMITS, *bad_records(NOW_MS)):
        sums: defaultdict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        refused = consumer.add(sums, Message(value))
        (outcome,) = contract.decode(value, NOW_MS, RULES)
        if isinstance(outcome, contract.Sale):
            key = (outcome.event_ms // 1000, outcome.category, outcome.currency)
            assert (refused, sums) == (False, {key: [1, outcome.quantity, outcome.cents]}), value
        else:
            assert (refused, sums) == (True, {}), value
