"""The table of services is complete, and can be followed from its first row to its last."""

from __future__ import annotations

import pytest

from spaf.stack.service_specs import CORE, SPECS, Restart, spec_of


def test_every_row_waits_for_earlier_rows_only() -> None:
    """So there is an order in which everything can start."""
    earlier: set[str] = set()
    for name, spec in SPECS.items():
        assert set(spec.after) <= earlier, name
        earlier.add(name)


def test_services_that_the_job_needs_are_required() -> None:
    """Only what reads the results, or stands by, may fail without the run."""
    optional = [name for name, spec in SPECS.items() if spec.restart is Restart.OPTIONAL]
    assert optional == ["jobmanager-2", "serve", "quarantine"]
    assert set(CORE) <= set(SPECS)


def test_every_task_manager_has_the_row_of_the_first() -> None:
    """Their number is a setting; another name has no row."""
    assert spec_of("taskmanager-12") is SPECS["taskmanager"]
    with pytest.raises(KeyError):
        spec_of("another-2")
