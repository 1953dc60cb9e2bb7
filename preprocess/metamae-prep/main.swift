// metamae-prep: raw files to shards, and a look into shards.

import Basics

Console.run(
  "metamae-prep",
  [
    ("list", ListCommand.command, ListCommand.run),
    ("build-shards", BuildCommand.command, BuildCommand.run),
    ("merge", MergeCommand.command, MergeCommand.run),
    ("inspect", InspectCommand.command, InspectCommand.run),
    ("export", ExportCommand.command, ExportCommand.run),
    ("verify", VerifyCommand.command, VerifyCommand.run),
  ])
