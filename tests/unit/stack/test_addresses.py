"""Addresses that carry a login stay inside the process: what is written down is plain text."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from spaf.job.flink_address import FlinkAddress
from spaf.job.flink_client import FlinkClient
from spaf.settings import FlinkSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack.state import RunFolder
from spaf.stack.supervisor import _first_state
from spaf.stack.topology import make


def test_state_of_a_run_with_external_services_can_be_written(tmp_path: Path) -> None:
    """Every address in it is a text without login."""
    settings = Settings.model_validate(
        {
            "home": tmp_path / "home",
            "kafka": KafkaSettings.model_validate(
                {
                    "bootstrap_servers": "h:1",
                    "security_protocol": "SASL_SSL",
                    "sasl_mechanism": "PLAIN",
                    "username": "u",
                    "password": "geheim",
                }
            ),
            "flink": FlinkSettings.model_validate({"rest_url": "https://h:2"}),
            "postgres": PostgresSettings.model_validate({"dsn": "postgresql://u:geheim@h:3/d"}),
        }
    )
    home = RunFolder(settings.home)
    home.create()
    written = msgspec.json.encode(_first_state(settings, make(settings, home)))
    assert b"h:1" in written
    assert b"https://h:2" in written
    assert b"geheim" not in written


def test_address_of_a_client_is_a_plain_text() -> None:
    """It becomes that of a service in the state of the run."""
    with closing(FlinkClient(FlinkAddress("http://h:1"))) as client:
        assert type(client.url) is str
