"""`python -m spaf` is `spaf`."""

import sys

if not sys.flags.safe_path:
    # The current folder may hold modules of the user.
    del sys.path[0]

from spaf import environment

if __name__ == "__main__":
    environment.enter()

    from spaf.cli import main

    main()
