"""A texture from one photograph: the command `drawgen texture` as a program, for those who start from the repository.

    python scripts/sample_texture.py photo:gravel -o OUT.png --size 512x512

Takes what `drawgen texture` takes; see --help.
"""

import sys

from drawgen.cli import main

if __name__ == "__main__":
    sys.exit(main(["texture", *sys.argv[1:]]))
