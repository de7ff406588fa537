"""Keeps the job running: submits it, watches it, and submits it again where it left off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from spaf import clock
from spaf.errors import JobError, TopicError
from spaf.generate.catalogue import CATEGORIES
from spaf.job import checkpoint, configuration
from spaf.job.build import Parameters
from spaf.job.rest import FINAL_STATES, Rest
from spaf.job.submit import GO, Request, environment
from spaf.settings import Settings
from spaf.stack import process, runtime
from spaf.stack.plan import Plan
from spaf.stack.state import Home, JobState
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic import admin

GROUP = "spaf-job"
# A job that is submitted again and again at once would only heat the machine, seconds.
PAUSE_BETWEEN_SUBMISSIONS_S = 2.0
SUBMITTER = "job-submit"


class JobKeeper:
    """One job on one cluster."""

    def __init__(self, settings: Settings, home: Home, plan: Plan) -> None:
        """Keep what a submission needs; nothing is started."""
        self._settings = settings
        self._home = home
        self._plan = plan
        self._rest = Rest(plan.flink)
        self._submitter: subprocess.Popen[str] | None = None
        self._go_said = False
        self._next_submission = 0.0
        self._done: dict[int, int] = {}
        self.state = JobState()

    @property
    def _own_cluster(self) -> bool:
        return self._settings.flink.rest_url is None

    def begin(self) -> None:
        """Start the process that plans the job; it waits for `allow` before it hands it over."""
        resume = self._resume_point()
        self._submitter = self._spawn(resume)
        self._go_said = False
        self.state.state = "submitting"
        self.state.id = ""
        self.state.submissions += 1
        self.state.resumed_from = "" if resume is None else str(resume)

    def allow(self) -> None:
        """Let the planned job go: topic, tables and cluster are there.

        Raises:
            TopicError: the start could not be written down.
            StoreError: PostgreSQL does not answer.

        """
        if self._submitter is None or self._go_said:
            return
        start = admin.begin_offsets(self._plan.kafka, self._settings.kafka.topic)
        if not self.state.resumed_from:
            admin.commit(self._plan.kafka, GROUP, self._settings.kafka.topic, start)
        with self._plan.access.connect(Role.SINK) as connection:
            queries.record_position(connection, start, start)
        self._say(GO)
        self._go_said = True

    def look(self) -> None:
        """Take the submitter's answer, refresh the job's state, begin anew where it is gone.

        Raises:
            JobError: the job was refused; doing the same again would not help.

        """
        if self._submitter is not None:
            self._take_answer()
        elif self.state.id:
            self._refresh()
        if self._lost() and clock.monotonic() > self._next_submission:
            self._next_submission = clock.monotonic() + PAUSE_BETWEEN_SUBMISSIONS_S
            self.begin()

    def record_progress(self) -> None:
        """Write down how far the job has come for certain, if that has changed.

        The group's committed offsets are those of a complete checkpoint: everything before them
        has passed the sinks.
        """
        topic = self._settings.kafka.topic
        try:
            done = admin.committed(self._plan.kafka, GROUP, topic)
        except TopicError:
            return
        if done and done != self._done:
            begin = admin.begin_offsets(self._plan.kafka, topic)
            with self._plan.access.connect(Role.SINK) as connection:
                queries.record_position(connection, begin, done)
            self._done = done

    def end(self) -> None:
        """Stop the submitter; cancel the job where the cluster lives on without us."""
        if self._submitter is not None:
            identity = process.Identity.of(self._submitter.pid)
            if identity is not None:
                process.stop(identity, 15, 3)
            self._submitter = None
        if not self._own_cluster and self.state.id:
            try:
                self._rest.cancel(self.state.id)
            except JobError:
                return

    def _resume_point(self) -> Path | None:
        if not self._own_cluster:
            return None
        checkpoint.prune(self._home.checkpoints)
        return checkpoint.newest_complete(self._home.checkpoints, clock.now_us() / 1e6)

    def _spawn(self, resume: Path | None) -> subprocess.Popen[str]:
        log = self._home.logs / f"{SUBMITTER}.log"
        with log.open("ab") as file:
            child = subprocess.Popen(
                [sys.executable, "-m", "spaf.job.submit"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={
                    **os.environ,
                    **environment(str(runtime.java().parents[1]), str(runtime.FLINK_HOME)),
                },
                start_new_session=True,
                preexec_fn=process.end_with_parent(15),  # noqa: PLW1509 - prctl only
            )
        self._submitter = child
        self._say(self._request(resume).line().strip())
        return child

    def _say(self, line: str) -> None:
        if self._submitter is not None and self._submitter.stdin is not None:
            try:
                self._submitter.stdin.write(line + "\n")
                self._submitter.stdin.flush()
            except BrokenPipeError:
                return  # it has died; `look` reads why

    def _request(self, resume: Path | None) -> Request:
        where = urlsplit(self._plan.flink)
        checkpoints = self._home.checkpoints if self._own_cluster else None
        return Request(
            host=where.hostname or "127.0.0.1",
            port=where.port or 8081,
            options=configuration.options(self._settings.job, checkpoints, resume),
            parameters=asdict(self.parameters()),
            jars=() if self._own_cluster else tuple(j.as_uri() for j in runtime.connector_jars()),
        )

    def parameters(self) -> Parameters:
        """Return what the job's SQL leaves open."""
        settings = self._settings
        user, password = self._plan.access.credentials(Role.SINK)
        return Parameters(
            bootstrap_servers=self._plan.kafka,
            topic=settings.kafka.topic,
            group=GROUP,
            jdbc_url=self._plan.access.jdbc_url(),
            jdbc_user=user,
            jdbc_password=password,
            flush_ms=settings.job.flush_ms,
            default_currency=settings.sale.currency,
            max_lateness_s=settings.sale.max_lateness_s,
            max_ahead_s=settings.sale.max_ahead_s,
            known_categories=CATEGORIES,
            outlier_rows=settings.job.outlier_rows,
            outlier_score=settings.job.outlier_score,
            surge_seconds=settings.job.surge_seconds,
            surge_score=settings.job.surge_score,
        )

    def _take_answer(self) -> None:
        child = self._submitter
        if child is None or child.poll() is None or child.stdout is None:
            return
        self._submitter = None
        answer = json.loads(child.stdout.readline() or "{}")
        if "job_id" in answer:
            self.state.id = answer["job_id"]
            self.state.state = "submitted"
            return
        log = self._home.logs / f"{SUBMITTER}.log"
        raise JobError(
            f"Flink refused the job: {answer.get('error', process.log_tail(log))}",
            todo=f"The whole answer is in {log}.",
        )

    def _refresh(self) -> None:
        try:
            status = self._rest.status(self.state.id)
        except JobError:
            return  # the JobManager is away; its supervisor brings it back
        if status is None:
            self.state.state = "lost"
        elif status.state == "RUNNING" and not status.running:
            self.state.state = "starting"
        else:
            self.state.state = status.state
        if status is not None and self._too_long_down(status.state):
            self._rest.cancel(self.state.id)

    def _too_long_down(self, state: str) -> bool:
        """Say whether a failing job's state is too old to go on with (see STATE_SLACK_S)."""
        return (
            self._own_cluster
            and state == "RESTARTING"
            and any(self._home.checkpoints.glob("*/chk-*"))
            and checkpoint.newest_complete(self._home.checkpoints, clock.now_us() / 1e6) is None
        )

    def _lost(self) -> bool:
        return self.state.state in FINAL_STATES or self.state.state == "lost"
