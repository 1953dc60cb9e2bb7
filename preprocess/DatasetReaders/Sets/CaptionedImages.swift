// What mscoco, mismatched-caption and vqa share (datasets.md section 10): the image side, records of an image and 32
// word pieces, and COCO's files.

import Basics
import ShardFormat

enum CaptionedImages {
  static let side = 224
  static let recordBytes = 3 * side * side

  /// Section 10.1: squeezed to 640 rows x 480 columns, the middle 480 x 480, then 224 x 224; 8 bits after each.
  static func store(_ image: Raster, into record: UnsafeMutableRawPointer) {
    image.resized(width: 480, height: 640).cropped(x: 0, y: 80, width: 480, height: 480)
      .resized(width: side, height: side).storePlanes(to: record)
  }

  /// - Parameters:
  ///   - rows: the image of each record.
  ///   - ids, labels: of each record.
  static func plan(
    _ split: String, images rows: [Int32], ids: [[UInt16]], labels: [UInt8], names: [String]
  ) -> SplitPlan {
    var columns: [UInt8] = []
    columns.reserveCapacity(rows.count * (2 * WordPiece.length + 1))
    for (ids, label) in zip(ids, labels) {
      for id in ids { columns += [UInt8(id & 255), UInt8(id >> 8)] }
      columns.append(label)
    }
    return SplitPlan(
      split: split,
      inputs: [
        InputDescription(kind: "image", shape: [3, side, side], patch: [16, 16]),
        InputDescription(
          kind: "tokens", shape: [WordPiece.length], patch: [1], vocabulary: WordPiece.size),
      ],
      fields: [
        Field("input.0", .uint8, [3, side, side]), Field("input.1", .uint16, [WordPiece.length]),
        Field("label", .uint8, []),
      ],
      task: TaskDescription(
        kind: "classes", classes: names.count, names: names, metric: "accuracy"),
      transforms: [Transform(scale: [1 / 255]), Transform()], content: .records(rows),
      columns: columns)
  }
}

/// The images of COCO's folders by their ids.
struct COCOImages {
  private var found: [Int: Int32] = [:]
  private let folder: String
  private let source: RawSource

  /// - Parameter folder: `train2017`, `val2014`, ...; its files' names end in 12 digits and `.jpg`.
  init(_ source: RawSource, folder: String) {
    self.folder = folder
    self.source = source
    for i in source.entries.indices {
      let name = source.entries.name(at: i)
      let parts = name.utf8.split(separator: UInt8(ascii: "/"))
      guard parts.count > 1, name.hasSuffix(".jpg") else { continue }
      let parent = parts[parts.count - 2]
      guard parent.elementsEqual(folder.utf8) || parent.elementsEqual((folder + ".zip").utf8),
        let id = Int(String(name.utf8.dropLast(4).suffix(12)) ?? ""), found[id] == nil
      else { continue }
      found[id] = Int32(i)
    }
  }

  /// Place in the listing.
  /// - Throws: missingInput.
  func entry(_ id: Int, listedIn list: RawEntry) throws -> Int32 {
    guard let entry = found[id] else {
      throw Failure(
        .missingInput, at: source.path,
        "expected \(folder)/...\(String(id).leftPadded(to: 12)).jpg, which \(list.place) speaks of,"
          + " found no such image", remedy: "Put the publisher's \(folder) folder there.")
    }
    return entry
  }
}

/// The records of one COCO 2017 part (section 10.3): images in the order of their first caption.
struct COCORecords {
  /// Places of the images in the listing.
  private(set) var entries: [Int32] = []
  /// The last caption of each.
  private(set) var captions: [String] = []
  /// Position in `categories` of the category of the last instance.
  private(set) var labels: [UInt8] = []
  let categories: [String]
  let tables: [RawEntry]

  /// - Parameter part: `train2017` or `val2017`.
  init(_ source: RawSource, part: String, of dataset: String) throws {
    tables = try ["captions_\(part).json", "instances_\(part).json"].map {
      try source.require($0, of: dataset)
    }
    let written = try Self.captions(tables[0])
    let instances = try Self.instances(tables[1])
    categories = instances.names
    guard categories.count <= 256 else {
      throw Failure(
        .badData, at: tables[1].place, "expected 80 categories, found \(categories.count)")
    }
    let images = COCOImages(source, folder: part)
    for id in written.order {
      guard let label = instances.last[id] else { continue }
      entries.append(try images.entry(id, listedIn: tables[0]))
      captions.append(written.last[id]!)
      labels.append(UInt8(label))
    }
    guard !entries.isEmpty else {
      throw Failure(
        .badData, at: tables[0].place,
        "expected captions of images that \(tables[1].place) speaks of, found none")
    }
  }

  /// Ids in the order of first appearance, and the last caption of each.
  private static func captions(_ table: RawEntry) throws -> (order: [Int], last: [Int: String]) {
    var order: [Int] = []
    var last: [Int: String] = [:]
    try JSONReader.forEachObject(of: "annotations", in: table) { json in
      var (id, caption): (Int?, String?)
      try json.forEachMember { key in
        switch String(decoding: key, as: UTF8.self) {
        case "image_id": id = try json.integer()
        case "caption": caption = try json.text()
        default: try json.skip()
        }
      }
      guard let id, let caption else { throw json.complaint("an image_id and a caption") }
      if last.updateValue(caption, forKey: id) == nil { order.append(id) }
    }
    return (order, last)
  }

  /// Category position of the last instance of each image, and the categories' names.
  private static func instances(_ table: RawEntry) throws -> (last: [Int: Int], names: [String]) {
    var categories: [Int: Int] = [:]
    var names: [String] = []
    var last: [Int: Int] = [:]
    let json = try JSONReader(table)
    try json.forEachMember { key in
      let isCategories = key.elementsEqual("categories".utf8)
      guard isCategories || key.elementsEqual("annotations".utf8) else { return try json.skip() }
      try json.forEachElement {
        var (id, image, category, name): (Int?, Int?, Int?, String?)
        try json.forEachMember { key in
          switch String(decoding: key, as: UTF8.self) {
          case "id" where isCategories: id = try json.integer()
          case "name" where isCategories: name = try json.text()
          case "image_id" where !isCategories: image = try json.integer()
          case "category_id" where !isCategories: category = try json.integer()
          default: try json.skip()
          }
        }
        if isCategories {
          guard let id, let name else { throw json.complaint("an id and a name") }
          categories[id] = names.count
          names.append(name)
        } else {
          guard let image, let category else {
            throw json.complaint("an image_id and a category_id")
          }
          last[image] = category
        }
      }
    }
    try json.finish()
    let places = try last.mapValues { id in
      guard let place = categories[id] else {
        throw Failure(
          .badData, at: table.place, "expected category \(id) among its categories, found it gone")
      }
      return place
    }
    return (places, names)
  }
}

extension JSONReader {
  /// The elements of one array of the document's object; the other members are skipped.
  /// - Throws: badData when there is no such array.
  static func forEachObject(
    of member: String, in table: RawEntry, _ body: (JSONReader) throws -> Void
  )
    throws
  {
    let json = try JSONReader(table)
    var isThere = false
    try json.forEachMember { key in
      guard key.elementsEqual(member.utf8) else { return try json.skip() }
      isThere = true
      try json.forEachElement { try body(json) }
    }
    try json.finish()
    guard isThere else {
      throw Failure(.badData, at: table.place, "expected an array '\(member)', found none")
    }
  }
}
