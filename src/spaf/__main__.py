"""`python -m spaf` is `spaf`."""

from spaf.cli import main

if __name__ == "__main__":
    main()
