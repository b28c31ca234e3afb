"""`python -m drawgen`."""

import sys

from drawgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
