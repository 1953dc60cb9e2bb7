// Small .npy files as numpy writes them, and archives of them.

public enum ArrayFixture {
  /// - Parameters:
  ///   - descr: numpy's type string, as `<f4`.
  ///   - bytes: of the elements.
  public static func npy(_ descr: String, _ shape: [Int], _ bytes: [UInt8], isFortran: Bool = false)
    -> [UInt8]
  {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    var header =
      "{'descr': '\(descr)', 'fortran_order': \(isFortran ? "True" : "False"), 'shape': (\(extents)), }"
    while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
    header += "\n"
    let count = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)]
      + Array(header.utf8) + bytes
  }

  public static func floats(_ shape: [Int], _ values: [Float]) -> [UInt8] {
    npy(
      "<f4", shape, values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
  }

  public static func npz(_ arrays: [(name: String, bytes: [UInt8])], to path: String) {
    ArchiveFixture.write(.zip, arrays.map { ($0.name + ".npy", $0.bytes) }, to: path)
  }
}
