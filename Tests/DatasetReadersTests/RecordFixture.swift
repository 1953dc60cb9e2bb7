// TFRecord files and protobuf Examples made for tests, by the letter of datasets.md section 3.

import Basics

@testable import DatasetReaders

enum RecordFixture {
  enum Feature {
    case bytes([UInt8])
    case floats([Float], packed: Bool = true)
    case integers([Int], packed: Bool = true)
  }

  static func varint(_ value: Int) -> [UInt8] {
    var rest = UInt64(bitPattern: Int64(value))
    var bytes: [UInt8] = []
    while rest >= 128 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func field(_ number: Int, _ body: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(body.count) + body
  }

  static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func example(_ features: [(String, Feature)]) -> [UInt8] {
    let entries = features.flatMap { name, feature -> [UInt8] in
      let list: [UInt8] =
        switch feature {
        case .bytes(let bytes): field(1, field(1, bytes))
        case .floats(let values, true):
          field(2, field(1, values.flatMap { little($0.bitPattern) }))
        case .floats(let values, false):
          field(2, values.flatMap { varint(1 << 3 | 5) + little($0.bitPattern) })
        case .integers(let values, true): field(3, field(1, values.flatMap(varint)))
        case .integers(let values, false): field(3, values.flatMap { varint(1 << 3) + varint($0) })
        }
      return field(1, field(1, Array(name.utf8)) + field(2, list))
    }
    return field(1, entries)
  }

  /// Bit by bit, unlike the reader's tables.
  static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    crc = ~crc
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  static func file(_ records: [[UInt8]]) -> [UInt8] {
    records.flatMap { record -> [UInt8] in
      let length = little(UInt64(record.count))
      return length + little(crc(length)) + record + little(crc(record))
    }
  }
}
