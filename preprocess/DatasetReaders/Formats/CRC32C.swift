// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes a step, and TFRecord's masked form.

enum CRC32C {
  /// `tables[256 k + b]`: what byte b, k bytes before the last of eight, adds.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
      tables[byte] = value
    }
    for byte in 0..<256 {
      for k in 1..<8 {
        let before = tables[256 * (k - 1) + byte]
        tables[256 * k + byte] = before >> 8 ^ tables[Int(before & 255)]
      }
    }
    return tables
  }()

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    tables.withUnsafeBufferPointer { table in
      var crc: UInt32 = 0xFFFF_FFFF
      var i = 0
      while i + 8 <= bytes.count {
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
        let low = UInt32(truncatingIfNeeded: word) ^ crc
        let high = UInt32(truncatingIfNeeded: word >> 32)
        crc = table[1792 + Int(low & 255)] ^ table[1536 + Int(low >> 8 & 255)]
        crc ^= table[1280 + Int(low >> 16 & 255)] ^ table[1024 + Int(low >> 24)]
        crc ^= table[768 + Int(high & 255)] ^ table[512 + Int(high >> 8 & 255)]
        crc ^= table[256 + Int(high >> 16 & 255)] ^ table[Int(high >> 24)]
        i += 8
      }
      while i < bytes.count {
        crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[i])) & 255)]
        i += 1
      }
      return ~crc
    }
  }

  /// As TFRecord stores it: rotated right by 15, plus a constant (datasets.md section 3).
  static func masked(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let crc = of(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
