// metamae-train: pretrains an encoder on shards. Without a word in front it trains; other words are subcommands.

import Basics
import TensorCore
import Training

Console.run(
  "metamae-train",
  [
    (
      "", TrainCommand.command,
      { arguments in
        try BLAS.prepare()
        try TrainCommand.run(arguments)
      }
    ),
    ("doctor", DoctorCommand.command, { try DoctorCommand.run($0) }),
    ("sweep", SweepCommand.command, { try SweepCommand.run($0) }),
    ("audit", AuditCommand.command, { try AuditCommand.run($0) }),
  ])
