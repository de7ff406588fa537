"""Run the load generator: a process for a fixed time, or the control of Locust's own page."""

from __future__ import annotations

from pathlib import Path

from spaf import clock
from spaf.errors import LoadError
from spaf.generate.locust.client import TIMEOUT_S, LocustClient
from spaf.generate.locust.command import LoadSpec, load_command
from spaf.generate.locust.load_result import LoadResult
from spaf.settings import environment
from spaf.stack import process
from spaf.stack.run import Run
from spaf.stack.service_names import LOCUST
from spaf.stack.topology import sales


def offered(
    run: Run,
    *,
    seed: int | None = None,
    anomaly_rate: float | None = None,
    episode_every_s: float = 0.0,
) -> LoadSpec:
    """Return the load of the settings, with another seed or other anomalies if given.

    Without `episode_every_s` there are no episodes, so the rate of sales is constant.
    """
    configured = sales(run.settings, run.kafka, run.home)
    return LoadSpec(
        bootstrap=configured.bootstrap,
        topic=configured.topic,
        seed=configured.seed if seed is None else seed,
        currencies=configured.currencies,
        anomaly_rate=configured.anomaly_rate if anomaly_rate is None else anomaly_rate,
        labels=configured.labels,
        episode_every_s=episode_every_s,
        shop=configured.shop,
    )


class Load:
    """A headless load that has been started."""

    def __init__(self, run: Run, spec: LoadSpec, *, rate: float, seconds: float) -> None:
        """Start the process; it ends by itself."""
        folder = run.home.runs
        folder.mkdir(parents=True, exist_ok=True)
        self._result = folder / f"load-{clock.now_us()}.json"
        self._log = run.home.logs / "load.log"
        argv = load_command(spec, rate=rate, seconds=seconds, result=self._result)
        self._log.unlink(missing_ok=True)
        self._child = process.spawn(
            "load",
            argv,
            log=self._log,
            cwd=folder,
            env=environment(run.settings),
            goes_first=True,
        )

    @property
    def done(self) -> bool:
        """Whether the load has ended."""
        return self._child.poll() is not None

    def stop(self) -> None:
        """End the load early; it still waits for the acknowledgements of the sales it has sent."""
        if not self.done:
            self._child.terminate()

    def result(self) -> LoadResult:
        """Wait for the end and return the counts.

        Raises:
            LoadError: the process ended without a result.

        """
        self._child.wait()
        return _read(self._result, self._log)


def stop_page(run: Run, address: str) -> LoadResult:
    """Stop the sales on Locust's page and return their counts.

    Raises:
        LoadError: the page does not answer, or wrote no result.

    """
    result = run.home.runs / "page.json"
    result.unlink(missing_ok=True)
    with LocustClient(address) as page:
        page.stop()
    process.wait_until(result.exists, TIMEOUT_S)
    return _read(result, run.home.logs / f"{LOCUST}.log")


def _read(result: Path, log: Path) -> LoadResult:
    if not result.exists():
        raise LoadError(f"The load ended without a result.\n{process.log_tail(log)}")
    return LoadResult.read(result)
