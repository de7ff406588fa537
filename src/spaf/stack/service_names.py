"""Names that several processes of a run know it by."""

from __future__ import annotations

# The consumer group of the job.
GROUP = "spaf-job"
LOCUST = "locust"
# The live page.
SERVE = "serve"
# Argument of the supervisor: services only, for a benchmark or a test that brings its own job.
BARE = "--bare"
