// Trees with a folder for each class: where they stand, whatever is above them.

import Basics

/// The files of the folder that has the most class folders, at least half of them: classes in order, files in byte order
/// of their names.
struct ClassFolders {
  struct Root {
    /// The folder's path below the source; empty for the source itself.
    let path: String
    /// Places in the listing.
    var entries: [Int32] = []
    /// Class of each.
    var classes: [Int] = []
  }

  let root: Root?

  /// - Parameters:
  ///   - names: class folders; a part of a set may lack some.
  ///   - suffixes: of the files that count, lower case.
  ///   - above: what the folder's path has to satisfy.
  init(
    _ listing: RawListing, names: [String], suffixes: [String],
    where above: (String) -> Bool = { _ in true }
  ) {
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    var found: [String: [(number: Int, entry: Int32)]] = [:]
    for i in listing.indices {
      let name = listing.name(at: i)
      guard let (folder, leaf) = Self.split(name), let (path, last) = Self.split(folder),
        let number = numbers[last],
        suffixes.contains(where: { leaf.lowercased().hasSuffix($0) }), !leaf.hasPrefix("."),
        above(path)
      else { continue }
      found[path, default: []].append((number, Int32(i)))
    }
    // Of several equal ones the one on disk before those in archives, else the first by name.
    root =
      found.map { path, files in (path, files, Set(files.map(\.number)).count) }
      .filter { 2 * $0.2 >= names.count }
      .sorted { ($1.2, $0.1[0].entry, $0.0) < ($0.2, $1.1[0].entry, $1.0) }.first
      .map { path, files, _ in
        let named = files.map { ($0.number, listing.name(at: Int($0.entry)), $0.entry) }
        let sorted = named.sorted {
          $0.0 != $1.0 ? $0.0 < $1.0 : $0.1.utf8.lexicographicallyPrecedes($1.1.utf8)
        }
        return Root(path: path, entries: sorted.map(\.2), classes: sorted.map(\.0))
      }
  }

  /// What a reader of the numbers should know of classes without files.
  static func notes(_ root: Root, _ names: [String]) -> [String] {
    let absent = Set(names.indices).subtracting(root.classes).sorted().map { names[$0] }
    return absent.isEmpty ? [] : ["no files of \(absent.joined(separator: ", "))"]
  }

  /// What manifests call it.
  func name(of root: Root, in source: RawSource) -> String {
    root.path.isEmpty ? Files.name(of: source.path) : root.path
  }

  /// Folder and last component; the folder of a name without a slash is empty.
  private static func split(_ path: String) -> (folder: String, leaf: String)? {
    guard !path.isEmpty else { return nil }
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
    return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
  }
}
