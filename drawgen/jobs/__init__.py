"""One function per task of a user: plain values in, values or files out. The command line, the public names of `drawgen` and
`scripts/` are thin layers over it."""

from drawgen.jobs.caption_collections import caption_files
from drawgen.jobs.card import machine
from drawgen.jobs.classifying import classify
from drawgen.jobs.demonstration import demo
from drawgen.jobs.diagnosing import diagnose
from drawgen.jobs.drawing import draw, interpolate, reconstruct, sample
from drawgen.jobs.films import paint_film, paint_folder
from drawgen.jobs.heat_maps import heat
from drawgen.jobs.illustrating import illustrate
from drawgen.jobs.inpainting import extend, inpaint
from drawgen.jobs.lesioning import lesions
from drawgen.jobs.measuring import data_of, measure
from drawgen.jobs.paintings import paint
from drawgen.jobs.parsing import parse
from drawgen.jobs.plots import plot
from drawgen.jobs.pointing import points
from drawgen.jobs.reading import read
from drawgen.jobs.recipe import RECIPE, begun, read_recipe, stored_recipe
from drawgen.jobs.reports import SILENT, Reports
from drawgen.jobs.texture_collections import labelled_texture, texture_folder
from drawgen.jobs.textures import texture
from drawgen.jobs.training import train
from drawgen.jobs.translating import translate, translate_file
from drawgen.training.run_folder import mend

__all__ = [
    "RECIPE",
    "SILENT",
    "Reports",
    "begun",
    "caption_files",
    "classify",
    "data_of",
    "demo",
    "diagnose",
    "draw",
    "extend",
    "heat",
    "illustrate",
    "inpaint",
    "interpolate",
    "labelled_texture",
    "lesions",
    "machine",
    "measure",
    "mend",
    "paint",
    "paint_film",
    "paint_folder",
    "parse",
    "plot",
    "points",
    "read",
    "read_recipe",
    "reconstruct",
    "sample",
    "stored_recipe",
    "texture",
    "texture_folder",
    "train",
    "translate",
    "translate_file",
]
