"""What can be held of the programs of Flink, PyFlink and Spark without starting one of them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from spaf import sale as contract
from spaf.bench.peers.live import bad_records, sale
from spaf.bench.peers.peer import PROGRAMS
from spaf.stack import runtime

NOW_MS = 1_800_000_000_000
RULES = contract.Rules("BRL", 600_000, 60_000)
# Each is at a limit of the contract, on either side of it.
AT_LIMITS = [
    *(sale(eventTime=NOW_MS + ms) for ms in (-600_001, -600_000, 60_000, 60_001)),
    *(sale(eventTime=epoch) for epoch in (NOW_MS // 1000, NOW_MS * 1000, NOW_MS * 10**6, None)),
    *(sale(productPrice=price, productQuantity=3) for price in (0, 0.29, 1234.56005859375, 1.0006)),
    *(sale(currency=currency) for currency in (None, "USD", "US")),
    *(sale(productCategory=name) for name in ("{a", "é" * 64)),
    sale(transactionDate="2027-01-15T05:00:00-03:00"),
]


@pytest.fixture(scope="module")
def functions() -> ModuleType:
    """Return the Python functions of the PyFlink program as a module."""
    specification = importlib.util.spec_from_file_location(
        "peer_sales", PROGRAMS / "pyflink" / "sales.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PEER_DEFAULT_CURRENCY", RULES.default_currency)
        specification.loader.exec_module(module)
    return module


def test_python_functions_of_pyflink_apply_the_contract(functions: ModuleType) -> None:
    """They yield what `spaf.sale` accepts; SQL compares event time and append time afterwards."""
    for value in (sale(), *AT_LIMITS, *bad_records(NOW_MS)):
        (outcome,) = contract.decode(value, NOW_MS, RULES)
        rows = [
            row
            for row in functions.parse(value)
            if row[4] is None or -60_000 <= NOW_MS - row[4] <= 600_000
        ]
        if isinstance(outcome, contract.Sale):
            stated = rows[0][4]
            assert stated in (None, outcome.event_ms), value
            one = (outcome.category, outcome.currency, outcome.quantity, outcome.cents, stated)
            assert rows == [one], value
        else:
            assert rows == [], value


def test_statements_of_flink_sql() -> None:
    """Source, sink, view and INSERT, with the variables of the contract and two that it derives."""
    text = (PROGRAMS / "flink-sql" / "job.sql").read_text()
    statements = text.strip().split(";\n")
    kinds = [
        re.search(r"^(CREATE \w+|INSERT)", statement, re.MULTILINE) for statement in statements
    ]
    assert [found and found[1] for found in kinds] == [
        *("CREATE TABLE", "CREATE TABLE", "CREATE VIEW", "INSERT")
    ]
    documented = (PROGRAMS / "README.md").read_text()
    for name in re.findall(r"\$\{(\w+)\}", text):
        assert f"`{name}`" in documented or name in ("MAX_LATENESS_S", "MAX_AHEAD_S")


@pytest.mark.parametrize("name", ["flink-sql", "pyflink"])
def test_connectors_of_flink_are_those_of_our_job(name: str) -> None:
    """The same files, so that a difference is none of the connectors."""
    ours = {jar.coordinate: jar.sha256 for jar in runtime.locked_jars() if jar.service == "flink"}
    for line in (PROGRAMS / name / "jars.lock").read_text().splitlines():
        _, coordinate, digest = line.split()
        assert ours[coordinate] == digest


def test_java_of_spark_leaves_out_one_module(tmp_path: Path) -> None:
    """Every other word reaches Java as it is."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "java"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    words = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-Da=b  c", "Main", ""]
    script = PROGRAMS / "spark" / "java" / "bin" / "java"
    done = subprocess.run(
        [script, *words],
        env={"PEER_JAVA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-Xmx1g|-Da=b  c|Main||"
