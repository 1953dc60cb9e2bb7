// One zstd frame with content size and checksum, and the byte shuffle in front of it. The only file that imports
// CZstd.

import CShuffle
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
    var (from, to) = (source, target)
    for (element, count) in widths {
      csh_unshuffle(Int32(element), from, count, to, count)
      from += element * count
      to += element * count
    }
  }
}

/// Compresses blocks; contexts reused.
///
/// Each block is compressed at level 3, and without looking for repetitions (entropy coding only) where that may become
/// smaller: the smaller frame is kept. Of noise-like blocks, where level 3 finds chance repetitions, the second is smaller
/// and twice as fast to decompress; where it cannot win it would cost a third of the time.
final class FrameCompressor {
  static let level: Int32 = 3
  private let contexts: [OpaquePointer]
  private let frames: [UnsafeMutableRawBufferPointer]

  init(mostBytes: Int) {
    contexts = [Self.level, ZSTD_minCLevel()].map { level in
      let context = ZSTD_createCCtx()!
      ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
      ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
      ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
      return context
    }
    // ZSTD_c_literalCompressionMode = ZSTD_ps_enable: the lowest levels would store literals as they are.
    ZSTD_CCtx_setParameter(contexts[1], ZSTD_c_experimentalParam5, 1)
    frames = contexts.map { _ in
      .allocate(byteCount: ZSTD_compressBound(mostBytes), alignment: 64)
    }
  }

  deinit {
    for context in contexts { ZSTD_freeCCtx(context) }
    for frame in frames { frame.deallocate() }
  }

  /// The frame of `bytes`; valid until the next call.
  func compress(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let found = compress(bytes, 0)
    guard Self.entropyBytes(bytes) < found else {
      return UnsafeRawBufferPointer(rebasing: frames[0][..<found])
    }
    let coded = compress(bytes, 1)
    let best = coded < found ? 1 : 0
    return UnsafeRawBufferPointer(rebasing: frames[best][..<min(found, coded)])
  }

  private func compress(_ bytes: UnsafeRawBufferPointer, _ k: Int) -> Int {
    let size = ZSTD_compress2(
      contexts[k], frames[k].baseAddress, frames[k].count, bytes.baseAddress, bytes.count)
    precondition(ZSTD_isError(size) == 0, "zstd: \(String(cString: ZSTD_getErrorName(size)))")
    return size
  }

  /// No code of single bytes is shorter: n log2(n / count) bits over the values of each 128 KiB, which zstd codes apart.
  private static func entropyBytes(_ bytes: UnsafeRawBufferPointer) -> Int {
    var bits = 0.0
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1024) { counts in
      var start = 0
      while start < bytes.count {
        let end = min(start + (1 << 17), bytes.count)
        counts.initialize(repeating: 0)
        // Four tables, so that equal neighbours do not wait for each other.
        var i = start
        while i &+ 4 <= end {
          counts[Int(bytes[i])] &+= 1
          counts[256 &+ Int(bytes[i &+ 1])] &+= 1
          counts[512 &+ Int(bytes[i &+ 2])] &+= 1
          counts[768 &+ Int(bytes[i &+ 3])] &+= 1
          i &+= 4
        }
        while i < end {
          counts[Int(bytes[i])] &+= 1
          i &+= 1
        }
        let whole = Double(end - start)
        for value in 0..<256 {
          let count =
            counts[value] + counts[256 + value] + counts[512 + value] + counts[768 + value]
          if count > 0 { bits += Double(count) * log2(whole / Double(count)) }
        }
        start = end
      }
    }
    return Int(bits / 8)
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
