"""The sale stream: deterministic, valid, and labelled where it is anomalous."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.generate.anomalies.anomaly import KINDS, Label, inject
from spaf.generate.shop import catalogue
from spaf.generate.shop.assortment import CATEGORIES, ShopSize
from spaf.generate.shop.stream import BATCH_SALES, PAYMENT_SHARES, SaleStream

NOW = 1_795_000_000_123_456
SHOP = catalogue.build(7)


def stream(
    run_id: str = "r",
    *,
    seed: int = 7,
    currencies: tuple[str, ...] = ("BRL",),
    anomaly_rate: float = 0.0,
) -> SaleStream:
    """Return a stream of the shop with seed 7."""
    return SaleStream(
        SHOP, seed=seed, run_id=run_id, currencies=currencies, anomaly_rate=anomaly_rate
    )


def sales(source: SaleStream, count: int) -> list[dict[str, Any]]:
    """Return the next sales, decoded."""
    return [msgspec.json.decode(source.next_sale(NOW, NOW)[0]) for _ in range(count)]


def test_same_seed_same_sales() -> None:
    """Two streams of one seed and run say the same, byte for byte, over batches."""
    one, other = stream(anomaly_rate=0.1), stream(anomaly_rate=0.1)
    count = 2 * BATCH_SALES + 1
    assert [one.next_sale(NOW, NOW) for _ in range(count)] == [
        other.next_sale(NOW, NOW) for _ in range(count)
    ]


def test_other_run_differs_in_its_ids_only() -> None:
    """Runs of one seed sell the same under ids that never collide."""
    one, other = sales(stream("a"), 500), sales(stream("b"), 500)
    ids = [sale.pop("transactionId") for sale in one + other]
    assert one == other
    assert len(set(ids)) == len(ids)


def test_other_seed_other_sales() -> None:
    """The seed decides what is sold."""
    one, other = sales(stream(), 100), sales(stream(seed=8), 100)
    assert [sale["productId"] for sale in one] != [sale["productId"] for sale in other]


def test_same_seed_same_shop_in_another_process() -> None:
    """The shop depends on nothing that differs between processes, such as hash seeds."""
    code = "from spaf.generate.shop import catalogue; print(catalogue.build(7).products)"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == str(SHOP.products)


def test_shop_is_realistic() -> None:
    """Ten categories of twenty products, unique ids, prices within a factor of three."""
    assert len({product.product_id for product in SHOP.products}) == 200
    for category in CATEGORIES:
        prices = [product.price_cents for product in SHOP.products if product.category == category]
        assert len(prices) == 20
        assert 1 < max(prices) / min(prices) < 4


def test_a_larger_shop_repeats_its_names_with_numbers() -> None:
    """Each category has as many products as asked for; the sales come from all of them."""
    shop = catalogue.build(7, ShopSize(categories=25, products_per_category=30, customers=8))
    assert shop.categories[:10] == CATEGORIES
    assert (shop.categories[10], shop.categories[24]) == ("electronics 2", "beauty 3")
    assert len({product.product_id for product in shop.products}) == 25 * 30
    assert len({(one.category, one.name.split(" ", 1)[1]) for one in shop.products}) == 25 * 30
    source = SaleStream(shop, seed=7, run_id="r", currencies=("BRL",), episode_every_s=1.0)
    slots = (source.sales(NOW + 100_000 * slot, NOW) for slot in range(5_000))
    sold = [msgspec.json.decode(value) for slot in slots for value, _ in slot if value]
    assert {sale["productCategory"] for sale in sold} == set(shop.categories)
    assert {sale["customerId"] for sale in sold} == {f"cust_{n}" for n in range(1, 9)}


def test_a_smaller_shop_has_the_first_names() -> None:
    """One category of one product for one customer."""
    shop = catalogue.build(7, ShopSize(1, 1, 1))
    source = SaleStream(shop, seed=7, run_id="r", currencies=("BRL",))
    assert {sale["productCategory"] for sale in sales(source, 50)} == {CATEGORIES[0]}


def test_shares_end_at_one() -> None:
    """Every draw below 1 finds a product and a customer."""
    assert SHOP.product_shares[-1] == SHOP.customer_shares[-1] == 1.0
    assert bool(np.all(np.diff(SHOP.product_shares) > 0))
    categories = SHOP.category_shares()
    assert list(categories) == list(CATEGORIES)
    assert sum(categories.values()) == pytest.approx(1.0)
    first, second, *_ = categories.values()
    assert first / second == pytest.approx(2**catalogue.CATEGORY_SKEW)


def test_sale_has_every_field_in_range() -> None:
    """Each sale is valid JSON of the contract's fields, 250 to 400 bytes long."""
    source = stream(currencies=("BRL", "USD", "EUR"))
    for number in range(3_000):
        value, label = source.next_sale(NOW, NOW + 700)
        sale = msgspec.json.decode(value)
        assert label is None
        assert 250 < len(value) < 400
        assert sale["transactionId"] == f"7-r-{number}"
        assert sale["productCategory"] in CATEGORIES
        assert 1 <= sale["productQuantity"] <= 5
        assert sale["productPrice"] == round(sale["productPrice"], 2) > 0
        assert sale["totalAmount"] == round(sale["productPrice"] * sale["productQuantity"], 2)
        assert sale["currency"] in {"BRL", "USD", "EUR"}
        assert sale["paymentMethod"] in PAYMENT_SHARES
        assert sale["customerId"].startswith("cust_")
        assert (sale["eventTime"], sale["intendedAt"]) == (NOW // 1_000, NOW)
        assert sale["sentAt"] == NOW + 700


def test_first_currency_has_its_share() -> None:
    """About 85 % of the sales are in the first currency."""
    found = [sale["currency"] for sale in sales(stream(currencies=("BRL", "USD")), 4_000)]
    assert found.count("BRL") / len(found) == pytest.approx(0.85, abs=0.03)


@given(st.integers(0, 2**63 - 1))
def test_any_seed_makes_a_shop(seed: int) -> None:
    """Every seed that the settings allow works, and its sales keep ids within 64 characters."""
    source = SaleStream(catalogue.build(seed), seed=seed, run_id=f"{NOW:x}", currencies=("BRL",))
    assert len(sales(source, 1)[0]["transactionId"]) <= 50


def test_labels_tell_the_truth() -> None:
    """Each labelled sale, and no other, differs from the clean stream by its label's factor."""
    clean, dirty = stream(), stream(anomaly_rate=0.2)
    seen = set()
    for _ in range(3_000):
        expected = msgspec.json.decode(clean.next_sale(NOW, NOW)[0])
        value, label = dirty.next_sale(NOW, NOW)
        sale = msgspec.json.decode(value)
        if label is None:
            assert sale == expected
            continue
        seen.add(label.kind)
        assert (label.transaction_id, label.category) == (
            sale["transactionId"],
            sale["productCategory"],
        )
        # A tenth of a price is rounded to a cent, the factor is not.
        assert sale["totalAmount"] == pytest.approx(
            expected["totalAmount"] * label.factor, abs=0.01 * sale["productQuantity"]
        )
    assert seen == set(KINDS)


def test_label_never_travels_with_the_sale() -> None:
    """An anomalous sale has the fields of any other."""
    assert sales(stream(anomaly_rate=1.0), 1)[0].keys() == sales(stream(), 1)[0].keys()


def test_anomaly_rate_changes_while_selling() -> None:
    """The rate holds from the next sale on."""
    source = stream(anomaly_rate=0.0)
    assert source.next_sale(NOW, NOW)[1] is None
    source.anomaly_rate = 1.0
    assert source.next_sale(NOW, NOW)[1] is not None


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 10**7), st.integers(1, 5))
def test_injection_stays_in_range(draw: float, cents: int, quantity: int) -> None:
    """Any draw gives one of the kinds, a price of at least a cent, and a bulk order in bounds."""
    injected = inject(draw, cents, quantity)
    assert injected.kind == KINDS[int(draw * len(KINDS))]
    assert injected.price_cents >= 1
    if injected.kind == "bulk_quantity":
        assert 50 <= injected.quantity <= 200
    else:
        assert injected.quantity == quantity


def test_label_is_written_in_the_names_of_the_event() -> None:
    """The file of the run has transactionId, as the event has."""
    assert msgspec.json.encode(Label("7-r-1", "price_x10", "books", 10.0)) == (
        b'{"transactionId":"7-r-1","kind":"price_x10","category":"books","factor":10.0}'
    )
