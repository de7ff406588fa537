"""What the compiled plans of a run say of its sinks."""

from __future__ import annotations

import json

from spaf.stack.run import Run


def changes_of_sinks(run: Run) -> set[str]:
    """Return the kinds of changes that the sinks of the kept plans are sent."""
    plans = [json.loads(file.read_text()) for file in run.home.plans.glob("*.json")]
    assert plans
    return {
        change
        for plan in plans
        for node in plan["nodes"]
        if node["type"].startswith("stream-exec-sink")
        for change in node["inputChangelogMode"]
    }
