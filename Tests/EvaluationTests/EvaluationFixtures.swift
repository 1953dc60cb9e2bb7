// What the tests of this room share.

import Basics
import Foundation

/// |a - b| / |b| in the Euclidean norm.
func relativeError(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count)
  var (difference, norm) = (0.0, 0.0)
  for i in a.indices {
    difference += Double(a[i] - b[i]) * Double(a[i] - b[i])
    norm += Double(b[i]) * Double(b[i])
  }
  return (difference / norm).squareRoot()
}

/// A folder that goes away with the test.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/metamae-eval-\(UUID().uuidString)"
    try Files.createFolder(path)
  }

  deinit { try? Files.remove(path) }
}
