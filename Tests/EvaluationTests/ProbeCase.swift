// The golden cases of the linear evaluation, and what the tests of this room share.

import Basics
import Foundation
import TensorCore

@testable import Evaluation

/// Where the golden cases are: METAMAE_GOLDEN, else the package's own copy; nil when neither is there.
let goldenFolder: String? = {
  let own = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("GoldenTests/golden").path
  let folder = ProcessInfo.processInfo.environment["METAMAE_GOLDEN"] ?? own
  return Files.isFolder(folder) ? folder : nil
}()

/// A golden case of the linear evaluation.
struct ProbeCase {
  private let archive: TensorArchive

  var metadata: [String: String] { archive.metadata }

  func shape(_ name: String) -> [Int] { archive.entries[name]!.shape }

  func floats(_ name: String) throws -> [Float] { try archive.floats(name) }

  func integers(_ name: String) throws -> [Int32] { try archive.integers(name).map(Int32.init) }

  /// Every case with a `kind` in a folder.
  static func all() throws -> [(name: String, contents: ProbeCase)] {
    guard let folder = goldenFolder else { return [] }
    return try Files.list(folder).filter { $0.hasSuffix(".safetensors") }.compactMap { name in
      let contents = ProbeCase(archive: try TensorArchive(path: folder + "/" + name))
      return contents.metadata["kind"] == nil ? nil : (name, contents)
    }
  }
}

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
