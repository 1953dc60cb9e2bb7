// metamae-eval: what a frozen encoder's features are worth, and the features themselves.

import Basics
import Evaluation
import TensorCore

Console.run(
  "metamae-eval",
  [
    ("", evaluationCommand, { try runEvaluation($0) }),
    ("features", featuresCommand, { try runFeatures($0) }),
  ])
