"""The commands on a run that `spaf up` has started in an empty folder."""

from __future__ import annotations

from typing import Any

import psutil

from spaf.bench.run.verdict import wait_until_done
from spaf.job.checkpoint import source_offsets
from spaf.stack.ports import LOOPBACK
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.stack.service_names import GROUP
from spaf.topic.producer import open_producer
from tests.support.commands import Answer, Done, FullRun, Processes, Spaf

SERVICES = {"kafka", "postgres", "jobmanager", "taskmanager", "locust", "serve", "quarantine"}
LATER = {"locust", "quarantine"}
LOCUST_S = 30.0
# Far longer than a checkpoint and a look of the quarantine take, seconds.
WAIT_S = 60.0
BAD = b'{"productId":"p","productCategory":"books","productPrice":1.005,"productQuantity":2}'


def test_up_says_what_runs_where(full_run: FullRun, answer: Answer) -> None:
    """`up --json` prints one object: every service runs, and so does the job."""
    found = answer(full_run.up)
    assert set(found["services"]) == SERVICES
    assert found["job"]["state"] == "RUNNING"
    assert found["job"]["submissions"] == 1
    states = {service["state"] for name, service in found["services"].items() if name not in LATER}
    assert states == {"running"}
    assert full_run.home.is_dir()


def test_the_page_answers_when_up_returns(full_run: FullRun, answer: Answer) -> None:
    """`up` prints its address only once a browser can open it."""
    assert answer(full_run.up)["services"]["serve"]["state"] == "running"
    assert "does not answer" not in full_run.up.stderr


def test_a_taken_port_is_left_alone(full_run: FullRun, answer: Answer) -> None:
    """Another port is used, and a message says which and why."""
    address = answer(full_run.up)["services"]["kafka"]["address"]
    used = int(address.rpartition(":")[2])
    assert used != full_run.wanted_port
    said = " ".join(full_run.up.stderr.split())
    assert f"port {full_run.wanted_port} is taken; kafka uses {used}" in said


def test_a_second_up_changes_nothing(full_run: FullRun, spaf: Spaf, answer: Answer) -> None:
    """It says that all is up already and starts no process."""
    again = spaf(full_run.path, "up", "--json", **full_run.variables)
    first, second = answer(full_run.up), answer(again)
    assert "already up" in again.stderr
    assert second["job"]["id"] == first["job"]["id"]
    started = {name: service["pid"] for name, service in first["services"].items()}
    assert {name: service["pid"] for name, service in second["services"].items()} == started


def test_status(full_run: FullRun, spaf: Spaf, answer: Answer) -> None:
    """`status --json` has state, place and cost of each service, and exit code 0 if all is well."""
    done = spaf(full_run.path, "status", "--json", **full_run.variables)
    if done.returncode != 0:  # two services start last
        assert wait_until(
            lambda: spaf(full_run.path, "status", **full_run.variables).returncode == 0, LOCUST_S
        )
        done = spaf(full_run.path, "status", "--json", **full_run.variables)
    found = answer(done)
    assert set(found["services"]) == SERVICES
    for name, service in found["services"].items():
        assert service["state"] == "running", name
        assert service["restarts"] == 0, name
        assert service["rss_mib"] > 5, name
        assert service["cpu_percent"] >= 0, name
        assert LOOPBACK in service["address"], name
        assert psutil.pid_exists(service["pid"]), name
    assert found["job"]["state"] == "RUNNING"
    assert found["job"]["id"]


def test_doctor_of_a_run_that_is_up(full_run: FullRun, spaf: Spaf, answer: Answer) -> None:
    """Nothing fails, and the variables of this shell are listed as ignored."""
    report = answer(spaf(full_run.path, "doctor", "--json", **full_run.variables))
    found = [line["what"] for line in report["findings"]]
    assert [line for line in found if line.startswith("a run is up: running")] != []
    assert [line for line in found if "_JAVA_OPTIONS" in line] != []
    assert [line for line in found if f"a link to {full_run.home.resolve()}" in line] != []


def test_no_process_has_a_variable_of_the_shell(full_run: FullRun, processes: Processes) -> None:
    """Nor a password: only those processes have the settings that read them."""
    own = {"PATH", "HOME", "LC_ALL", "TZ", "MALLOC_ARENA_MAX"}
    own |= {"JAVA_HOME", "FLINK_HOME", "FLINK_PLUGINS_DIR"}
    for identity in processes(full_run.home):
        process = identity.process()
        assert process is not None
        if process.name() == "postgres":  # it shows its title where its variables were
            continue
        names = {name for name in process.environ() if not name.startswith("SPAF_")}
        assert names <= own, process.cmdline()
        assert process.environ()["TZ"] == "UTC"


def test_nothing_is_open_to_others(full_run: FullRun, processes: Processes) -> None:
    """Every port of every process of the run is on the loopback interface."""
    pids = {identity.pid for identity in processes(full_run.home)}
    listening = [
        connection.laddr
        for connection in psutil.net_connections(kind="inet")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN and connection.laddr
    ]
    assert len(listening) >= len(SERVICES)
    open_to_others = [
        address
        for address in listening
        if address.ip not in (LOOPBACK, "::1", f"::ffff:{LOOPBACK}")
    ]
    assert open_to_others == []


def test_secrets_are_private(full_run: FullRun) -> None:
    """No other account may read passwords, logs or data; the command lines name none."""
    assert (full_run.home / "secrets.json").stat().st_mode & 0o077 == 0
    for part in ("logs", "kafka", "flink", "checkpoints", "runs"):
        assert (full_run.home / part).stat().st_mode & 0o077 == 0, part


def test_logs(full_run: FullRun, spaf: Spaf) -> None:
    """A log is printed by its service's name; a name that is none is answered with those there."""
    good = spaf(full_run.path, "logs", "kafka", "-n", "200", **full_run.variables)
    assert good.returncode == 0
    assert "Kafka Server started" in good.stdout or "KafkaRaftServer" in good.stdout
    for name in ("nobody", "../../etc/passwd"):
        bad = spaf(full_run.path, "logs", name, **full_run.variables)
        assert bad.returncode == 2
        assert "There is no log of" in " ".join(bad.stderr.split())
        assert "kafka" in bad.stderr
        assert "taskmanager" in bad.stderr


def test_sales_are_sent_stored_and_proven(full_run: FullRun, spaf: Spaf, answer: Answer) -> None:
    """`load` sends what was asked, `query` shows it, `verify` finds every record and cent."""
    loaded = answer(
        spaf(full_run.path, "load", "--rate", "50", "--for", "5", "--json", **full_run.variables)
    )
    assert (loaded["intended"], loaded["acked"], loaded["failed"]) == (250, 250, 0)
    assert set(loaded["publish_delay_ms"]) >= {"p50", "p99"}
    verdict = answer(spaf(full_run.path, "verify", "--json", **full_run.variables))
    assert verdict["records"] >= 250
    assert verdict["records"] == verdict["accepted"]
    assert (verdict["late"], verdict["rejected"]) == (0, 0)
    assert (verdict["unaccounted"], verdict["differences"], verdict["exact"]) == (0, 0, True)
    checkpoints, topic = (
        full_run.settings.home / "checkpoints" / GROUP,
        full_run.settings.kafka.topic,
    )
    job_id = answer(spaf(full_run.path, "status", "--json", **full_run.variables))["job"]["id"]
    # The connector's form of an offset, that `verify` waits for, is still the one that is known.
    assert sum(source_offsets(checkpoints, job_id, topic).values()) == verdict["records"]
    rows = answer(spaf(full_run.path, "query", "--limit", "7", "--json", **full_run.variables))
    assert len(rows) == 7
    assert [row["created_at"] for row in rows] == sorted(
        (row["created_at"] for row in rows), reverse=True
    )
    assert all(row["sales_count"] > 0 for row in rows)
    assert all(row["currency"] == "BRL" for row in rows)


def test_what_is_not_accepted_is_explained_and_sent_again(
    full_run: FullRun, spaf: Spaf, answer: Answer
) -> None:
    """Listed with its reason, shown with its bytes, exported, repaired, sent once, and proven."""

    def quarantine(*words: str) -> Done:
        return spaf(full_run.path, "quarantine", *words, **full_run.variables)

    def explained() -> Any:
        return answer(quarantine("list", "--json"))

    producer = open_producer(answer(full_run.up)["services"]["kafka"]["address"], "spaf-test")
    for value in (BAD, b"\x1b[2J"):
        producer.produce("vendas-simuladas", value)
    assert producer.flush(WAIT_S) == 0
    # The quarantine reads what a checkpoint has passed.
    run = Run.attach(full_run.settings)
    wait_until_done(run, run.end_offsets())
    assert wait_until(lambda: explained()["explained"] == 2, WAIT_S, poll=1.0)
    found = {row["reason"]: f"{row['partition']}:{row['offset']}" for row in explained()["records"]}
    assert set(found) == {"price", "unreadable"}
    shown = quarantine("show", found["unreadable"]).stdout
    assert "\x1b" not in shown
    assert r"\x1b[2J" in shown
    assert "at most 2 decimals" in quarantine("show", *found["price"].split(":")).stdout
    assert quarantine("export", "all.jsonl").returncode == 0
    assert len((full_run.path / "all.jsonl").read_text().splitlines()) == 2
    assert "cannot be written" in quarantine("export", "all.jsonl").stderr
    (full_run.path / "all.jsonl").unlink()
    assert "would be rejected again" in quarantine("replay", found["price"]).stderr
    repair = ("replay", found["price"], "--set", "productPrice=2.50", "--json")
    assert answer(quarantine(*repair))["cents"] == 500
    assert "--again" in quarantine(*repair).stderr
    verdict = answer(spaf(full_run.path, "verify", "--json", **full_run.variables))
    assert (verdict["exact"], verdict["rejected"]) == (True, 2)
    held = answer(spaf(full_run.path, "status", "--json", **full_run.variables))["quarantine"]
    expected = {"explained": 2, "kept": 2, "waiting": 0, "not_read": 0, "sampled": False}
    assert held == expected
    assert "price" in quarantine("list").stdout
