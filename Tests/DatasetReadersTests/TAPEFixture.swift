// TAPE's LMDB files in small, made by `fixtures/make_tape.py` with Python's lmdb, pickle and numpy.

import Foundation

enum TAPEFixture {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("fixtures/\(name)").path
  }
}
