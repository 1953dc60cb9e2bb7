// Checksums against damage, by libxxhash: XXH3 with 128 bits, at the speed of memory. It proves nothing against intent; where
// files are compared with what others published, Digest has SHA-256. The only file that imports CXXHash.

import CXXHash

public enum Checksum {
  /// XXH3 (128 bits, seed 0) of a file's bytes, 32 lower-case hexadecimal digits, as `xxh128sum` prints it.
  public static func xxh128(file path: String) throws -> String {
    let state = XXH3_createState()!
    defer { XXH3_freeState(state) }
    var isSound = XXH3_128bits_reset(state) == XXH_OK
    try Files.scan(path) {
      isSound = XXH3_128bits_update(state, $0.baseAddress, $0.count) == XXH_OK && isSound
    }
    precondition(isSound, "libxxhash refused the bytes")
    return hexadecimal(canonical(XXH3_128bits_digest(state)))
  }

  /// XXH3 (128 bits, seed 0): 16 bytes in the canonical order, in which they are printed.
  public static func xxh128(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
    canonical(XXH3_128bits(bytes.baseAddress, bytes.count))
  }

  private static func canonical(_ hash: XXH128_hash_t) -> [UInt8] {
    var canonical = XXH128_canonical_t()
    XXH128_canonicalFromHash(&canonical, hash)
    return withUnsafeBytes(of: &canonical) { Array($0) }
  }
}
