// report.html of a sweep: the table beside the paper's, curves of the runs, and where each run's own report is.

import Basics
import Experiments

public struct SweepReport: Sendable {
  let table: SweepTable
  let folder: String

  /// - Parameter folder: the sweep's.
  public init(_ table: SweepTable, in folder: String) {
    self.table = table
    self.folder = folder
  }

  public func write() throws {
    try Files.writeAtomically(try html(), to: folder + "/report.html")
  }

  public func html() throws -> String { sweepText(table) }
}
