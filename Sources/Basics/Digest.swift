// Digests, by OpenSSL's libcrypto: SHA-256 for raw files, checkpoints and what names a thing, MD5 where a published split is
// defined by it (datasets.md 2.5). The only file that imports CCrypto.

import CCrypto

/// A running SHA-256 or MD5.
public final class Digest {
  public enum Algorithm: Sendable { case sha256, md5 }

  private let context: OpaquePointer

  public init(_ algorithm: Algorithm) {
    context = EVP_MD_CTX_new()
    let started = EVP_DigestInit_ex(context, algorithm == .sha256 ? EVP_sha256() : EVP_md5(), nil)
    precondition(started == 1, "libcrypto refused the digest")
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// Ends the digest: 32 bytes for SHA-256, 16 for MD5. Call once.
  public func finish() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    _ = EVP_DigestFinal_ex(context, &bytes, &length)
    return Array(bytes[..<Int(length)])
  }

  public static func of(_ bytes: UnsafeRawBufferPointer, _ algorithm: Algorithm) -> [UInt8] {
    let digest = Digest(algorithm)
    digest.update(bytes)
    return digest.finish()
  }

  /// SHA-256 of a file's bytes in lower-case hexadecimal.
  public static func sha256(file path: String) throws -> String {
    let digest = Digest(.sha256)
    try Files.scan(path, digest.update)
    return hexadecimal(digest.finish())
  }
}

/// Lower-case hexadecimal, two digits a byte.
public func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(2 * bytes.count)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
