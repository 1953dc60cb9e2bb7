// From a manifest to a split as the loader sees it.

import Basics
import ShardFormat

extension Manifest {
  /// The type of the labels as delivered: the label field's; int32 for the segments' labels of windows; nil without.
  public var deliveredLabelType: ElementType? {
    if segments != nil { return task.kind == "none" ? nil : .int32 }
    return fieldIndex("label").map { fields[$0].type }
  }

  /// How many label values a sample has: 1, or one a token.
  public var deliveredLabelCount: Int {
    if segments != nil { return task.kind == "none" ? 0 : 1 }
    return fieldIndex("label").map { fields[$0].shape.reduce(1, *) } ?? 0
  }
}

extension Split {
  /// - Throws: badData when a windowed set's fields are none of its inputs.
  init(_ manifest: Manifest, directory: String) throws {
    self.directory = directory
    let shards = try manifest.shards.map {
      let path = directory + "/" + $0.file
      return Shard(
        path: path, byteCount: $0.bytes, firstBlock: $0.firstBlock,
        identity: try Files.identity(path))
    }
    self.shards = shards
    let isWindowed = manifest.sampling != nil
    open = {
      let reader = try ShardReader(
        directory: directory, manifest: manifest, identities: shards.map(\.identity))
      return BlockReader(
        read: { block in
          // Touches each page of the compressed block, so that its decoding waits for no disk.
          let frame = try reader.frame(ofBlock: block)
          var sum: UInt8 = 0
          var i = 0
          while i < frame.count {
            sum &+= frame[i]
            i += 4096
          }
          return sum
        },
        decode: { block, target in
          if isWindowed {
            try reader.decode(block: block, into: target)
          } else {
            try reader.decompress(block: block, into: target)
          }
        },
        decodeFlipped: { block, bit, target in
          try reader.decompress(block: block, into: target, flipping: bit)
        }, prefetch: { reader.prefetch(block: $0) })
    }
    if let sampling = manifest.sampling, let segments = manifest.segments {
      content = .windows(
        try WindowShape(manifest, sampling, segments, directory), perEpoch: sampling.perEpoch)
    } else {
      content = .records(RecordShape(manifest), storageOrder: manifest.storageOrder)
    }
  }
}

extension RecordShape {
  init(_ manifest: Manifest) {
    self.init(
      sampleCount: manifest.sampleCount, samplesPerBlock: manifest.samplesPerBlock,
      parts: manifest.fields.map { field in
        let input = manifest.inputs.indices.first { field.name == "input.\($0)" }
        return Part(
          bytes: field.byteCount,
          destination: input.map { .input($0) } ?? (field.name == "label" ? .label : .nowhere),
          width: field.byteShuffle ? field.type.byteCount : 1, isBytes: field.type == .uint8)
      })
  }
}

extension WindowShape {
  fileprivate init(
    _ manifest: Manifest, _ sampling: Sampling, _ segments: [ShardFormat.Segment],
    _ directory: String
  ) throws {
    let names = manifest.fields.map(\.name)
    guard names == manifest.inputs.indices.map({ "input.\($0)" }) else {
      throw Failure(
        .badData, at: directory + "/" + Manifest.fileName,
        "expected the rows of a windowed set to hold its inputs and nothing else, found fields "
          + names.joined(separator: ", "))
    }
    self.init(
      segments: segments.map {
        Segment(firstBlock: $0.firstBlock, rowCount: $0.rowCount, label: $0.label)
      },
      rowsPerBlock: manifest.samplesPerBlock, length: sampling.length,
      inputs: manifest.fields.map {
        Part(channels: $0.shape.reduce(1, *), valueBytes: $0.type.byteCount)
      },
      labelBytes: manifest.deliveredLabelType?.byteCount ?? 0,
      fixed: sampling.fixed
        ? manifest.fixedWindows().map { Window(segment: $0.segment, start: $0.start) } : nil)
  }
}
