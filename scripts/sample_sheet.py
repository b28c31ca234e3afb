"""A sheet of samples at several temperatures, through the public functions: an example of drawing from Python.

python scripts/sample_sheet.py ride:NAME -o SHEET.png --size 128x128 --temperatures 0.8 1.0 1.2
"""

import argparse
from pathlib import Path

import torch

from drawgen import images, jobs
from drawgen.contract import Request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model folder, or MODEL:NAME of a shipped one")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="128x128", help="WxH in pixels")
    parser.add_argument("-n", type=int, default=4, help="samples a row")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.8, 1.0, 1.2])
    arguments = parser.parse_args()
    try:
        images.check_output(arguments.out, kinds=images.STILL)
        size = images.parse_size(arguments.size)
        rows = [
            jobs.draw(arguments.model, Request(n=arguments.n, size=size, temperature=temperature), match=False).images
            for temperature in arguments.temperatures
        ]
    except ValueError as error:
        parser.error(str(error))
    images.save_image(arguments.out, images.grid(torch.cat(rows), columns=arguments.n))
    print(arguments.out)


if __name__ == "__main__":
    main()
