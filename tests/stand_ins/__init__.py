"""Models of a few weights, one file per verb: put into `drawgen.models.__path__`, they are found as the project's own are."""
