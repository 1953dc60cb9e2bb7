// The user's own numpy arrays: those of .npz archives, or .npy files of one folder, put together by what their names
// say: `x_train`, `y_train`, `x_test`, `y_test` are the arrays x and y of two parts.

import Basics

/// Arrays of one part that share their rows: by the name without the words that say train or test.
struct ArrayGroup: Sendable {
  let entries: [String: RawEntry]

  /// An array's entry.
  /// - Throws: badData when this part has none of that name.
  func entry(_ name: String) throws -> RawEntry {
    guard let entry = entries[name] else {
      throw Failure(
        .badData, at: entries.values.first!.place,
        "expected an array '\(name)' beside it, found"
          + " \(entries.keys.sorted().joined(separator: ", "))")
    }
    return entry
  }
}

enum UserArrays {
  private static let sideWords: Set<String> = [
    "train", "training", "test", "testing", "valid", "validation", "val", "dev",
  ]

  /// The arrays below a source, part after part in the order of the files' names.
  /// - Throws: missingInput without any.
  static func groups(_ source: RawSource, _ options: ReaderOptions) throws -> [ArrayGroup] {
    var found: [(key: String, name: String, entry: RawEntry)] = []
    for entry in source.entries(of: options) {
      let file = Files.name(of: entry.name).lowercased()
      if file.hasSuffix(".npz") {
        for name in try arrays(in: entry) {
          let (base, side) = parted(String(name.dropLast(4)))
          found.append(
            (
              entry.name + "/" + side, base,
              RawEntry(
                name: entry.name + "/" + name, file: entry.file, inside: entry.inside + [name],
                size: nil)
            ))
        }
      } else if file.hasSuffix(".npy") {
        let (base, side) = parted(String(Files.name(of: entry.name).dropLast(4)))
        found.append((Files.parent(of: entry.name) + "/" + side, base, entry))
      }
    }
    guard !found.isEmpty else { throw source.missing(options.files ?? "*.npz or *.npy", "npz") }
    var groups: [String: [String: RawEntry]] = [:]
    for (key, name, entry) in found {
      guard groups[key, default: [:]].updateValue(entry, forKey: name) == nil else {
        throw Failure(
          .badData, at: entry.place, "expected one array '\(name)' of its part, found two",
          remedy: "Rename it, or choose the files with --files.")
      }
    }
    return groups.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
      ArrayGroup(entries: $0.value)
    }
  }

  private static func arrays(in entry: RawEntry) throws -> [String] {
    let reader =
      try entry.inside.isEmpty
      ? ArchiveReader(path: entry.file, kind: .folder)
      : ArchiveReader(stream: entry.open(), place: entry.place, kind: .folder)
    var names: [String] = []
    while let member = try reader.next() {
      if member.isFile, member.name.hasSuffix(".npy") { names.append(member.name) }
    }
    return names
  }

  /// `x_train` is ("x", "train"); a name that is all side, `train`, is ("data", "train").
  static func parted(_ name: String) -> (base: String, side: String) {
    var (base, side): ([Substring], String) = ([], "")
    for word in name.split(separator: "_") {
      if side.isEmpty, sideWords.contains(word.lowercased()) {
        side = word.lowercased()
      } else {
        base.append(word)
      }
    }
    return (base.isEmpty ? "data" : base.joined(separator: "_"), side)
  }
}

/// How an array's rows become an input.
struct ArrayInput: Sendable {
  static let usualNames = [
    "x", "X", "data", "images", "image", "inputs", "input", "features", "signals", "tokens",
  ]

  let name: String
  /// image, series or tokens.
  let kind: String
  /// As the network gets it.
  let shape: [Int]
  /// The last axis of the array counts the channels, and there is more than one axis.
  let channelsLast: Bool
  let type: NumpyType

  /// - Parameter kind: as the user says; nil: by the number of axes.
  init(_ name: String, _ header: NPYHeader, kind: String?, channelsLast: Bool, place: String) throws
  {
    self.name = name
    type = header.type
    let axes = Array(header.shape.dropFirst())
    func refused(_ expected: String) -> Failure {
      Failure(
        .badData, at: place,
        "expected \(expected) with rows first, found shape \(header.shape) of"
          + " \(header.type.kind)\(header.type.size)",
        remedy: "Say what it is with --kind image, series or tokens.")
    }
    guard "iufb".contains(type.kind), [1, 2, 4, 8].contains(type.size) else {
      throw refused("numbers")
    }
    let found = kind ?? (axes.count == 3 ? "image" : "series")
    self.kind = found
    func moved(_ axes: [Int]) -> [Int] {
      channelsLast ? [axes.last!] + axes.dropLast() : axes
    }
    switch (found, axes.count) {
    case ("image", 3): (shape, self.channelsLast) = (moved(axes), channelsLast)
    case ("image", 2): (shape, self.channelsLast) = ([1] + axes, false)
    case ("series", 2): (shape, self.channelsLast) = (moved(axes), channelsLast)
    case ("series", 1): (shape, self.channelsLast) = ([1] + axes, false)
    case ("tokens", 1) where type.kind != "f": (shape, self.channelsLast) = (axes, false)
    default:
      throw refused(
        ["image": "2 or 3 axes", "series": "1 or 2 axes", "tokens": "1 axis of whole numbers"][
          found] ?? "1 to 3 axes")
    }
  }

  var count: Int { shape.reduce(1, *) }
  var isTokens: Bool { kind == "tokens" }

  var patch: [Int] {
    switch kind {
    case "image": [ImageShape.patch(shape[1]), ImageShape.patch(shape[2])]
    case "series": [shape[0] == 1 ? 1 : SeriesReader.patch(shape[1])]
    default: [1]
    }
  }

  /// Place in the array's row of the element that becomes number i.
  func source(of i: Int) -> Int {
    guard channelsLast else { return i }
    let perChannel = count / shape[0]
    return i % perChannel * shape[0] + i / perChannel
  }
}
