// Files of a tree by the end of their paths, for sets whose lists name files relative to a folder.

import Basics

/// Finds `a/b/c.wav` wherever the folder is that holds `a`.
struct FilePaths {
  private var places: [String: [Int]] = [:]
  private let listing: RawListing
  /// The last one, two and three components of every folder with files.
  private var folders: Set<String> = []

  /// - Parameter suffixes: of the files that count, lower case.
  init(_ listing: RawListing, suffixes: [String]) {
    self.listing = listing
    for entry in listing.indices {
      let name = listing.name(at: entry)
      guard suffixes.contains(where: name.lowercased().hasSuffix) else { continue }
      places[Files.name(of: name), default: []].append(entry)
      let folder = name.split(separator: "/").dropLast()
      for count in 1...3 where count <= folder.count {
        folders.insert(folder.suffix(count).joined(separator: "/"))
      }
    }
  }

  /// The place in the listing of the file whose path is, or ends with, `path`.
  func entry(_ path: String) -> Int? {
    let end = "/" + path
    return places[Files.name(of: path)]?.first {
      let name = listing.name(at: $0)
      return name == path || name.hasSuffix(end)
    }
  }

  /// Whether there are files in that folder, of at most three components. A list may name more folders than a part of
  /// the set has.
  func hasFolder(_ path: some StringProtocol) -> Bool { folders.contains(String(path)) }
}
