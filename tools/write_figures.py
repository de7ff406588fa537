"""Renew the marked figures of the documents from the committed records."""

import sys
from pathlib import Path

from spaf.errors import SpafError
from spaf.report.figures import Figures
from spaf.report.records import committed_records
from spaf.report.texts import documents, language_of, renewed

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Write each document that changes, and print its name; exit code 1 if a figure is missing."""
    try:
        figures = Figures(committed_records())
        for document in documents(ROOT):
            before = document.read_text(encoding="utf-8")
            after = renewed(before, figures, language_of(document))
            if after != before:
                document.write_text(after, encoding="utf-8")
                print(document.relative_to(ROOT))
    except SpafError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
