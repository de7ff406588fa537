"""Publishes `accounts`, `pipeline` and `load` each second while the page has viewers."""

from __future__ import annotations

import asyncio

from spaf import clock
from spaf.serve.monitor.messages import PipelineMessages
from spaf.serve.monitor.pipeline_probe import PipelineProbe
from spaf.serve.push.hub import Hub
from spaf.serve.run_info import RunInfo

# With the timeouts of the probes well below the two seconds within which a stopped stage is shown.
INTERVAL_S = 1.0
# Without viewers nothing is polled; a new viewer is noticed within this.
IDLE_S = 0.2


async def follow(run: RunInfo, hub: Hub) -> None:
    """Publish until the task is cancelled."""
    publisher = PipelinePublisher(run, hub)
    try:
        while True:
            if not hub.viewers:
                publisher.reset()
                await asyncio.sleep(IDLE_S)
                continue
            began = clock.monotonic()
            await publisher.publish()
            await asyncio.sleep(max(0.0, began + INTERVAL_S - clock.monotonic()))
    finally:
        publisher.probe.close()


class PipelinePublisher:
    """Polls the stages, and publishes what they answer."""

    def __init__(self, run: RunInfo, hub: Hub) -> None:
        """Prepare; nothing is polled yet."""
        self._run, self._hub = run, hub
        self.probe = PipelineProbe(run)
        self.reset()

    def reset(self) -> None:
        """No viewers: reset rates and samples, so that the next viewer sees no stale ones."""
        self._hub.on_rows = None
        self.probe.reset()
        self._messages = PipelineMessages(self._run.write_interval_s)

    async def publish(self) -> None:
        """Poll once and publish."""
        hub, probe = self._hub, self.probe
        hub.on_rows = probe.latency.note
        events = int(hub.as_of_id.rpartition("-")[2])
        snapshot = await probe.poll(events=events, viewers=hub.viewers)
        if snapshot.accounts is not None and probe.tables.fresh:
            hub.publish("accounts", snapshot.accounts)
        pipeline, load = self._messages.update(snapshot)
        if probe.load.value is not None or snapshot.health["locust"].silent:
            hub.publish("load", load)
        hub.publish("pipeline", pipeline)
