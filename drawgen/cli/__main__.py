"""`python -m drawgen.cli` and `torchrun -m drawgen.cli`."""

import sys

from drawgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
