"""Why a figure grows with a factor, where that is known."""

from __future__ import annotations

UNEXPLAINED = "not explained"
# By factor and figure.
WHY = {
    ("categories", "state_mib"): "a sum for each second and category that sold",
    ("products", "state_mib"): "sums of the prices of each product that was sold",
    ("products", "stack_mib"): "the state is in the heap",
}
