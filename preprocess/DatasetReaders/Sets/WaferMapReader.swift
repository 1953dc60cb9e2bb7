// wafer-map: datasets.md section 9.9, from LSWMD.pkl, a Python-2 pickle of a pandas table of 811,457 wafers, or from
// WM811K.mat, a MATLAB 7.3 struct array of the same rows.

import Basics
import Foundation
import ShardFormat

struct WaferMapReader: DatasetReader {
  static let classes = [
    "none", "random", "donut", "scratch", "center", "loc", "edge-loc", "edge-ring", "near-full",
  ]
  /// In `PartContents.marks`: a wafer without a name.
  static let unlabelled: UInt8 = 255

  let dataset = "wafer-map"
  let parts: [RawEntry]
  let recordBytes = RGBImages.recordBytes + 1
  let partsAreDivisible = false
  let decodedShare = 1.3
  let canSkipRecords = true
  let notes = ["maps of 0, 1, 2 become 0, 127, 255 in three equal channels"]

  init(_ source: RawSource) throws {
    let found = source.find(["LSWMD.pkl", "WM811K.mat"])
    guard let file = found["LSWMD.pkl"] ?? found["WM811K.mat"] else {
      throw source.missing("LSWMD.pkl or WM811K.mat", "wafer-map")
    }
    parts = [file]
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    let table: any WaferSource =
      try parts[part].name.hasSuffix(".mat")
      ? WaferArray(MATStructArray(parts[part], scratch: sink.path + ".mat"))
      : WaferTable(Pickle(FileBytes(parts[part])))
    var marks = [UInt8](repeating: Self.unlabelled, count: table.count)
    for row in 0..<table.count {
      try sink.attempt(row) { record in
        let place = "\(parts[part].place), wafer \(row)"
        let name = try table.failureType(row, at: place)?.lowercased()
        if let name {
          guard let label = Self.classes.firstIndex(of: name) else {
            throw Failure(
              .badData, at: place, "expected a failure type of \(Self.classes), found '\(name)'")
          }
          marks[row] = UInt8(label)
        }
        Self.store(try table.map(row, at: place), into: record)
        record.storeBytes(
          of: marks[row] == Self.unlabelled ? 0 : marks[row], toByteOffset: RGBImages.recordBytes,
          as: UInt8.self)
      }
    }
    return PartContents(rowCount: table.count, marks: Data(marks))
  }

  /// - Parameter map: one channel of 0, 1, 2.
  static func store(_ map: Raster, into record: UnsafeMutableRawPointer) {
    var image = map
    for i in image.pixels.indices { image.pixels[i] = UInt8(Double(image.pixels[i]) * 127.5) }
    let small = image.resized(width: RGBImages.side, height: RGBImages.side)
    for channel in 0..<3 {
      small.pixels.withUnsafeBytes {
        (record + channel * $0.count).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
    }
  }

  /// Two tables, each permuted and cut by itself.
  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let marks = contents[0].marks ?? Data()
    let rows = (Int32(0)..<Int32(marks.count)).map { $0 }
    let labelled = PermutedTable(rows.filter { marks[Int($0)] != Self.unlabelled }[...])
    let unlabelled = PermutedTable(rows.filter { marks[Int($0)] == Self.unlabelled }[...])
    return try [
      plan("pretrain", unlabelled.head), plan("train", labelled.head), plan("test", labelled.tail),
    ]
  }

  private func plan(_ split: String, _ rows: [Int32]) throws -> SplitPlan {
    try requireRecords(rows, split, parts[0])
    let side = RGBImages.side
    return SplitPlan(
      split: split,
      inputs: [InputDescription(kind: "image", shape: [3, side, side], patch: [4, 4])],
      fields: [Field("input.0", .uint8, [3, side, side])]
        + (split == "pretrain" ? [] : [Field("label", .uint8, [])]),
      task: split == "pretrain"
        ? .none
        : TaskDescription(
          kind: "classes", classes: 9, names: Self.classes, metric: "weighted_f1"),
      transforms: [Transform(scale: [1 / 255])], content: .records(rows))
  }
}

/// Wafers by their row.
protocol WaferSource {
  var count: Int { get }
  /// A wafer as rows of 0, 1, 2.
  func map(_ row: Int, at place: String) throws -> Raster
  /// The name of a wafer's failure; nil when it has none.
  func failureType(_ row: Int, at place: String) throws -> String?
}

/// MATLAB's struct array.
struct WaferArray: WaferSource {
  let count: Int
  private let array: MATStructArray

  init(_ array: MATStructArray) throws {
    self.array = array
    count = try array.count("waferMap")
    let types = try array.count("failureType")
    guard types == count else {
      throw Failure(
        .badData, at: array.place, "expected \(count) failureType, found \(types)")
    }
  }

  func map(_ row: Int, at place: String) throws -> Raster {
    guard case .numbers(let rows, let columns, let values) = try array.element("waferMap", row),
      values.allSatisfy({ $0 <= 2 })
    else { throw Failure(.badData, at: place, "expected a waferMap of 0, 1 and 2, found none") }
    return Raster(width: columns, height: rows, channels: 1, pixels: values)
  }

  /// What is empty or no text is no name.
  func failureType(_ row: Int, at place: String) throws -> String? {
    guard case .text(let name) = try array.element("failureType", row) else { return nil }
    return name
  }
}

/// The two columns of the pickled table that matter, found by name.
struct WaferTable: WaferSource {
  let count: Int
  private let pickle: Pickle
  private let maps: [PickleValue]
  private let types: [PickleValue]

  /// DataFrame, its BlockManager, that one's blocks: values of several columns each.
  init(_ pickle: Pickle) throws {
    self.pickle = pickle
    func complain(_ what: String) -> Failure {
      Failure(
        .badData, at: pickle.place, "expected \(what) in a pickled pandas table, found none",
        remedy: "Get LSWMD.pkl as published; a table saved again by a newer pandas is not read.")
    }
    guard let frame = pickle.object(pickle.root),
      let manager = pickle.member("_data", of: frame.state)
        ?? pickle.member("_mgr", of: frame.state),
      let state = pickle.object(manager).flatMap({ pickle.items($0.state) }), let last = state.last,
      let layout = pickle.member("0.14.1", of: last)
    else { throw complain("a BlockManager") }
    guard let axes = pickle.member("axes", of: layout).flatMap(pickle.items),
      let index = axes.first.flatMap(pickle.object),
      let names = Self.names(index, pickle)
    else { throw complain("the names of the columns") }
    guard let blocks = pickle.member("blocks", of: layout).flatMap(pickle.items) else {
      throw complain("blocks")
    }
    func column(_ name: String) throws -> [PickleValue] {
      guard let number = names.firstIndex(of: name) else { throw complain("a column '\(name)'") }
      for block in blocks {
        guard
          let places = pickle.member("mgr_locs", of: block).flatMap({ Self.places($0, pickle) }),
          let row = places.firstIndex(of: number),
          let values = pickle.member("values", of: block).flatMap(pickle.array),
          values.shape.count == 2, values.type.kind == "O", row < values.shape[0],
          let items = pickle.items(values.data)
        else { continue }
        let width = values.shape[1]
        return Array(items[(row * width)..<((row + 1) * width)])
      }
      throw complain("the values of column '\(name)'")
    }
    maps = try column("waferMap")
    types = try column("failureType")
    count = maps.count
    guard types.count == count, count > 0 else { throw complain("as many failureType as waferMap") }
  }

  /// An Index made by `_new_Index(class, {data, name})`.
  private static func names(
    _ index: (name: String, arguments: PickleValue, state: PickleValue), _ pickle: Pickle
  ) -> [String]? {
    guard let dict = pickle.items(index.arguments)?.last,
      let data = pickle.member("data", of: dict).flatMap(pickle.array), data.type.kind == "O",
      let items = pickle.items(data.data)
    else { return nil }
    return items.map { pickle.text($0) ?? "" }
  }

  /// Which columns a block holds: an array, or `slice(start, stop, step)`.
  private static func places(_ value: PickleValue, _ pickle: Pickle) -> [Int]? {
    if let numbers = pickle.integers(value) { return numbers }
    guard let slice = pickle.object(value), slice.name.hasSuffix(" slice"),
      let bounds = pickle.integers(slice.arguments), bounds.count == 3, bounds[2] > 0,
      (0..<10_000).contains(bounds[0]), (0..<10_000).contains(bounds[1])
    else { return nil }
    return Array(stride(from: bounds[0], to: bounds[1], by: bounds[2]))
  }

  func map(_ row: Int, at place: String) throws -> Raster {
    guard let array = pickle.array(maps[row]), array.shape.count == 2, array.shape[0] > 0,
      array.shape[1] > 0, array.count <= 1 << 24
    else { throw Failure(.badData, at: place, "expected a two-dimensional waferMap, found none") }
    let (height, width) = (array.shape[0], array.shape[1])
    var pixels = [UInt8](repeating: 0, count: array.count)
    let isGood = pickle.withBytes(of: array.data) { bytes in
      for y in 0..<height {
        for x in 0..<width {
          let number = array.isFortran ? x * height + y : y * width + x
          guard let value = array.type.integer(bytes, at: number * array.type.size),
            (0...2).contains(value)
          else { return false }
          pixels[y * width + x] = UInt8(value)
        }
      }
      return true
    }
    guard isGood == true else {
      throw Failure(.badData, at: place, "expected a waferMap of 0, 1 and 2, found other values")
    }
    return Raster(width: width, height: height, channels: 1, pixels: pixels)
  }

  func failureType(_ row: Int, at place: String) throws -> String? {
    var value = types[row]
    for _ in 0..<8 {
      if let text = pickle.text(value) { return text.isEmpty ? nil : text }
      if let array = pickle.array(value) {
        guard array.count > 0 else { return nil }
        guard array.type.kind == "O" else {
          return try Self.text(of: array, pickle, at: place)
        }
        value = pickle.items(array.data)![0]
      } else if let items = pickle.items(value) {
        guard let first = items.first else { return nil }
        value = first
      } else {
        break
      }
    }
    throw Failure(.badData, at: place, "expected a failureType, found neither a name nor nothing")
  }

  /// The first element of an array of bytes or UCS-4 text.
  private static func text(of array: PickledArray, _ pickle: Pickle, at place: String) throws
    -> String?
  {
    let text =
      pickle.withBytes(of: array.data) { bytes -> String? in
        let element = bytes.prefix(array.type.size)
        if array.type.kind == "S" {
          return String(decoding: element.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard array.type.kind == "U" else { return nil }
        var text = ""
        for k in stride(from: 0, to: array.type.size, by: 4) {
          let word = bytes.loadUnaligned(fromByteOffset: k, as: UInt32.self)
          let code = array.type.isBigEndian ? word.byteSwapped : word
          if code == 0 { break }
          text.unicodeScalars.append(Unicode.Scalar(code) ?? "\u{FFFD}")
        }
        return text
      } ?? nil
    guard let text else {
      throw Failure(.badData, at: place, "expected text as failureType, found numbers")
    }
    return text.isEmpty ? nil : text
  }
}
