"""A client of the topic on one of the hosts; it connects as the settings of the host say.

`client.py sell` sends sales of some products, each twice; `client.py order` prints how the sales of
each product lie in the topic.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict

from spaf import settings
from spaf.topic import admin
from spaf.topic.producer import open_producer
from spaf.topic.range_reader import read
from spaf.topic.security import KafkaAddress

SALES, PRODUCTS = 300, 10
FLUSH_S = 60


def sell(kafka: KafkaAddress, topic: str) -> None:
    """Send the sales; of the two copies of one, the second has no key and may go anywhere."""
    producer = open_producer(kafka, "spaf-test")
    failed: list[object] = []
    for number in range(SALES):
        product = f"copied_{number % PRODUCTS}"
        sale = {
            "transactionId": f"copied-x-{number}",
            "productId": product,
            "productCategory": "books",
            "productPrice": 1.25,
            "productQuantity": 1,
        }
        for key in (product.encode(), None):
            producer.produce(
                topic,
                json.dumps(sale).encode(),
                key=key,
                on_delivery=lambda error, _: failed.append(error) if error else None,
            )
    left = producer.flush(FLUSH_S)
    json.dump({"sent": 2 * SALES, "failed": len(failed) + left}, sys.stdout)


def order(kafka: KafkaAddress, topic: str) -> None:
    """Print in how many partitions a product is at most, and the sales that overtook another."""
    parts: dict[str, set[int]] = defaultdict(set)
    last: dict[tuple[str, str], int] = {}
    overtaken = []
    counts: dict[int, int] = defaultdict(int)
    for record in read(kafka, topic, {}, admin.end_offsets(kafka, topic)):
        counts[record.partition] += 1
        sale = json.loads(record.value or b"{}")
        seed, run, number = sale["transactionId"].split("-")[:3]
        if seed == "copied":
            continue
        product = sale["productId"]
        parts[product].add(record.partition)
        if int(number) <= last.get((run, product), -1):
            overtaken.append(sale["transactionId"])
        last[run, product] = int(number)
    found = {
        "records": dict(counts),
        "products": len(parts),
        "partitions_of_a_product": max(map(len, parts.values())),
        "overtaken": overtaken,
    }
    json.dump(found, sys.stdout)


def main() -> None:
    """Do what the command line says."""
    chosen = settings.load()
    kafka = KafkaAddress.of(chosen.kafka.bootstrap_servers or "", chosen.kafka)
    {"sell": sell, "order": order}[sys.argv[1]](kafka, chosen.kafka.topic)


if __name__ == "__main__":
    main()
