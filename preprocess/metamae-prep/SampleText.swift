// One sample read back and drawn with letters: an image as grey levels, a series as curves, tokens as their letters.

import Basics
import ShardFormat

struct SampleText {
  var label: Int?
  /// Values after the transforms, one list an input.
  var inputs: [[Float]]

  /// - Parameter number: record ordinal; for a windowed set the draw, of a pretraining split that of epoch 0, seed 0.
  /// - Throws: usage for a number past the end, badData for a damaged block.
  static func read(_ number: Int, from reader: ShardReader) throws -> SampleText {
    let manifest = reader.manifest
    guard number < manifest.epochLength else {
      throw Failure(
        .usage, at: "--sample",
        "expected 0 to \(manifest.epochLength - 1) in \(reader.directory), found \(number)")
    }
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: manifest.samplesPerBlock * manifest.recordBytes, alignment: 64)
    defer { block.deallocate() }
    if manifest.sampling != nil { return try window(number, reader, block) }
    let position = Int(manifest.storageOrder.inverse(UInt64(number)))
    let k = position / manifest.samplesPerBlock
    let sample = position % manifest.samplesPerBlock
    try reader.decode(block: k, into: block)
    func values(_ field: Int) -> [Float] {
      let type = manifest.fields[field].type
      let count = manifest.fields[field].shape.reduce(1, *)
      let start =
        manifest.offset(ofField: field, inBlock: k) + sample * manifest.fields[field].byteCount
      return (0..<count).map { numeric(block, start + $0 * type.byteCount, type) }
    }
    return SampleText(
      label: manifest.fieldIndex("label").flatMap { values($0).first }.map { Int($0) },
      inputs: manifest.inputs.indices.map { input in
        transformed(values(manifest.fieldIndex("input.\(input)")!), input, manifest)
      })
  }

  private static func window(
    _ number: Int, _ reader: ShardReader, _ block: UnsafeMutableRawBufferPointer
  ) throws -> SampleText {
    let manifest = reader.manifest
    let (sampling, segments) = (manifest.sampling!, manifest.segments!)
    let chosen: Manifest.Window
    if sampling.fixed {
      chosen = manifest.fixedWindows()[number]
    } else {
      var stream = RandomStream(RandomKey(seed: 0, "window", 0, UInt64(number)))
      let segment = stream.below(segments.count)
      chosen = Manifest.Window(
        segment: segment, start: stream.below(segments[segment].rowCount - sampling.length))
    }
    let segment = segments[chosen.segment]
    let channels = manifest.fields[0].shape[0]
    var values = [Float](repeating: 0, count: channels * sampling.length)
    var current = -1
    for step in 0..<sampling.length {
      let row = chosen.start + step
      let k = segment.firstBlock + row / manifest.samplesPerBlock
      if k != current {
        try reader.decode(block: k, into: block)
        current = k
      }
      for channel in 0..<channels {
        let place = (row % manifest.samplesPerBlock * channels + channel) * 4
        values[channel * sampling.length + step] = block.load(
          fromByteOffset: place, as: Float.self)
      }
    }
    return SampleText(label: segment.label, inputs: [transformed(values, 0, manifest)])
  }

  private static func numeric(
    _ bytes: UnsafeMutableRawBufferPointer, _ offset: Int, _ type: ElementType
  ) -> Float {
    switch type {
    case .uint8: Float(bytes[offset])
    case .uint16: Float(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    case .int32: Float(bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    case .int64: Float(bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
    case .float32: bytes.loadUnaligned(fromByteOffset: offset, as: Float.self)
    }
  }

  private static func transformed(_ values: [Float], _ input: Int, _ manifest: Manifest) -> [Float]
  {
    let transform = manifest.transforms[input]
    let isTokens = manifest.inputs[input].kind == "tokens"
    let perChannel = values.count / (isTokens ? 1 : manifest.inputs[input].shape[0])
    return values.enumerated().map { i, value in
      let channel = i / perChannel
      return value * transform.scale[transform.scale.count == 1 ? 0 : channel]
        + transform.shift[transform.shift.count == 1 ? 0 : channel]
    }
  }

  // MARK: Drawing

  static func render(_ sample: SampleText, number: Int, of manifest: Manifest) -> String {
    var lines = ["sample \(number)"]
    if let label = sample.label {
      let name = manifest.task.names.indices.contains(label) ? manifest.task.names[label] : ""
      lines[0] += ", label \(label) \(name)"
    }
    for (input, values) in zip(manifest.inputs, sample.inputs) {
      switch input.kind {
      case "image": lines += image(values, input.shape)
      case "tokens": lines += tokens(values, input.alphabet)
      default: lines += curves(values, input.shape)
      }
    }
    return lines.joined(separator: "\n")
  }

  private static let grey = Array(" .:-=+*#%@")

  /// The mean of all channels, at most 64 columns wide, a row for every other row.
  private static func image(_ values: [Float], _ shape: [Int]) -> [String] {
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    let step = max(1, width / 64)
    let mean = (0..<(height * width)).map { i in
      (0..<channels).reduce(Float(0)) { $0 + values[$1 * height * width + i] } / Float(channels)
    }
    let (least, most) = (mean.min() ?? 0, mean.max() ?? 0)
    return stride(from: 0, to: height, by: 2 * step).map { y in
      String(
        stride(from: 0, to: width, by: step).map { x in
          grey[level(mean[y * width + x], least, most, grey.count)]
        })
    }
  }

  private static func tokens(_ values: [Float], _ alphabet: [String]?) -> [String] {
    let words = values.map { value in alphabet?[Int(value)] ?? String(Int(value)) }
    let text = words.joined(separator: alphabet == nil ? " " : "")
    return stride(from: 0, to: text.count, by: 80).map { String(text.dropFirst($0).prefix(80)) }
  }

  private static let heights = Array("▁▂▃▄▅▆▇█")

  /// One line a channel (a table's single channel: one number a column), with its range.
  private static func curves(_ values: [Float], _ shape: [Int]) -> [String] {
    let (channels, length) = (shape[0], shape[1])
    let columns = min(length, 64)
    return (0..<channels).map { channel in
      let curve = values[(channel * length)..<((channel + 1) * length)]
      let (least, most) = (curve.min() ?? 0, curve.max() ?? 0)
      let drawn = (0..<columns).map { column in
        heights[
          level(
            curve[curve.startIndex + column * length / columns], least, most, heights.count)]
      }
      return "\(channel)".padded(to: 4) + String(drawn)
        + "  \(significant(Double(least))) to \(significant(Double(most)))"
    }
  }

  private static func level(_ value: Float, _ least: Float, _ most: Float, _ levels: Int) -> Int {
    guard most > least else { return 0 }
    return min(levels - 1, Int((value - least) / (most - least) * Float(levels)))
  }
}
