// The splits at or below a folder.

import Basics
import ShardFormat

enum SplitFolders {
  private static let mostDepth = 6

  /// Folders with a manifest, ascending.
  /// - Parameter parts: told of the folders with a piece of a build (`--part`), where those count too.
  /// - Throws: missingInput when there is none.
  static func find(_ path: String, parts: ((String) -> Void)? = nil) throws -> [String] {
    guard Files.isFolder(path) else {
      throw Failure(.missingInput, at: path, "expected a folder with shards, found none")
    }
    var found: [String] = []
    var hasParts = false
    func visit(_ folder: String, _ depth: Int) throws {
      if Files.exists(folder + "/" + Manifest.fileName) {
        found.append(folder)
        return
      }
      if let parts, Files.exists(folder + "/part.json") {
        hasParts = true
        return parts(folder)
      }
      guard depth < mostDepth else { return }
      for name in try Files.list(folder) where !name.hasSuffix(unfinishedSuffix) {
        if Files.isFolder(folder + "/" + name) { try visit(folder + "/" + name, depth + 1) }
      }
    }
    try visit(path, 0)
    guard !found.isEmpty || hasParts else {
      throw Failure(
        .missingInput, at: path, "expected splits with a \(Manifest.fileName), found none",
        remedy: "Build them with: metamae-prep build-shards")
    }
    return found
  }

  /// The operand DIR.
  static func operand(_ arguments: Arguments, _ program: String) throws -> String {
    guard arguments.operands.count == 1 else {
      throw Failure(
        .usage, at: program, "expected one folder, found \(arguments.operands.count)",
        remedy: "See: \(program) --help")
    }
    return arguments.operands[0]
  }
}
