"""Which jobs are handed over as a kept graph, and that set-up keeps the graph of a default run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spaf.errors import JobError
from spaf.job import job_graph
from spaf.job.submit import SubmitRequest
from spaf.settings import JobSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack import graph_submission, process, runtime
from spaf.stack.graph_submission import default_graph, fits, graph_request
from spaf.stack.service_names import GROUP
from spaf.stack.state import RunFolder
from spaf.stack.submission import JobTarget, Submitting
from spaf.topic.security import KafkaAddress

DEFAULT = Settings.model_construct()


def target_of(folder: Path, kafka: int = 9092, postgres: int = 5432) -> JobTarget:
    """Return the job of a run whose services are all SPAF's own."""
    home = RunFolder(folder)
    home.create()
    return JobTarget(
        kafka=KafkaAddress.of(f"127.0.0.1:{kafka}", DEFAULT.kafka),
        topic=DEFAULT.kafka.topic,
        group=GROUP,
        access=replace(
            home.access(PostgresSettings(), "127.0.0.1", postgres), waiting_port=postgres + 1
        ),
        flink="http://127.0.0.1:8081",
        home=home,
        checkpoints=home.checkpoints / GROUP,
    )


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobTarget:
    """Return the job of a run; set-up has kept no graph."""
    monkeypatch.setattr(runtime, "PLANS", tmp_path / "share")
    return target_of(tmp_path / "run")


def test_run_with_default_settings_uses_the_graph_of_set_up(
    target: JobTarget, tmp_path: Path
) -> None:
    """Whatever its folder, its ports and its passwords are."""
    installed = Path(default_graph().graph)
    own = Path(graph_request(target, DEFAULT).graph)
    other = Path(graph_request(target_of(tmp_path / "other", 9, 54_321), DEFAULT).graph)
    assert own.name == other.name == installed.name
    assert own.parent == target.home.plans
    job_graph.write(job_graph.file_of(installed, resumes=False), b"")
    assert Path(graph_request(target, DEFAULT).graph) == own, "one of the two graphs is missing"
    job_graph.write(job_graph.file_of(installed, resumes=True), b"")
    assert Path(graph_request(target, DEFAULT).graph) == installed


@pytest.mark.parametrize(
    "settings",
    [
        Settings.model_construct(job=JobSettings(parallelism=2)),
        Settings.model_construct(job=JobSettings(surge_score=9)),
        # The plan does not depend on them, but the options of the sinks and of the job do.
        Settings.model_construct(job=JobSettings(flush_ms=7)),
        Settings.model_construct(job=JobSettings(checkpoint_ms=1_234)),
    ],
)
def test_other_settings_have_another_graph(target: JobTarget, settings: Settings) -> None:
    """Everything but the blanks is in it."""
    default = Path(default_graph().graph)
    assert Path(graph_request(target, settings).graph).name != default.name


def test_other_topic_has_another_graph(target: JobTarget) -> None:
    """Its name has no blank."""
    other = replace(target, topic="other")
    names = {Path(graph_request(one, DEFAULT).graph).name for one in (target, other)}
    assert len(names) == 2


def test_no_password_is_in_the_request_of_a_graph(target: JobTarget) -> None:
    """The files are kept in the open."""
    line = graph_request(target, DEFAULT).line()
    assert [name for name in target.access.passwords.values() if name in line] == []


def test_every_value_of_a_run_is_as_long_as_its_blank(target: JobTarget) -> None:
    """The longest path of a checkpoint fits too."""
    resume = target.home.checkpoints / GROUP / ("f" * 32) / ("f" * 32) / "chk-9999999999"
    values = graph_submission._values(target, resume)
    assert {blank for blank, value in values.items() if len(blank) != len(value)} == set()
    assert values[graph_submission.BLANK_KAFKA] == "127.0.0.1:09092"


def test_services_of_the_user_are_served_by_the_client_of_flink(target: JobTarget) -> None:
    """Their addresses and logins have any length, and belong into no file."""
    secure = KafkaSettings(
        bootstrap_servers="127.0.0.1:9092",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        username="me",
        password="secret",  # noqa: S106 - of no server
    )
    login = KafkaAddress.of("127.0.0.1:9092", secure)
    elsewhere = replace(target.access, host="db.example", passwords={})
    assert fits(target)
    assert not fits(replace(target, checkpoints=None)), "another cluster"
    assert not fits(replace(target, kafka=login)), "a broker with a login"
    assert not fits(replace(target, kafka=KafkaAddress.of("k:9092", DEFAULT.kafka)))
    assert not fits(replace(target, access=elsewhere))
    assert not fits(replace(target, group="of-a-benchmark"))
    assert fits(replace(target, group="spaf-job-2")), "the job of an upgrade"


class Flink:
    """Stands for the client of a cluster."""

    def __init__(self, *_: object) -> None:
        """Take what comes."""
        self.taken: list[bytes] = []
        self.refusal: JobError | None = None

    def submit(self, graph: bytes) -> None:
        """Take a job, or refuse it."""
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(graph)

    def close(self) -> None:
        """Keep nothing open."""


@pytest.fixture
def flink(monkeypatch: pytest.MonkeyPatch) -> Flink:
    """Stand for the cluster of every submission."""
    made = Flink()
    monkeypatch.setattr(graph_submission, "FlinkClient", lambda *_: made)
    return made


def kept(target: JobTarget, *, resumes: bool = False, extra: bytes = b"") -> None:
    """Keep a graph that has all blanks, as set-up does."""
    texts = [
        graph_submission.BLANK_KAFKA,
        graph_submission.BLANK_POSTGRES,
        graph_submission.BLANK_OTHER_NAME,
        graph_submission.BLANK_WAITING,
        graph_submission.BLANK_PASSWORD,
        *([job_graph.BLANK_RESUME] if resumes else []),
    ]
    graph = "; ".join(texts).encode() + extra + bytes.fromhex(job_graph.BLANK_ID)
    file = Path(graph_request(target, DEFAULT).graph)
    job_graph.write(job_graph.file_of(file, resumes=resumes), graph)


def handed_over(submission: Submitting) -> str:
    """Wait for the id of the job, as the supervisor does."""
    ids: list[str | None] = [None]

    def there() -> bool:
        ids[0] = submission.job_id()
        return ids[0] is not None

    assert process.wait_until(there, 30, poll=0.01)
    return str(ids[0])


def test_kept_graph_is_handed_over_once_it_may_be(
    target: JobTarget, flink: Flink, tmp_path: Path
) -> None:
    """With the values of the run, and an id that no other job has."""
    kept(target)
    ids = set()
    for _ in range(2):
        submission = graph_submission.begin(target, DEFAULT, None, tmp_path / "log")
        assert submission.job_id() is None
        submission.submit()
        ids.add(handed_over(submission))
        submission.stop()
    first, second = flink.taken
    assert len(ids) == 2
    assert first.startswith(b"127.0.0.1:09092; 127.0.0.1:05432; ")
    assert target.access.passwords["spaf_sink"].encode() in first
    assert {first[-16:].hex(), second[-16:].hex()} == ids


def test_names_replace_those_of_a_template(target: JobTarget, flink: Flink, tmp_path: Path) -> None:
    """One graph serves all topics and tables of one form; the group may contain the topic."""
    template = _named(target, "sales_00", "sales_00-0")
    kept(template, extra=f"spaf sales_00 to sales_00; {template.group}".encode())
    for name in ("sales_17", "sales_18"):
        submission = graph_submission.GraphSubmission(
            _named(target, name, f"{name}-5"), DEFAULT, None, tmp_path / "log", template
        )
        submission.submit()
        handed_over(submission)
        assert f"spaf {name} to {name}; {name}-5".encode() in flink.taken[-1]


def _named(target: JobTarget, name: str, group: str) -> JobTarget:
    access = replace(target.access, schema=name)
    return replace(target, topic=name, group=group, access=access)


def test_job_that_resumes_has_a_graph_of_its_own(
    target: JobTarget, flink: Flink, tmp_path: Path
) -> None:
    """With the path of the checkpoint, as the cluster sees it."""
    kept(target, resumes=True)
    resume = target.home.checkpoints / GROUP / "plan" / "job" / "chk-3"
    submission = graph_submission.begin(target, DEFAULT, resume, tmp_path / "log")
    submission.submit()
    handed_over(submission)
    assert b"file:///proc/self/cwd/checkpoints/spaf-job/plan/job/chk-3///" in flink.taken[0]


def test_refusal_of_flink_ends_the_submission(
    target: JobTarget, flink: Flink, tmp_path: Path
) -> None:
    """The supervisor of the job decides what follows."""
    kept(target)
    flink.refusal = JobError("Flink refused the job: no.")
    submission = graph_submission.begin(target, DEFAULT, None, tmp_path / "log")
    submission.submit()
    with pytest.raises(JobError, match=r"refused the job: no\."):
        handed_over(submission)


def test_missing_graph_is_made_before_it_is_handed_over(
    target: JobTarget, flink: Flink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first start with other settings."""
    may_end: list[str] = []

    class Planner:
        def __init__(self, request: SubmitRequest, _log: Path) -> None:
            assert Path(request.graph).parent == target.home.plans

        def job_id(self) -> str | None:
            return may_end[0] if may_end else None

        def stop(self) -> None:
            may_end.clear()

    monkeypatch.setattr(graph_submission, "Submission", Planner)
    submission = graph_submission.begin(target, DEFAULT, None, tmp_path / "log")
    submission.submit()
    assert submission.job_id() is None
    assert flink.taken == []
    kept(target)
    may_end.append("")
    assert len(handed_over(submission)) == 32
    assert len(flink.taken) == 1
