"""drawgen: a generative drawing and texture toolkit. `drawgen --help` is the way in; README.md tells the rest."""

__version__ = "0.1.0"
