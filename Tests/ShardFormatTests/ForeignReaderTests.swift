// scripts/read_shards.py, written from docs/formats.md alone, reads what we write. METAMAE_PYTHON names the Python
// that has lmdb, zstandard and numpy; `python3` otherwise.

import Basics
import Foundation
import TestSupport
import Testing

private func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}

private let python = ProcessInfo.processInfo.environment["METAMAE_PYTHON"] ?? "python3"
private let pythonReads = (try? run([python, "-c", "import lmdb, zstandard, numpy"]).code) == 0

@Suite(.enabled(if: pythonReads, "\(python) lacks lmdb, zstandard or numpy"))
struct ForeignReaderTests {
  private let script =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path + "/scripts/read_shards.py"

  /// Sums weighted by the record's place: a wrong order, shuffle or offset changes them.
  @Test func recordsComeOutInTheirOrder() throws {
    let folder = try TemporaryFolder()
    try SyntheticSplit.records(100, in: folder.path)
    var sums = [0, 0, 0]
    for k in 0..<100 {
      sums[0] += (k + 1) * (0..<48).reduce(0) { $0 + (k + 7 * $1) % 256 }
      sums[1] += (k + 1) * (50 * k + 10)
      sums[2] += (k + 1) * (k % 10)
    }
    let found = try run([python, script, folder.path])
    let expected = [
      "input.0 uint8 [100, 3, 4, 4]", "input.1 int32 [100, 5]", "label uint16 [100]",
    ]
    let lines = found.output.split(separator: "\n")
    try #require(lines.count == 3, "\(found)")
    for (k, line) in lines.enumerated() {
      #expect(line == "\(expected[k]) \(String(format: "%.6e", Double(sums[k])))")
    }
  }

  @Test func segmentsComeOutWhole() throws {
    let folder = try TemporaryFolder()
    try SyntheticSplit.windows(
      rowCounts: [40, 33, 64], length: 20, perEpoch: 10, fixed: false, in: folder.path)
    var expected = ""
    for (k, rows) in [40, 33, 64].enumerated() {
      let sum = 1000 * k * rows * (rows + 1) / 2
      expected += "\(k) \(k % 3) [\(rows), 2] \(String(format: "%.6e", Double(sum)))\n"
    }
    #expect(try run([python, script, folder.path]).output == expected)
  }
}
