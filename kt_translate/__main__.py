"""Run the command line: ``python -m kt_translate``."""

from __future__ import annotations

import sys

from kt_translate.cli import main

if __name__ == "__main__":
    sys.exit(main())
