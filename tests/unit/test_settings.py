"""Settings: their order, their bounds, their secrets, and how another process gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from spaf import settings
from spaf.errors import SettingsError
from spaf.job.build import STATE_SLACK_S
from spaf.settings import (
    FlinkSettings,
    GenerateSettings,
    JobSettings,
    KafkaSettings,
    PostgresSettings,
    SaleSettings,
    Section,
)
from spaf.settings.contradictions import RETENTION_SLACK_S

SECRET = "geheim"  # noqa: S105 - it is what must not be shown
pytestmark = pytest.mark.usefixtures("bare")


def toml(text: str) -> None:
    """Write the settings file of the current folder."""
    settings.SETTINGS_FILE.write_text(text)


def test_defaults_are_the_briefs_names_and_ports() -> None:
    """Without a word from anybody, users of the brief find what they know."""
    found = settings.load()
    ports = (found.kafka.port, found.flink.port, found.postgres.port, found.locust.port)
    assert ports == (9092, 8081, 5432, 8089)
    assert (found.kafka.topic, found.sale.currency) == ("vendas-simuladas", "BRL")
    assert found.home == Path(".spaf")


def test_file_beats_default_environment_beats_file_flag_beats_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each source covers the one below it and nothing else of it."""
    toml("[kafka]\nport = 1001\nheap_mib = 1002\npartitions = 3\n")
    monkeypatch.setenv("SPAF_KAFKA__PORT", "2001")
    monkeypatch.setenv("SPAF_KAFKA__HEAP_MIB", "2002")
    found = settings.load(kafka={"port": 3001}).kafka
    assert found == KafkaSettings(port=3001, heap_mib=2002, partitions=3)


def test_settings_do_not_change_after_they_were_read() -> None:
    """A frozen tree: no part of the program can surprise another."""
    with pytest.raises(ValueError, match="frozen"):
        settings.load().kafka.port = 1  # type: ignore[misc]


BAD: list[tuple[str, str, str]] = [
    ("kafka.port", "0", "greater than or equal to 1"),
    ("kafka.port", "65536", "less than or equal to 65535"),
    ("kafka.port", "many", "valid integer"),
    ("kafka.topic", "a b", "pattern"),
    ("kafka.topic", "a';--", "pattern"),
    ("kafka.topic", ".", "no topic of this name"),
    ("kafka.topic", "..", "no topic of this name"),
    ("kafka.partitions", "0", "greater than or equal to 1"),
    ("kafka.partitions", "65", "less than or equal to 64"),
    ("kafka.replication", "0", "greater than or equal to 1"),
    ("kafka.replication", "17", "less than or equal to 16"),
    ("kafka.min_insync", "0", "greater than or equal to 1"),
    ("kafka.heap_mib", "127", "greater than or equal to 128"),
    ("flink.rest_url", "nowhere", "valid URL"),
    ("flink.rest_url", "ftp://host", "'http' or 'https'"),
    ("flink.rest_url", "http://a:1,nowhere", "valid URL"),
    ("flink.rest_url", "http://a:1,https://b:1", "not both"),
    ("flink.high_availability", "kubernetes", "'none' or 'zookeeper'"),
    ("flink.zookeeper", "host", "pattern"),
    ("flink.zookeeper", "http://host:2181", "pattern"),
    ("flink.checkpoints", "/shared/checkpoints", "must be a URI without a login"),
    ("flink.task_managers", "17", "less than or equal to 16"),
    ("flink.slots", "0", "greater than or equal to 1"),
    ("flink.task_heap_mib", "1", "greater than or equal to 128"),
    ("postgres.port", "-1", "greater than or equal to 1"),
    ("postgres.schema_name", "Public", "pattern"),
    ("postgres.schema_name", "a,b", "pattern"),
    ("locust.port", "70000", "less than or equal to 65535"),
    ("sale.currency", "real", "pattern"),
    ("sale.max_lateness_s", "0", "greater than or equal to 1"),
    ("sale.max_lateness_s", "86401", "less than or equal to 86400"),
    ("sale.max_ahead_s", "-1", "greater than or equal to 0"),
    ("generate.seed", "-1", "greater than or equal to 0"),
    ("generate.seed", str(2**63), f"less than {2**63}"),
    ("generate.anomaly_rate", "0.6", "less than or equal to 0.5"),
    ("job.parallelism", "65", "less than or equal to 64"),
    ("job.mini_batch_ms", "-1", "greater than or equal to 0"),
    ("job.flush_ms", "0", "greater than or equal to 1"),
    ("job.checkpoint_ms", "99", "greater than or equal to 100"),
    ("job.outlier_hours", "25", "less than or equal to 24"),
    ("job.outlier_score", "0", "greater than 0"),
    ("job.outlier_score", "nan", "finite number"),
    ("job.outlier_score", "inf", "finite number"),
    ("job.surge_seconds", "3603", "less than or equal to 3600"),
    ("job.surge_score", "-6", "greater than 0"),
    ("job.surge_score", "-inf", "finite number"),
]


@pytest.mark.parametrize(("field", "value", "bound"), BAD)
def test_bad_value_is_told_with_field_value_and_bound(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str, bound: str
) -> None:
    """One line says which setting, what it was, and what is allowed."""
    monkeypatch.setenv("SPAF_" + field.replace(".", "__").upper(), value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert caught.value.what.startswith(f"{field} = {value!r}: ")
    assert bound in caught.value.what
    assert "\n" not in caught.value.what
    assert "spaf.toml" in caught.value.todo


def test_every_bad_value_is_told_at_once() -> None:
    """All mistakes are corrected in one go."""
    toml("[kafka]\nport = 0\n[sale]\ncurrency = 'x'\n")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    names = [line.partition(" = ")[0] for line in caught.value.what.splitlines()]
    assert sorted(names) == ["kafka.port", "sale.currency"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("colour = 'red'\n", "colour"),
        ("[kafka]\nprot = 9093\n", "kafka.prot"),
        ("[kafkaa]\nport = 9093\n", "kafkaa"),
    ],
)
def test_unknown_key_of_the_file_is_refused(text: str, name: str) -> None:
    """A slip of the pen is an error, not a setting without effect."""
    toml(text)
    with pytest.raises(SettingsError, match=rf"^{name} = .*not permitted"):
        settings.load()


def test_unknown_key_of_a_section_is_refused_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same slip in a variable."""
    monkeypatch.setenv("SPAF_KAFKA__PROT", "9093")
    with pytest.raises(SettingsError, match=r"^kafka\.prot = '9093': .*not permitted"):
        settings.load()


def test_unknown_flag_is_refused() -> None:
    """The same slip in a flag."""
    with pytest.raises(SettingsError, match=r"^colour = 'red': .*not permitted"):
        settings.load(colour="red")


@pytest.mark.parametrize("text", ["x = \n", "[kafka\n", "port = 1\nport = 2\n"])
def test_unreadable_file_is_named(text: str) -> None:
    """Broken TOML gives the file and the place, not a traceback."""
    toml(text)
    with pytest.raises(SettingsError, match=r"^spaf\.toml: .*line"):
        settings.load()


def test_secret_is_masked_wherever_settings_are_shown() -> None:
    """The connection string is in no representation of the settings."""
    found = settings.load(postgres={"dsn": f"postgresql://u:{SECRET}@h/d"})
    shown = (repr(found), str(found), found.model_dump_json(), repr(found.postgres))
    assert [SECRET in text for text in shown] == [False] * 4
    assert found.postgres.dsn is not None
    assert SECRET in found.postgres.dsn.get_secret_value()


def test_refused_secret_is_masked_in_the_message() -> None:
    """A connection string of the wrong type is refused without being repeated."""
    with pytest.raises(SettingsError) as caught:
        settings.load(postgres={"dsn": [SECRET]})
    assert caught.value.what.startswith("postgres.dsn = **********: ")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[postgres]\ndns = '{}'\n",
        f"[postgres]\npwd = '{SECRET}'\n",
        "[postgres]\nport = '{}'\n",
        "postgres = '{}'\n",
        "[postgre]\ndsn = '{}'\n",
        "[flink]\nrest_url = 'ftp{}'\n",
        f"[kafka]\ndsn = 'host=h password={SECRET}'\n",
    ],
)
def test_secret_under_a_misspelt_name_is_masked(text: str) -> None:
    """Who misspells `dsn` does not find the password in a log."""
    toml(text.format(f"postgresql://u:{SECRET}@h/d"))
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert SECRET not in str(caught.value)


def test_unreadable_variable_is_not_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable that cannot be read, and one that can."""
    monkeypatch.setenv("SPAF_POSTGRES", f"postgresql://u:{SECRET}@h/d")
    with pytest.raises(SettingsError, match=r"^SPAF_POSTGRES: ") as caught:
        settings.load()
    assert "SPAF_POSTGRES__DSN" in caught.value.todo
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["BRL,USD", " BRL, USD ", '["BRL","USD"]', "['BRL', 'USD']"])
def test_list_is_read_as_a_person_writes_it(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Text with commas, or JSON."""
    monkeypatch.setenv("SPAF_GENERATE__CURRENCIES", text)
    assert settings.load().generate.currencies == ("BRL", "USD")


@pytest.mark.parametrize("text", ["-Xss1m  -XX:+UseG1GC", '["-Xss1m", "-XX:+UseG1GC"]'])
def test_options_of_a_jvm_are_read_as_flink_has_them(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Text with blanks, or JSON; an option may hold commas."""
    monkeypatch.setenv("SPAF_FLINK__JVM_OPTIONS", text)
    assert settings.load().flink.jvm_options == ("-Xss1m", "-XX:+UseG1GC")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-Xss1m Main", r"jvm_options\.1 = 'Main': .*pattern"),
        ("-Dpassword=x", r"jvm_options\.0 = \*+: .*pattern"),
        ("[-Xss1m", r"jvm_options = .*: is no list"),
    ],
)
def test_word_that_is_no_option_of_a_jvm_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """A property may be a password; records of results show these options."""
    monkeypatch.setenv("SPAF_FLINK__JVM_OPTIONS", text)
    with pytest.raises(SettingsError, match=message):
        settings.load()


@pytest.mark.parametrize(("text", "place"), [("", 0), ("[]", 0), ("BRL,usd", 1), ("BRL USD", 0)])
def test_bad_item_of_a_list_is_told(monkeypatch: pytest.MonkeyPatch, text: str, place: int) -> None:
    """With its place in the list."""
    monkeypatch.setenv("SPAF_GENERATE__CURRENCIES", text)
    with pytest.raises(SettingsError, match=rf"^generate\.currencies\.{place} = .*pattern"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SPAF_KAFAK__PORT", "SPAF_KAFKA__PORT"),
        ("SPAF_KAFKA_PORT", "SPAF_KAFKA__PORT"),
        ("spaf_hone", "SPAF_HOME"),
    ],
)
def test_unknown_variable_is_refused_with_the_nearest_known(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    """A slip in the first part has no less effect than one in the second."""
    monkeypatch.setenv(name, SECRET)
    with pytest.raises(SettingsError, match=rf"^{name}: ") as caught:
        settings.load()
    assert f"Did you mean {nearest}?" in caught.value.todo
    assert SECRET not in str(caught.value)


def test_empty_home_is_not_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable must not make `spaf down --wipe` delete the current folder."""
    monkeypatch.setenv("SPAF_HOME", "")
    with pytest.raises(SettingsError, match=r"^home = '': must be a folder of its own"):
        settings.load()


@pytest.mark.parametrize("home", ["/", "~", ".", "sub/..", "{cwd}"])
def test_folder_that_holds_more_than_a_run_is_no_home(
    monkeypatch: pytest.MonkeyPatch, bare: Path, home: str
) -> None:
    """`spaf down --wipe` must not delete these."""
    (bare / "sub").mkdir()
    monkeypatch.setenv("SPAF_HOME", str(Path(home.format(cwd=bare)).expanduser()))
    with pytest.raises(SettingsError, match=r"^home = .*must be a folder of its own"):
        settings.load()


OTHER: dict[str, Any] = {
    "home": Path("/somewhere/with a blank"),
    "kafka": KafkaSettings(bootstrap_servers="a:1,b:2", port=1, topic="t.x", partitions=7),
    "flink": FlinkSettings(
        rest_url="http://host:81/,http://other:81/",
        high_availability="zookeeper",
        zookeeper="a:2181,b:2181",
        task_managers=2,
        jvm_options=("-Xlog:gc,safepoint", "-Xss1m"),
    ),
    "postgres": PostgresSettings(dsn=SecretStr(f"postgresql://u:{SECRET}@h/d")),
    "sale": SaleSettings(currency="USD", max_lateness_s=7, max_ahead_s=0),
    "generate": GenerateSettings(seed=2**63 - 1, currencies=("USD", "EUR"), anomaly_rate=1e-05),
    "job": JobSettings(mini_batch_ms=20, outlier_score=0.1 + 0.2),
}


@pytest.mark.parametrize("flags", [{}, OTHER])
def test_environment_gives_another_process_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, flags: dict[str, Any]
) -> None:
    """What is written out is read back equal, secret included."""
    chosen = settings.load(**flags)
    for name, value in settings.environment(chosen).items():
        monkeypatch.setenv(name, value)
    assert settings.load() == chosen


def test_environment_names_every_setting() -> None:
    """No setting is forgotten on the way, those without a value included."""
    chosen = settings.load(**OTHER)
    expected = {"SPAF_HOME"} | {
        f"SPAF_{name}__{key}".upper()
        for name, section in chosen
        if isinstance(section, Section)
        for key, _ in section
    }
    assert set(settings.environment(chosen)) == expected


def test_environment_covers_an_outer_value_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker of our own stays one, though the user's variable names another.

    `spaf bench drain` replaces `kafka` by a section without `bootstrap_servers`; the supervisor is
    started with the outer environment below `environment()`.
    """
    monkeypatch.setenv("SPAF_KAFKA__BOOTSTRAP_SERVERS", "production:9092")
    toml("[kafka]\nbootstrap_servers = 'production:9092'\n")
    chosen = settings.load().model_copy(update={"kafka": KafkaSettings()})
    for name, value in settings.environment(chosen).items():
        monkeypatch.setenv(name, value)
    assert settings.load().kafka.bootstrap_servers is None


KAFKA_LOGIN = """\
[kafka]
bootstrap_servers = 'h:1'
security_protocol = 'sasl-ssl'
sasl_mechanism = 'scram_sha_512'
username = 'sales'
password_file = 'password'
ca_file = 'ca.pem'
"""


def test_login_to_a_kafka_is_read_in_any_case_and_its_files_from_the_root(tmp_path: Path) -> None:
    """Another process of the run has another working directory."""
    toml(KAFKA_LOGIN)
    Path("password").write_text(f"{SECRET}\n")
    kafka = settings.load().kafka
    assert (kafka.security_protocol, kafka.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert kafka.ca_file == tmp_path / "ca.pem"
    assert settings.secret(kafka, "password") == SECRET
    assert settings.secret(kafka, "key_password") == ""


@pytest.mark.parametrize("content", [b"", b"geheim", b"geheim\r\n", b" ge heim \n"])
def test_only_the_end_of_the_line_of_a_secret_in_a_file_is_dropped(content: bytes) -> None:
    """A password may begin or end with a blank."""
    Path("p").write_bytes(content)
    found = settings.secret(KafkaSettings(password_file=Path("p")), "password")
    assert found == content.decode().rstrip("\r\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[kafka]\nsecurity_protocol = 'SSL'\n", "kafka.bootstrap_servers names no Kafka"),
        (KAFKA_LOGIN.replace("username = 'sales'\n", ""), "kafka.username is not set"),
        (KAFKA_LOGIN.replace("sasl-ssl", "ssl"), "kafka.sasl_mechanism is set, but"),
        (KAFKA_LOGIN.replace("sasl-ssl", "sasl_plaintext"), "kafka.ca_file is set, but"),
        (KAFKA_LOGIN.replace("scram_sha_512", "oauthbearer"), "PLAIN, SCRAM-SHA-256 or SCRAM"),
        (KAFKA_LOGIN.replace("scram_sha_512", "GSSAPI"), "PLAIN, SCRAM-SHA-256 or SCRAM"),
        (KAFKA_LOGIN.replace("sasl-ssl", "tls"), "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT'"),
        (KAFKA_LOGIN + f"password = '{SECRET}'\n", "kafka.password and kafka.password_file"),
        ("[flink]\nca_file = 'ca.pem'\n", "flink.rest_url is no https:// address"),
        (
            "[flink]\nrest_url = 'http://h:1'\ncert_file = 'c'\nkey_file = 'k'\n",
            "flink.cert_file is set, but flink.rest_url is no https:// address",
        ),
        ("[flink]\nzookeeper = 'z:2181'\n", "flink.high_availability is none"),
        (f"[postgres]\npassword = '{SECRET}'\n", "neither postgres.dsn nor postgres.dsn_file"),
        (f"[postgres]\ndsn = '{SECRET}'\ndsn_file = 'd'\n", "postgres.dsn and postgres.dsn_file"),
        (f"[flink]\nrest_url = 'https://u:{SECRET}@h:1'\n", "scheme, host, port and path only"),
        (f"[serve]\npublic_url = 'https://u:{SECRET}@h'\n", "scheme, host, port and path only"),
        ("[kafka]\nmin_insync = 2\n", "kafka.replication is not: set both"),
        ("[service]\ncert_file = 'c'\n", "service.cert_file is set, but service.ca_file is not"),
        (
            "[service]\nca_file = 'a'\ncert_file = 'c'\n",
            "service.ca_file is set, but service.key_file is not",
        ),
        ("[postgres]\nca_file = 'ca.pem'\n", "postgres.ca_file is set, but postgres.host is not"),
        (
            "[kafka]\nreplication = 2\nmin_insync = 3\n",
            "kafka.min_insync is 3, but kafka.replication is 2: no sale could be sent.",
        ),
        (f"[postgres]\nhost = 'h'\ndsn = '{SECRET}'\n", "postgres.host and postgres.dsn are both"),
        ("[kafka]\nnode_id = 2\n", "kafka.node_id is 2, but kafka.controllers names no such"),
        ("[kafka]\ncontrollers = '2@h:1'\n", "kafka.node_id is 1, but kafka.controllers names no"),
        ("[kafka]\ncontrollers = '1@h:1,1@i:1'\n", "names a node twice"),
        ("[kafka]\ncontrollers = 'h:1'\n", "must be node@host:port"),
        ("[kafka]\npublic_address = '127.0.0.1'\n", "must be host:port"),
        ("[kafka]\npublic_address = '127.0.0.1:9092'\n", "clients inside and outside need two"),
        ("[service]\nbind = 'kafka'\n", "is no IP address"),
        ("[service]\nhost = 'a b'\n", "should match pattern"),
        (f"[kafka]\nsasl_password = '{SECRET}'\n", "not permitted"),
        (f"[flink]\ntoken = '{SECRET}'\n", "not permitted"),
    ],
)
def test_settings_of_a_server_that_do_not_fit_are_told_without_the_secret(
    text: str, message: str
) -> None:
    """Which setting, and what it excludes or requires."""
    toml(text)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert message in caught.value.what
    assert SECRET not in str(caught.value)


HEADER = "[serve]\nidentity_header = 'X-Forwarded-User'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[serve]\npublic_url = 'https://sales.example'\n", "but the page has no roles"),
        ("[serve]\npublic_url = 'http://192.168.1.4:8080'\n", "but the page has no roles"),
        ("[serve]\npublic_url = 'http://[2001:db8::1]'\n", "but the page has no roles"),
        (HEADER, "but serve.trusted_proxies is empty"),
        ("[serve]\ntrusted_proxies = ['10.0.0.7']\n", "serve.trusted_proxies is set, but"),
        ("[serve]\noperators = ['ana']\n", "serve.operators is set, but"),
        (HEADER + "trusted_proxies = ['0.0.0.0/0']\n", "every client could name itself"),
        (HEADER + "trusted_proxies = ['::/0']\n", "every client could name itself"),
        (HEADER + "trusted_proxies = ['10.0.0.7/8']\n", "has host bits set"),
        (HEADER + "trusted_proxies = ['proxy']\n", "does not appear to be an IPv4 or IPv6"),
        ("[serve]\nidentity_header = 'X User'\n", "pattern"),
    ],
)
def test_contradictory_roles_of_the_page_are_refused(text: str, message: str) -> None:
    """A public page without roles, and a header that anybody could send, among others."""
    toml(text)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert message in caught.value.what
    assert "\n" not in caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[serve]\npublic_url = 'http://localhost:9000'\n",
        "[serve]\npublic_url = 'http://127.0.0.1:9000'\n",
        "[serve]\npublic_url = 'http://[::1]:9000'\n",
        "[serve]\npublic_url = 'https://sales.example'\nviewer_token_file = 'token'\n",
        HEADER + "public_url = 'https://sales.example'\ntrusted_proxies = ['10.1.0.0/16']\n",
    ],
)
def test_roles_of_the_page_that_fit_are_taken(text: str) -> None:
    """This machine's own names need none; the file of a token is read only at a start."""
    toml(text)
    serve = settings.load().serve
    assert serve.has_roles == ("token" in text or "identity" in text)


@pytest.mark.parametrize("text", ["ana@a.example, Rui Sá", '["ana@a.example", "Rui Sá"]'])
def test_operators_are_read_as_a_person_writes_them(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Text with commas, or JSON; so are the addresses of the proxy."""
    toml(HEADER)
    monkeypatch.setenv("SPAF_SERVE__TRUSTED_PROXIES", "10.0.0.7,fd00::/8")
    monkeypatch.setenv("SPAF_SERVE__OPERATORS", text)
    serve = settings.load().serve
    assert serve.operators == ("ana@a.example", "Rui Sá")
    assert serve.trusted_proxies == ("10.0.0.7", "fd00::/8")
    for name, value in settings.environment(settings.load()).items():
        monkeypatch.setenv(name, value)
    assert settings.load().serve == serve


def test_a_catalogue_that_does_not_fit_the_memory_is_refused() -> None:
    """Each number is allowed, their product is not."""
    toml("[generate]\ncategories = 1000\nproducts_per_category = 100000\n")
    with pytest.raises(SettingsError, match="is 100,000,000; the catalogue"):
        settings.load()


def test_a_secret_is_in_no_text_of_the_settings() -> None:
    """Also those of Kafka and of keys."""
    kafka = {"password": SECRET, "key_password": SECRET}
    chosen = settings.Settings(kafka=KafkaSettings.model_validate(kafka))
    shown = (repr(chosen), str(chosen), repr(chosen.model_dump()), chosen.model_dump_json())
    assert not any(SECRET in text for text in shown)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 604_800), ("36h", 129_600), ("90m", 5_400), ("600", 600), ("1.5 h", 5_400), ("5s", 5)],
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    """Without one it is seconds; another process reads it as seconds."""
    assert settings.duration_s(text) == seconds
    assert settings.duration_s(f"{text} or so") is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SPAF_STORE__KEEP", "2 weeks", "is no duration: write 7d, 36h, 90m or seconds"),
        ("SPAF_STORE__KEEP", "25h", "store.keep is 90000 s, but at least 93600 s are needed"),
        ("SPAF_KAFKA__RETENTION", "1h", "kafka.retention is 3600 s, but at least 8520 s"),
    ],
)
def test_a_retention_that_is_too_short_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """Late sales and a job that resumes change older rows."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=sentence):
        settings.load()


def test_the_slack_is_that_of_the_job() -> None:
    """Settings do not import the job, and must agree with it."""
    assert RETENTION_SLACK_S == STATE_SLACK_S
