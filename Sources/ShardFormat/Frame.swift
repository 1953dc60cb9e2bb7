// One zstd frame with content size and checksum, and the byte shuffle in front of it. The only file that imports
// CZstd.

import CZstd
import Glibc

/// The fields of a block with their bytes regrouped: all first bytes, all second bytes, ... of each field of
/// multi-byte numbers. Neighbouring numbers then differ in runs that compress.
enum ByteShuffle {
  /// - Parameter widths: (bytes of an element, elements) of each field, in order.
  static func apply(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ widths: [(element: Int, count: Int)]
  ) {
    var (from, to) = (
      source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self)
    )
    for (element, count) in widths {
      if element == 1 {
        memcpy(to, from, count)
      } else {
        for byte in 0..<element {
          let plane = to + byte * count
          let first = from + byte
          var i = 0
          while i < count {
            plane[i] = first[i &* element]
            i &+= 1
          }
        }
      }
      from += element * count
      to += element * count
    }
  }

  /// The inverse of `apply`.
  static func undo(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
    _ widths: [(element: Int, count: Int)]
  ) {
    var (from, to) = (
      source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self)
    )
    for (element, count) in widths {
      switch element {
      case 1: memcpy(to, from, count)
      case 4:
        let words = UnsafeMutableRawPointer(to).assumingMemoryBound(to: UInt32.self)
        let (b0, b1, b2, b3) = (from, from + count, from + 2 * count, from + 3 * count)
        var i = 0
        while i < count {
          words[i] =
            UInt32(b0[i]) | UInt32(b1[i]) &<< 8 | UInt32(b2[i]) &<< 16 | UInt32(b3[i]) &<< 24
          i &+= 1
        }
      default:
        for byte in 0..<element {
          let plane = from + byte * count
          let first = to + byte
          var i = 0
          while i < count {
            first[i &* element] = plane[i]
            i &+= 1
          }
        }
      }
      from += element * count
      to += element * count
    }
  }
}

/// Compresses blocks; one context, reused.
final class FrameCompressor {
  static let level: Int32 = 3
  private let context: OpaquePointer
  private(set) var frame: UnsafeMutableRawBufferPointer

  init(mostBytes: Int) {
    context = ZSTD_createCCtx()!
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
    frame = .allocate(byteCount: ZSTD_compressBound(mostBytes), alignment: 64)
  }

  deinit {
    ZSTD_freeCCtx(context)
    frame.deallocate()
  }

  /// The frame of `bytes`; valid until the next call.
  func compress(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let size = ZSTD_compress2(
      context, frame.baseAddress, frame.count, bytes.baseAddress, bytes.count)
    precondition(ZSTD_isError(size) == 0, "zstd: \(String(cString: ZSTD_getErrorName(size)))")
    return UnsafeRawBufferPointer(rebasing: frame[..<size])
  }
}

/// Decompresses frames; one context, reused.
final class FrameDecompressor {
  private let context: OpaquePointer = ZSTD_createDCtx()!

  deinit { ZSTD_freeDCtx(context) }

  /// Fills all of `target`. Returns nil, or what is wrong: a wrong size, a damaged frame, a wrong checksum.
  func decompress(_ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer)
    -> String?
  {
    let size = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    guard size == UInt64(target.count) else {
      return size > UInt64.max - 2
        ? "it is no zstd frame with a content size"
        : "expected \(target.count) bytes, the frame holds \(size)"
    }
    let found = ZSTD_decompressDCtx(
      context, target.baseAddress, target.count, frame.baseAddress, frame.count)
    if ZSTD_isError(found) != 0 { return String(cString: ZSTD_getErrorName(found)) }
    return found == target.count ? nil : "expected \(target.count) bytes, found \(found)"
  }
}
