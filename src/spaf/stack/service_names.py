"""Names that several processes of a run know it by."""

from __future__ import annotations

# The consumer group of the job.
GROUP = "spaf-job"
LOCUST = "locust"
# The live page.
SERVE = "serve"
