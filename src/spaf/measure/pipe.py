"""Become Chromium, with its two debugging pipes where it looks for them.

`python -m spaf.measure.pipe IN OUT PROGRAM ...` moves the descriptors IN and OUT to 3 and 4, which
are the ones that `--remote-debugging-pipe` reads and writes, and becomes the program. The process
stays the same, so its pid is the browser's. A pipe, because a debugging port would be open to every
other process of the machine.
"""

from __future__ import annotations

import fcntl
import os
import sys

COMMANDS_FD = 3
ANSWERS_FD = 4
# First of the descriptors that hold the pipes while they change places.
ASIDE = 10


def main() -> None:
    """Move the descriptors and become the program."""
    given = [int(fd) for fd in sys.argv[1:3]]
    commands, answers = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, ASIDE) for fd in given)
    for fd in given:
        os.close(fd)
    os.dup2(commands, COMMANDS_FD)
    os.dup2(answers, ANSWERS_FD)
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - no shell, and the same process


if __name__ == "__main__":
    main()
