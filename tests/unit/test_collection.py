"""What a test is called: the same in every worker, whenever it was collected."""

from __future__ import annotations

import gzip

from tests.conftest import pytest_make_parametrize_id


def test_bytes_made_at_another_time_have_the_same_name() -> None:
    """The header that gzip writes holds the second of its making."""
    early, late = (gzip.compress(b"date,value", mtime=second) for second in (1, 2))
    assert early != late
    names = {pytest_make_parametrize_id(content, "content") for content in (early, late)}
    assert names == {f"content-{len(early)}-bytes"}


def test_other_values_keep_the_names_that_pytest_gives() -> None:
    """Text and numbers read well as they are."""
    assert [pytest_make_parametrize_id(value, "value") for value in ("a", 1, None)] == [None] * 3
