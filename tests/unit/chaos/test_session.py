"""A fault is always lifted, and one that did not happen is void."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spaf import clock
from spaf.chaos import session
from spaf.chaos.fault import Fault, Scene
from spaf.chaos.plan import PlannedFault
from spaf.chaos.session import ChaosSession
from spaf.errors import StackError

MakeScene = Callable[..., Scene]
PLANNED = PlannedFault(1, "test", "target", 0.3)


class Scripted(Fault):
    """A fault that does what a test says."""

    def __init__(self, *, happens: bool = True, error: BaseException | None = None) -> None:
        """Keep the script."""
        self._happens, self._error = happens, error
        self.lifted = 0

    def inject(self) -> None:
        """Fail, if the script says so."""
        if self._error is not None:
            raise self._error

    def happened(self) -> bool:
        """Return what the script says."""
        return self._happens

    def lift(self) -> None:
        """Count it."""
        self.lifted += 1


@pytest.fixture
def inject(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault], str]:
    """Return a function that injects, holds and lifts a fault, without a load."""
    monkeypatch.setattr(session, "HAPPENS_S", 0.2)
    one = ChaosSession(make_scene(), {}, str, verify_share=1.0)
    return lambda fault: one._inject(fault, PLANNED, clock.monotonic())


def test_a_fault_is_held_and_lifted(inject: Callable[[Fault], str]) -> None:
    """As long as it is planned."""
    fault, began = Scripted(), clock.monotonic()
    assert inject(fault) == ""
    assert fault.lifted == 1
    assert clock.monotonic() - began >= PLANNED.hold_s


def test_a_fault_that_did_not_happen_is_void(inject: Callable[[Fault], str]) -> None:
    """It is lifted all the same, and says so."""
    fault = Scripted(happens=False)
    assert "nothing happened" in inject(fault)
    assert fault.lifted == 1


@pytest.mark.parametrize("error", [OSError("denied"), StackError("kafka has no process now.")])
def test_a_fault_that_cannot_be_made_says_why(
    inject: Callable[[Fault], str], error: Exception
) -> None:
    """With the error of the system."""
    fault = Scripted(error=error)
    assert str(error) in inject(fault)
    assert fault.lifted == 1


def test_ctrl_c_lifts_the_fault(inject: Callable[[Fault], str]) -> None:
    """And is not swallowed."""
    fault = Scripted(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        inject(fault)
    assert fault.lifted == 1
