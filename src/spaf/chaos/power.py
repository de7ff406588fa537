"""`spaf prove power-cut`: what is left of acknowledged sales when a disk loses its power.

A run whose folder lies on a disk of its own gets sales one after the other. At a random moment the
file system of the disk is shut down as a power failure does it: what was not forced to the disk is
gone. Every process is killed, the disk is mounted again, the run is started from it, everything is
verified, and each acknowledged sale is looked for in the topic.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import msgspec
import psutil
from confluent_kafka import KafkaError, Message

from spaf import clock
from spaf.bench.progress import Progress
from spaf.bench.run.verdict import verify
from spaf.bench.scenario import RATE_OPTION, Result, Scenario, Table, option, table_of
from spaf.chaos.faults.disk import SmallDisk, refusal_of_disks
from spaf.chaos.faults.signals import family, send
from spaf.chaos.run_settings import with_free_ports, with_own_services
from spaf.chaos.session import PROBLEMS, count, found_numbers, problem_of
from spaf.errors import SpafError, StackError
from spaf.generate.shop import catalogue
from spaf.generate.shop.stream import SaleStream
from spaf.settings import Settings
from spaf.stack import control, process
from spaf.stack.control import Watcher
from spaf.stack.process import ProcessIdentity
from spaf.stack.run import Run
from spaf.stack.state import RunState
from spaf.topic.producer import open_producer

CUTS = 5
MAX_CUTS = 10_000
RATE = 500.0
# Between the first sale and the cut, seconds: with and without a checkpoint (5 s) and a commit of
# the journal of the file system (5 s) in between.
SELL_S = (1.0, 8.0)
# A process that is killed while its disk is gone ends within this, seconds.
END_S = 20.0


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """One power failure."""

    number: int
    after_s: float
    """From the first sale to the cut."""
    acknowledged: int
    """Sales of all cuts so far that the broker had acknowledged."""
    lost: int
    """Of these, the ones that the topic does not hold after the start."""
    up_s: float | None = None
    """From the start to the running job; None if it did not run."""
    differences: int | None = None
    """Of the verification, rows and unaccounted records; None if there was none."""
    error: str = ""

    @property
    def survived(self) -> bool:
        """Whether nothing is lost and every row is right."""
        return not self.lost and self.differences == 0 and not self.error

    @property
    def line(self) -> str:
        """The cut in one line, for a person."""
        up = "not up again" if self.up_s is None else f"up after {self.up_s:.1f} s"
        verified = (
            "not verified" if self.differences is None else f"{self.differences:,} differences"
        )
        return (
            f"{self.number:>3}  cut after {self.after_s:.1f} s of sales: {up}; "
            f"{self.lost:,} of {self.acknowledged:,} acknowledged sales lost; {verified}"
            + (f"; {self.error}" if self.error else "")
        )


class PowerCutResult(Result, frozen=True, kw_only=True):
    """All power failures of a disk."""

    durability: str
    seed: int
    planned: int
    cuts: list[Cut]

    @property
    def reasons(self) -> list[str]:
        """What a power failure has cost."""
        return [f"cut {cut.number}: {cut.line.strip()}" for cut in self.cuts if not cut.survived]

    def tables(self) -> Iterable[Table]:
        """Return a row a cut."""
        columns = {
            "cut": "number",
            "after s": "after_s",
            "acknowledged": "acknowledged",
            "lost": "lost",
            "up s": "up_s",
            "differences": "differences",
        }
        yield table_of(self.cuts, columns, f"power failures, kafka.durability = {self.durability}")

    def summary(self) -> str:
        """Return what was proven."""
        lost = max((cut.lost for cut in self.cuts), default=0)
        survived = sum(cut.survived for cut in self.cuts)
        seen = sum(bool(cut.lost and cut.differences) for cut in self.cuts)
        noticed = f" The verification has seen {seen} of them." if lost else ""
        return (
            f"{survived} of {len(self.cuts)} power failures survived; {lost:,} acknowledged sales "
            f"lost; seed {self.seed}.{noticed}"
        )


class PowerCutScenario(Scenario, frozen=True):
    """Cut the power of a disk while sales are acknowledged, start from it, look for each sale."""

    cuts: Annotated[int, option("How many power failures.", ge=1, le=MAX_CUTS)] = CUTS
    seed: Annotated[int, option("Seed of their moments.", ge=0)] = 1
    rate: Annotated[float, RATE_OPTION] = RATE

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the run: those of the user, with services of its own."""
        return with_free_ports(with_own_services(settings))

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check that this user and kernel can make a disk; say what is expected.

        Raises:
            StackError: they cannot.

        """
        problem = refusal_of_disks()
        if problem:
            raise StackError(
                f"No disk can be made to cut its power: {problem}",
                todo="It needs root, and loop devices with ext4.",
            )
        if settings.kafka.durability != "disk":
            yield (
                "kafka.durability is memory: acknowledged sales may be lost; "
                "SPAF_KAFKA__DURABILITY=disk is the mode that survives this."
            )

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> PowerCutResult:
        """Cut, start and verify as often as is asked; without a start, no further cut is made.

        Raises:
            SpafError: the run could not be started the first time.

        """
        moments = random.Random(self.seed)  # noqa: S311 - repeatable
        cuts: list[Cut] = []
        disk = SmallDisk()
        with contextlib.closing(disk):
            own = disk.open(self.settings(settings))
            try:
                run = _start(own, watch)
                sold = Sold(self.seed)
                while len(cuts) < self.cuts and all(cut.survived for cut in cuts):
                    number = len(cuts) + 1
                    after_s = moments.uniform(*SELL_S)
                    progress(f"cut {number}: selling for {after_s:.1f} s")
                    with sold.selling(run, self.rate):
                        clock.sleep(after_s)
                        # Afterwards nothing can be read.
                        state = run.state()
                        disk.cut()
                    _kill_all(state)
                    disk.mount_again()
                    progress(f"cut {number}: starting again, verifying")
                    cuts.append(_recovered(own, watch, sold, number, after_s))
                    progress(cuts[-1].line)
                    run = Run.attach(own) if cuts[-1].survived else run
            finally:
                with contextlib.suppress(SpafError):
                    control.down(own, wipe=True)
        return PowerCutResult(
            durability=own.kafka.durability, seed=self.seed, planned=self.cuts, cuts=cuts
        )


class Sold:
    """Sells from this process, which the cut does not hit, and keeps what was acknowledged."""

    def __init__(self, seed: int) -> None:
        """Begin with the first sale."""
        run_id = f"{clock.now_us():x}"
        self._stream = SaleStream(
            catalogue.build(seed), seed=seed, run_id=run_id, currencies=("BRL",)
        )
        self.mark = f'"transactionId":"{seed}-{run_id}-'.encode()
        self._made = 0
        # A byte for each sale: whether it was acknowledged.
        self._acknowledged = bytearray()

    @property
    def acknowledged(self) -> int:
        """How many sales were acknowledged."""
        return sum(self._acknowledged)

    def lost(self, kept: bytes | bytearray) -> int:
        """Return how many acknowledged sales are not among those that were found."""
        padded = bytes(kept).ljust(len(self._acknowledged), b"\0")
        return sum(had > has for had, has in zip(self._acknowledged, padded, strict=False))

    @contextlib.contextmanager
    def selling(self, run: Run, rate: float) -> Iterator[None]:
        """Sell in a thread until the end of the block; what is not acknowledged then never was."""
        ended = threading.Event()
        thread = threading.Thread(target=self._sell, args=(run, rate, ended), name="sales")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _sell(self, run: Run, rate: float, ended: threading.Event) -> None:
        producer = open_producer(run.kafka, "spaf power-cut")
        begun, sent = clock.monotonic(), 0
        while not ended.is_set():
            if sent < (clock.monotonic() - begun) * rate:
                now_us = clock.now_us()
                sale, _ = self._stream.next_sale(now_us, now_us)
                self._acknowledged.append(0)
                producer.produce(run.topic, sale, on_delivery=self._noted(self._made))
                self._made, sent = self._made + 1, sent + 1
                producer.poll(0)
            else:
                producer.poll(0.001)
        # The acknowledgements that have arrived by now; no other one will come.
        producer.poll(0)
        producer.purge()
        producer.poll(0)

    def _noted(self, number: int) -> Callable[[KafkaError | None, Message], None]:
        def note(error: KafkaError | None, message: Message) -> None:  # noqa: ARG001 - its signature
            if error is None:
                self._acknowledged[number] = 1

        return note


def _start(own: Settings, watch: Watcher) -> Run:
    return Run(own, control.up(own, watch, end_with_us=True))


def _recovered(own: Settings, watch: Watcher, sold: Sold, number: int, after_s: float) -> Cut:
    """Start the run from what is left, verify it, and look for each acknowledged sale."""
    cut = Cut(number=number, after_s=round(after_s, 2), acknowledged=sold.acknowledged, lost=0)
    begun = clock.monotonic()
    try:
        run = _start(own, watch)
        up_s = round(clock.monotonic() - begun, 2)
        lost = sold.lost(found_numbers(run, sold.mark))
        cut = msgspec.structs.replace(cut, up_s=up_s, lost=lost)
        return msgspec.structs.replace(cut, differences=count(verify(run)))
    except PROBLEMS as error:
        return msgspec.structs.replace(cut, error=problem_of(error))


def _kill_all(state: RunState) -> None:
    """Kill every process of the run, as a power failure does.

    Raises:
        StackError: one has not ended.

    """
    heads = [state.supervisor(), *(service.identity() for service in state.services.values())]
    members = {member for head in heads if head is not None for member in family(head)}
    for member in members:
        send(member, signal.SIGKILL)
    process.wait_until(lambda: not any(map(_is_known, members)), END_S)
    left = [member.pid for member in members if member.alive()]
    if left:
        raise StackError(f"Process {left[0]} of the run has not ended after SIGKILL.")


def _is_known(identity: ProcessIdentity) -> bool:
    """Return whether the system still knows a process, if only because no parent asked for its end.

    PostgreSQL does not start while it knows the server before; after a power failure it never does.
    """
    try:
        return psutil.Process(identity.pid).ppid() != os.getpid()
    except psutil.NoSuchProcess:
        return False
