"""The rules that the operator sets, and the package's public names."""

from __future__ import annotations

from spaf import sale
from spaf.sale import Rules
from spaf.settings import SaleSettings


def test_rules_of_settings() -> None:
    """Seconds of the settings are milliseconds of the rules."""
    settings = SaleSettings(currency="USD", max_lateness_s=5, max_ahead_s=0)
    assert Rules.of(settings) == Rules("USD", 5_000, 0)


def test_public_names() -> None:
    """Everything that is promised is there."""
    assert all(hasattr(sale, name) for name in sale.__all__)
