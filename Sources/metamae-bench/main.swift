// metamae-bench: named cases, each timed in a process of its own.

import Basics
import TensorCore

try? BLAS.prepare()

Console.run(
  "metamae-bench",
  [
    ("list", listCommand, { try listCases($0) }),
    ("run", runCommand, { try runCases($0) }),
    ("load", LoadReport.command, { try LoadReport.run($0) }),
    ("wait", WaitReport.command, { try WaitReport.run($0) }),
    (BenchProcess.word, BenchProcess.command, { try BenchProcess.measure($0) }),
  ])
