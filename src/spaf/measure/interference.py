"""Why the figures of an interval cannot be trusted though the program was right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import msgspec

from spaf.measure.machine_state import MachineState, allowed_cores

# The kernel counts in hundredths of a second: a shorter interval would be judged by chance.
MIN_INTERVAL_S = 1.0
# Other programs may use this share of all cores: what an idle desktop or server does.
MAX_OTHER_SHARE = 0.05
# The kernel counts the use of a core by ticks, and that of a process exactly: on a machine without
# other programs both agree to a hundredth of the cores.
MAX_UNSEEN_SHARE = 0.1
# Of the time of all cores, for other virtual machines on the same hardware.
MAX_STEAL_SHARE = 0.02
# Of the time, stopped by a limit of processor time. One stop takes up to 0.1 s: a sale that waits
# for that is no sale of an undisturbed machine.
MAX_THROTTLED_SHARE = 0.001
# A step of this size would change a latency that is shown in milliseconds, and is above the error
# of reading two clocks one after the other.
MIN_CLOCK_STEP_MS = 1.0


class Interference(msgspec.Struct, frozen=True):
    """What happened to the machine in an interval, and was not done by the measured programs."""

    seconds: float
    cores: int
    """Cores that this process may use."""
    other_cores: float
    """Average use by other programs, cores."""
    other_name: str
    """The program that used most of it."""
    unseen_cores: float
    """Use that no process of this table explains: programs outside of this container."""
    steal_cores: float
    throttled_s: float
    heat_throttles: int
    clock_step_ms: float

    @classmethod
    def between(
        cls, states: tuple[MachineState, MachineState], others_s: Mapping[str, float], own_s: float
    ) -> Self:
        """Return what lies between two states.

        Args:
            states: at the begin and at the end.
            others_s: processor time of other programs by their name, seconds.
            own_s: that of the measured programs and of the kernel, seconds.

        """
        before, after = states
        seconds = max(after.at_s - before.at_s, MIN_INTERVAL_S)
        step_us = after.clock_offset_us - before.clock_offset_us
        return cls(
            seconds=round(after.at_s - before.at_s, 3),
            cores=allowed_cores(),
            other_cores=round(sum(others_s.values()) / seconds, 4),
            other_name=max(others_s, key=lambda name: others_s[name], default=""),
            unseen_cores=round(
                (after.busy_s - before.busy_s - own_s - sum(others_s.values())) / seconds, 4
            ),
            steal_cores=round((after.steal_s - before.steal_s) / seconds, 4),
            throttled_s=round(after.throttled_s - before.throttled_s, 4),
            heat_throttles=after.heat_throttles - before.heat_throttles,
            clock_step_ms=round(step_us / 1_000, 3),
        )

    @property
    def reasons(self) -> list[str]:
        """Why the interval is not valid; empty if it is."""
        return [*self.by_others, *self.by_machine]

    @property
    def by_others(self) -> list[str]:
        """What other programs and other virtual machines took."""
        reasons = []
        if self.other_cores > MAX_OTHER_SHARE * self.cores:
            reasons.append(
                f"other programs used {self.other_cores:.2f} of {self.cores} cores, "
                f"most of it {self.other_name}"
            )
        if self.unseen_cores > MAX_UNSEEN_SHARE * self.cores:
            reasons.append(
                f"programs that cannot be seen from here used {self.unseen_cores:.2f} of "
                f"{self.cores} cores"
            )
        if self.steal_cores > MAX_STEAL_SHARE * self.cores:
            reasons.append(
                f"other virtual machines took {self.steal_cores:.2f} cores from this one"
            )
        return reasons

    @property
    def by_machine(self) -> list[str]:
        """What the machine itself did: clock, limits, heat."""
        reasons = []
        if self.throttled_s > MAX_THROTTLED_SHARE * self.seconds:
            reasons.append(
                f"the limit of processor time stopped the programs for {self.throttled_s:.2f} s"
            )
        if self.heat_throttles > 0:
            reasons.append(
                f"the processor slowed down {self.heat_throttles} times because it was hot"
            )
        if abs(self.clock_step_ms) >= MIN_CLOCK_STEP_MS:
            reasons.append(f"the wall clock was set by {self.clock_step_ms:+,.1f} ms")
        return reasons
