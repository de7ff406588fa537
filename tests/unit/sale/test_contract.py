"""The rules that the operator sets."""

from __future__ import annotations

from spaf.sale import Rules
from spaf.settings import SaleSettings


def test_rules_of_settings() -> None:
    """Seconds of the settings are milliseconds of the rules."""
    settings = SaleSettings(currency="USD", max_lateness_s=5, max_ahead_s=0)
    assert Rules.of(settings) == Rules("USD", 5_000, 0)
