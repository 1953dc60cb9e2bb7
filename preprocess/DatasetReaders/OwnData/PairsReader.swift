// --dataset pairs: the user's own images with a caption each: from a table with a column of paths and one of captions,
// or from a text file beside each image (`dog.jpg`, `dog.txt`). Captions become BERT word pieces as in datasets.md 10.2.

import Basics
import Foundation
import ShardFormat

struct PairsReader: FileTreeReader {
  static let standardSide = 224
  static let captionNames = ["caption", "text", "sentence", "title", "description"]
  private static let longestCaption = 1 << 20

  let dataset: String
  var tree: FileTree { files.tree }
  let tables: [RawEntry]
  let notes: [String]
  var recordBytes: Int { shape.byteCount }
  var splitNames: [String]? { files.splitNames }
  private let files: UserTree
  private let shape: ImageShape
  private let normalises: Bool
  /// The pieces of each row's caption.
  private let ids: [[UInt16]]

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    dataset = options.name ?? "pairs"
    let vocabulary = try source.vocabulary(options.vocabulary, of: "pairs")
    let pieces = try WordPiece(vocabulary)
    var options = options
    options.index = try options.index ?? Self.onlyTable(source, options)
    let rows = try UserFiles(
      source, options, suffixes: UserImage.suffixes, what: "*.jpg, *.png, *.ppm or *.tif",
      of: "pairs")
    files = try UserTree(rows, source, options.choices, skipsBadRows: options.skipsBadRecords)
    let captions: [String]
    var said: String
    if rows.table != nil {
      let column = try Self.column(options, rows)
      let tree = files.tree
      captions = try rows.values.enumerated().map { row, values in
        guard let caption = values[column] else {
          throw Failure(
            .badData, at: rows.table!.place,
            "expected a caption of \(tree.place(row)) in '\(column)', found none")
        }
        return caption
      }
      said = "captions from '\(column)' of \(options.index!)"
    } else {
      captions = try Self.besides(files.tree)
      let digest = Digest(.sha256)
      for caption in captions {
        var line = caption + "\0"
        line.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
      }
      said = "captions from the .txt beside each image, SHA-256 \(hexadecimal(digest.finish()))"
    }
    ids = captions.map(pieces.encode)
    let side = String(Self.standardSide)
    let (height, width) = try ImageShape.size(options.size ?? side)
    shape = ImageShape(channels: options.channels ?? 3, height: height, width: width, bits: 8)
    tables = files.tables + [vocabulary]
    normalises = options.normalises
    notes =
      files.survey.notes + [
        said + "; BERT word pieces, the first \(WordPiece.length - 2)",
        "\(shape.channels) channels of \(height) x \(width), resized (bilinear, antialiased)",
      ]
  }

  /// A table beside the images, when there is just one.
  private static func onlyTable(_ source: RawSource, _ options: ReaderOptions) throws -> String? {
    let tables = source.entries.filter { entry in
      guard let format = UserTable.format(of: entry), format == .delimited || format == .json else {
        return false
      }
      let names = (try? UserTable.columns(entry, format, RowLayout(options))) ?? []
      return UserFiles.pathNames.contains(where: names.contains)
    }
    guard tables.count > 1 else { return tables.first.map { Files.name(of: $0.name) } }
    throw Failure(
      .usage, at: source.path,
      "expected one table with a column of paths, found \(tables[0].name) and \(tables[1].name)",
      remedy: "Name it with --index.")
  }

  private static func column(_ options: ReaderOptions, _ rows: UserFiles) throws -> String {
    if let given = options.caption {
      guard rows.columns.contains(given) else {
        throw UserTable.noColumn(given, rows.columns, rows.table!.place)
      }
      return given
    }
    guard let usual = captionNames.first(where: rows.columns.contains) else {
      throw Failure(
        .usage, at: rows.table!.place,
        "expected a column \(captionNames.joined(separator: ", ")), found"
          + " \(rows.columns.prefix(12).joined(separator: ", "))",
        remedy: "Name the column of the captions with --caption.")
    }
    return usual
  }

  /// The text files of the images' names, read in the order of the listing.
  private static func besides(_ tree: FileTree) throws -> [String] {
    func stem(_ name: String) -> String { String(name[..<name.lastIndex(of: ".")!]) }
    var places: [String: Int] = [:]
    for entry in tree.listing.indices {
      let name = tree.listing.name(at: entry)
      if name.lowercased().hasSuffix(".txt") { places[stem(name)] = entry }
    }
    let wanted = try tree.entries.indices.map { row -> (row: Int, entry: Int) in
      guard let entry = places[stem(tree.listing.name(at: Int(tree.entries[row])))] else {
        throw Failure(
          .missingInput, at: tree.place(row),
          "expected a text file of that name beside it, found none",
          remedy: "Put the caption there, or name a table with --index.")
      }
      return (row, entry)
    }
    let walk = FileWalk(tree.listing, mostBytes: longestCaption)
    var captions = [String](repeating: "", count: wanted.count)
    for (row, entry) in wanted.sorted(by: { $0.entry < $1.entry }) {
      captions[row] = String(decoding: try walk.bytes(of: entry), as: UTF8.self)
    }
    return captions
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  {
    if let failure = files.survey.bad[row] { throw failure }
    let place = tree.place(row)
    try UserImage(bytes, at: place).store(as: shape, resizes: true, at: place, into: record)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let patch = [ImageShape.patch(shape.height), ImageShape.patch(shape.width)]
    return files.survey.splits.map { name, rows in
      SplitPlan(
        split: name,
        inputs: [
          InputDescription(kind: "image", shape: shape.list, patch: patch),
          InputDescription(
            kind: "tokens", shape: [WordPiece.length], patch: [1], vocabulary: WordPiece.size),
        ],
        fields: [
          Field("input.0", .uint8, shape.list), Field("input.1", .uint16, [WordPiece.length]),
        ] + [files.survey.labels.field].compactMap { $0 },
        task: files.survey.labels.task,
        transforms: [Transform(scale: [1 / 255]), Transform()], isNormalised: normalises,
        content: .records(rows),
        columns: rows.flatMap { row in
          ids[Int(row)].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } + files.label(row)
        })
    }
  }
}
