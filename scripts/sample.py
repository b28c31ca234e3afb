"""Samples from a trained model, and saves the picture: the shortest program over `drawgen.load`.

    python scripts/sample.py ride:dirt dirt.png

`drawgen sample` does the same, and has options.
"""

import sys

import drawgen


def main() -> None:
    model, out = sys.argv[1:]
    drawgen.load(model).sample().save(out)


if __name__ == "__main__":
    main()
