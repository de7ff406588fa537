"""Replace this process by Chromium, with its debugging pipes on the descriptors that it expects.

`python -m spaf.measure.pipe IN OUT PROGRAM ...` moves the descriptors IN and OUT to 3 and 4, which
are the ones that `--remote-debugging-pipe` reads and writes, and executes the program. The process
id stays the same, so it is that of the browser. A debugging port, unlike a pipe, would be open to
every other process of the machine.
"""

from __future__ import annotations

import fcntl
import os
import sys

COMMANDS_FD = 3
ANSWERS_FD = 4
# First of the descriptors that hold the pipes in between.
MIN_SPARE_FD = 10


def main() -> None:
    """Move the descriptors and execute the program."""
    given = [int(fd) for fd in sys.argv[1:3]]
    commands, answers = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, MIN_SPARE_FD) for fd in given)
    for fd in given:
        os.close(fd)
    os.dup2(commands, COMMANDS_FD)
    os.dup2(answers, ANSWERS_FD)
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - no shell, and the same process


if __name__ == "__main__":
    main()
