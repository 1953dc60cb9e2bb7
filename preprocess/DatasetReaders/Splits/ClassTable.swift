// A table of classes that another build or the user has made: `--labels-from`. Class = place in the ascending list.

import Basics
import Foundation
import ShardFormat

enum ClassTable {
  /// - Parameter path: a folder with a finished split at or below it, a manifest.json, or a text file with one whole
  ///   number a line.
  /// - Returns: the numbers, ascending.
  static func read(_ path: String) throws -> [Int] {
    guard Files.exists(path) else {
      throw Failure(
        .missingInput, at: path, "expected a table of classes for --labels-from, found nothing")
    }
    let names: [String]
    if let folder = try manifestFolder(path) {
      names = try Manifest(directory: folder).task.names
    } else if Files.isFolder(path) {
      throw Failure(
        .missingInput, at: path, "expected a finished split for --labels-from, found none below")
    } else {
      let text = String(decoding: try Files.read(path), as: UTF8.self)
      names = text.split(whereSeparator: \.isNewline).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      .filter { !$0.isEmpty }
    }
    let numbers = names.compactMap { Int($0) }
    guard numbers.count == names.count, !numbers.isEmpty, Set(numbers).count == numbers.count else {
      let odd = names.first { Int($0) == nil }
      throw Failure(
        .badData, at: path,
        "expected different whole numbers as classes, found"
          + " \(odd.map { "'\($0)'" } ?? (names.isEmpty ? "none" : "one twice"))")
    }
    return numbers.sorted()
  }

  private static func manifestFolder(_ path: String, depth: Int = 0) throws -> String? {
    guard Files.isFolder(path) else {
      return Files.name(of: path) == Manifest.fileName ? Files.parent(of: path) : nil
    }
    if Files.exists(path + "/" + Manifest.fileName) { return path }
    guard depth < 3 else { return nil }
    for name in try Files.list(path) where !name.hasSuffix(unfinishedSuffix) {
      if let found = try manifestFolder(path + "/" + name, depth: depth + 1),
        Files.isFolder(path + "/" + name)
      {
        return found
      }
    }
    return nil
  }
}
