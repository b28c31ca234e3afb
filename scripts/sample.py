"""Draws from a trained model: the command `drawgen sample` as a program, for those who start from the repository.

    python scripts/sample.py ride:NAME -o OUT.png --size 512x512 --seed 7

Takes what `drawgen sample` takes; see --help.
"""

import sys

from drawgen.cli import main

if __name__ == "__main__":
    sys.exit(main(["sample", *sys.argv[1:]]))
