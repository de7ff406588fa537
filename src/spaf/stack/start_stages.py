"""The stages of a start, as the page shows them, from the state that the supervisor publishes."""

from __future__ import annotations

from collections.abc import Iterable

from spaf.serve.start_view import StageState, StartStage, StartView
from spaf.stack.service_names import JOBMANAGER, KAFKA, LOCUST, POSTGRES, TASKMANAGER, ZOOKEEPER
from spaf.stack.service_specs import JOB, SPECS, TABLES, spec_of
from spaf.stack.state import JobPhase, Phase, RunState, ServiceStatus
from spaf.trouble import Trouble

# What the first row waits for, in the order in which it is shown.
STAGES = (POSTGRES, KAFKA, ZOOKEEPER, JOBMANAGER, TASKMANAGER, TABLES, LOCUST, JOB)
ENDED = (Phase.FAILED, Phase.STOPPING)


def start_view(state: RunState, trouble: Trouble | None) -> StartView:
    """Return the start of a run; `trouble` is why it cannot go on, if it cannot."""
    return StartView(
        phase=state.phase,
        began_ms=_ms(state.supervisor_started),
        stages=[_stage(name, state) for name in _names(state)],
        message=state.message,
        cause=None if trouble is None else trouble.message(),
    )


def _names(state: RunState) -> Iterable[str]:
    """Return the stages; the TaskManagers of an external cluster are not among them."""
    for name in STAGES:
        if name == ZOOKEEPER and name not in state.services:
            continue  # a run without high availability
        if name != TASKMANAGER:
            yield name
        elif not _is_external(JOBMANAGER, state):
            yield name
            yield from (other for other in state.services if other.startswith(f"{name}-"))


def _stage(name: str, state: RunState) -> StartStage:
    waits_for = _waits_for(name, state)
    service = state.services.get(name)
    is_job = name == JOB and state.job.state is not JobPhase.WAITING
    ready = state.steps.get(name)
    since = _since(name, state)
    if _is_external(name, state):
        how = StageState.EXTERNAL
    elif name == state.failed_step:
        how = StageState.FAILED
    elif ready is not None:
        how = StageState.READY
    elif state.phase in ENDED:
        how = StageState.UNFINISHED
    else:
        how = StageState.WAITING if since is None else StageState.STARTING
    return StartStage(
        name=name,
        state=how,
        since_ms=None if since is None else _ms(since),
        ready_ms=None if ready is None else _ms(ready),
        waits_for=waits_for,
        job=state.job.state.lower() if is_job else "",
        reason="" if service is None else service.reason,
    )


def _since(name: str, state: RunState) -> float | None:
    """Return when a stage was started; None if it was not."""
    if name == JOB:
        # It is planned from the beginning on, while the services start.
        return None if state.job.state is JobPhase.WAITING else state.supervisor_started
    if name == TABLES:
        times = [state.steps.get(before, 0.0) for before in SPECS[TABLES].after]
        return None if _waits_for(name, state) else max(times, default=0.0)
    service = state.services.get(name)
    return service.started if service is not None and service.started else None


def _waits_for(name: str, state: RunState) -> list[str]:
    """Return the stages that must be ready first, without those that another of them waits for."""
    missing = [service for service in spec_of(name).after if not _is_done(service, state)]
    implied = {before for service in missing for before in SPECS[service].after}
    return [service for service in missing if service not in implied]


def _is_done(name: str, state: RunState) -> bool:
    return name in state.steps or _is_external(name, state) or _is_left_out(name, state)


def _is_left_out(name: str, state: RunState) -> bool:
    return name == TASKMANAGER and _is_external(JOBMANAGER, state)


def _is_external(name: str, state: RunState) -> bool:
    service = state.services.get(name)
    return service is not None and service.state is ServiceStatus.EXTERNAL


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
