"""The result of power failures, and which acknowledged sales count as lost."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Message

from spaf.chaos import power
from spaf.chaos.power import Cut, PowerCutResult, PowerCutScenario, Sold
from spaf.errors import StackError
from spaf.settings import KafkaSettings, Settings


def cut(**changed: Any) -> Cut:
    """Return a cut that was survived, but for what is changed."""
    survived: dict[str, Any] = {
        "number": 1,
        "after_s": 2.5,
        "acknowledged": 900,
        "lost": 0,
        "up_s": 7.25,
        "differences": 0,
    }
    return Cut(**survived | changed)


@pytest.mark.parametrize(
    "changed",
    [{"lost": 1}, {"differences": 2}, {"differences": None}, {"error": "it does not start"}],
)
def test_a_cut_is_survived_without_any_loss_only(changed: dict[str, Any]) -> None:
    """Wrong rows and rows that could not be verified are no success either."""
    result = PowerCutResult(durability="disk", seed=1, planned=2, cuts=[cut(), cut(**changed)])
    assert [survived.survived for survived in result.cuts] == [True, False]
    assert len(result.reasons) == 1


def test_the_line_of_a_cut_says_what_is_left() -> None:
    """In the order in which it happens."""
    assert cut(lost=3, differences=5).line == (
        "  1  cut after 2.5 s of sales: up after 7.2 s; "
        "3 of 900 acknowledged sales lost; 5 differences"
    )
    assert cut(up_s=None, differences=None, error="no room").line.endswith(
        "not up again; 0 of 900 acknowledged sales lost; not verified; no room"
    )


def test_what_the_verification_has_seen_is_counted() -> None:
    """A loss that it would not see would be worse than the loss."""
    seen = cut(lost=3, differences=5)
    result = PowerCutResult(durability="memory", seed=1, planned=1, cuts=[seen])
    assert result.summary() == (
        "0 of 1 power failures survived; 3 acknowledged sales lost; seed 1. "
        "The verification has seen 1 of them."
    )


def test_a_sale_is_lost_if_it_was_acknowledged_and_is_not_in_the_topic() -> None:
    """One that was sent only may be in the topic or not; later numbers may be missing there."""
    sold = Sold(7)
    sold._acknowledged.extend(b"\1\0\1\1")
    for number in (1, 3):
        sold._noted(number)(None, Message())
    assert sold.acknowledged == 4
    assert sold.lost(b"\1\1\1\1\1") == 0
    assert sold.lost(b"\1\0\1") == 2


def test_a_run_without_the_mode_is_told_what_to_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default does not promise to survive a power failure."""
    monkeypatch.setattr(power, "refusal_of_disks", str)
    scenario = PowerCutScenario()
    assert not list(scenario.prepare(Settings(kafka=KafkaSettings(durability="disk"))))
    (notice,) = scenario.prepare(Settings())
    assert "SPAF_KAFKA__DURABILITY=disk" in notice


def test_a_user_who_cannot_make_a_disk_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started, with the system's own reason."""
    monkeypatch.setattr(power, "refusal_of_disks", lambda: "mount: only root can do that")
    with pytest.raises(StackError, match="only root can do that") as failure:
        list(PowerCutScenario().prepare(Settings()))
    assert "root" in failure.value.todo
