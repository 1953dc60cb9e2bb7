// A split as tars that WebDataset and tar read: for each sample KEY.input0.npy, KEY.input1.npy, ... and KEY.cls (the
// class) or KEY.label.npy, the key being the record's ordinal. Records come in storage order, which is shuffled; windows
// of a fixed list one by one; of a set that draws its windows each segment whole.

import Basics
import ShardFormat

final class TarExport {
  /// A new tar begins when one holds this much.
  static let mostBytes = 1 << 28

  private let reader: ShardReader
  private let manifest: Manifest
  private let folder: String
  private let walk: BlockWalk
  private var files: [String] = []
  private var archive: ArchiveWriter?
  private var filled = 0
  private var samples = 0

  init(_ reader: ShardReader, folder: String, progress: @escaping (Int) throws -> Void) {
    (self.reader, self.folder) = (reader, folder)
    manifest = reader.manifest
    walk = BlockWalk(reader: reader, progress: progress)
  }

  func write() throws -> (files: [String], samples: Int) {
    switch manifest.sampling {
    case nil: try writeRecords()
    case .some(let sampling) where sampling.fixed: try writeWindows(sampling.length)
    case .some: try writeSegments()
    }
    try archive?.finish()
    return (files, samples)
  }

  /// The tar for the next sample.
  private func next(_ bytes: Int) throws -> ArchiveWriter {
    samples += 1
    if archive == nil || filled + bytes > Self.mostBytes {
      try archive?.finish()
      let number = String(files.count)
      files.append(
        "shard-" + String(repeating: "0", count: max(0, 6 - number.count)) + number + ".tar")
      archive = try ArchiveWriter(folder + "/" + files.last!, .tar)
      filled = 0
    }
    filled += bytes
    return archive!
  }

  private static func key(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }

  private func writeRecords() throws {
    let order = manifest.storageOrder
    let heads = manifest.fields.map { NPYHeader.bytes($0.type.numpyCode, $0.shape) }
    var position = 0
    try walk.forEach(0..<manifest.blockCount) { _, count, bytes in
      for sample in 0..<count {
        let tar = try next(manifest.recordBytes)
        let key = Self.key(Int(order[UInt64(position + sample)]))
        var from = 0
        for (k, field) in manifest.fields.enumerated() {
          let value = UnsafeRawBufferPointer(
            rebasing: bytes[(from + sample * field.byteCount)...].prefix(field.byteCount))
          from += count * field.byteCount
          if field.name == "label", manifest.task.kind == "classes" {
            try tar.write(key + ".cls", Self.number(value, field.type))
          } else {
            let name = field.name.filter { $0 != "." }
            try tar.begin("\(key).\(name).npy", size: heads[k].count + value.count)
            try heads[k].withUnsafeBytes { try tar.write($0) }
            try tar.write(value)
          }
        }
      }
      position += count
    }
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> [UInt8] {
    var value = 0
    for k in (0..<type.byteCount).reversed() { value = value << 8 | Int(bytes[k]) }
    return Array(String(value).utf8)
  }

  /// Windows of one list: channels x steps each, as they are trained on.
  private func writeWindows(_ length: Int) throws {
    let channels = manifest.fields[0].shape[0]
    let head = NPYHeader.bytes("<f4", [channels, length])
    var values = [Float](repeating: 0, count: channels * length)
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: manifest.samplesPerBlock * manifest.recordBytes, alignment: 64)
    defer { block.deallocate() }
    var current = -1
    let windows = manifest.fixedWindows()
    for (number, window) in windows.enumerated() {
      try walk.progress(number * manifest.blockCount / windows.count)
      for step in 0..<length {
        let row = window.start + step
        let k = manifest.segments![window.segment].firstBlock + row / manifest.samplesPerBlock
        if k != current {
          try reader.decode(block: k, into: block)
          current = k
        }
        for channel in 0..<channels {
          values[channel * length + step] = block.loadUnaligned(
            fromByteOffset: (row % manifest.samplesPerBlock * channels + channel) * 4,
            as: Float.self)
        }
      }
      let tar = try next(values.count * 4)
      try tar.begin(Self.key(number) + ".input0.npy", size: head.count + 4 * values.count)
      try head.withUnsafeBytes { try tar.write($0) }
      try values.withUnsafeBytes { try tar.write($0) }
      try tar.write(
        Self.key(number) + ".cls", Array(String(manifest.segments![window.segment].label).utf8))
    }
  }

  /// Rows x channels of each segment.
  private func writeSegments() throws {
    for (k, segment) in manifest.segments!.enumerated() {
      let head = NPYHeader.bytes("<f4", [segment.rowCount] + manifest.fields[0].shape)
      let bytes = segment.rowCount * manifest.recordBytes
      let tar = try next(bytes)
      try tar.begin(Self.key(k) + ".rows.npy", size: head.count + bytes)
      try head.withUnsafeBytes { try tar.write($0) }
      try walk.forEach(manifest.blocks(ofSegment: k)) { _, count, block in
        try tar.write(
          UnsafeRawBufferPointer(rebasing: block[..<(count * manifest.recordBytes)]))
      }
      try tar.write(Self.key(k) + ".cls", Array(String(segment.label).utf8))
    }
  }
}
