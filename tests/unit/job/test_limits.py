"""The SQL of the limits: its placeholders, and the columns of the job."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pytest

from spaf.job.build import TABLES, statements
from spaf.job.limits import LIMITS, limit_statements
from spaf.sale.contract import COLUMNS
from tests.unit.job.test_build import HOSTILE, PARAMETERS


@pytest.mark.parametrize("limit", LIMITS)
def test_limit_has_a_source_a_sink_and_an_insert(limit: str) -> None:
    """Each placeholder has a value, quoted."""
    source, sink, insert = limit_statements(replace(PARAMETERS, topic=HOSTILE), limit)
    assert HOSTILE.replace("'", "''") in source
    assert "record_count" in sink
    assert "INSERT INTO record_count" in insert


def test_decoding_reads_the_source_of_the_job_and_each_of_its_columns() -> None:
    """Otherwise the limit would not be one of the job."""
    source, _, insert = limit_statements(PARAMETERS, "decode")
    assert source == next(statements(PARAMETERS, TABLES))
    assert [name for name in COLUMNS if f"COUNT({name})" not in insert] == []


def test_scan_reads_with_the_options_of_the_job() -> None:
    """Only the format differs."""

    def options(sql: str) -> set[str]:
        lines = {line.strip() for line in sql.partition("WITH (")[2].splitlines()}
        return {line for line in lines if line and not line.startswith("--")}

    raw, *_ = limit_statements(PARAMETERS, "scan")
    sale_log, *_ = limit_statements(PARAMETERS, "decode")
    different = options(raw) ^ options(sale_log)
    assert {line.partition("=")[0].strip() for line in different - {")"}} <= {
        "'format'",
        "'json.ignore-parse-errors'",
    }


def test_job_does_not_run_the_statements_of_the_limits() -> None:
    """They lie in a folder of their own."""
    limits = files("spaf.job").joinpath("sql", "limits")
    texts = [path.read_text().splitlines()[0] for path in limits.iterdir()]
    assert not any(text in sql for sql in statements(PARAMETERS) for text in texts)
