"""Training and evaluation of any model of the contract: `fit` and `evaluate`, which import no model."""

from drawgen.training.clock import Progress
from drawgen.training.evaluation import evaluate
from drawgen.training.fit import Outcome, fit
from drawgen.training.schedule import Fit
from drawgen.training.session import TrainingError

__all__ = ["Fit", "Outcome", "Progress", "TrainingError", "evaluate", "fit"]
