"""Trains on one photograph, and saves a texture like it: the shortest program over `drawgen.texture`.

    python scripts/sample_texture.py photo:gravel gravel.png

`drawgen texture` does the same, and has options.
"""

import sys

import drawgen


def main() -> None:
    photo, out = sys.argv[1:]
    drawgen.texture(photo, progress=True).save(out)


if __name__ == "__main__":
    main()
