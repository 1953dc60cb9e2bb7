// One zstd frame with content size and checksum. The only file that imports CZstd.

import CZstd

/// Compresses blocks; contexts reused.
///
/// Single bytes (images, short alphabets) are compressed at level 3, but at level 2 where all values are about equally
/// frequent: little is found there, and level 3 takes a quarter longer for a thousandth. Planes of numbers are compressed
/// faster, too: their repetitions are long or none, so that level 2 with matches of seven bytes or more is about as
/// small in two thirds of the time. Each of these frames gives way to entropy coding alone where that is smaller: of
/// noise-like blocks, where chance repetitions are found, it is smaller and twice as fast to decompress; where it cannot
/// win it is not tried.
///
/// zstd has one code for all bytes of each of its own blocks. The lowest bytes of measured numbers are noise that no code
/// shortens, and they spoil the code of the highest ones: noise gets zstd blocks of its own, which are then stored as
/// they are.
final class FrameCompressor {
  private let bytesContext = context(level: 3)
  private let evenBytesContext = context(level: 2)
  private let numbersContext = context(level: 2, (ZSTD_c_minMatch, 7))
  /// ZSTD_c_literalCompressionMode = ZSTD_ps_enable: the lowest levels would store literals as they are.
  private let entropyContext = context(level: ZSTD_minCLevel(), (ZSTD_c_experimentalParam5, 1))
  private let frames: [UnsafeMutableRawBufferPointer]
  private var stretches: [UnsafeRawBufferPointer] = []

  init(mostBytes: Int) {
    let bound = Self.mostFrameBytes(of: mostBytes)
    frames = (0..<2).map { _ in .allocate(byteCount: bound, alignment: 64) }
  }

  deinit {
    for context in [bytesContext, evenBytesContext, numbersContext, entropyContext] {
      ZSTD_freeCCtx(context)
    }
    for frame in frames { frame.deallocate() }
  }

  private static func context(level: Int32, _ setting: (ZSTD_cParameter, Int32)? = nil)
    -> OpaquePointer
  {
    let context = ZSTD_createCCtx()!
    let settings = [
      (ZSTD_c_compressionLevel, level), (ZSTD_c_checksumFlag, 1), (ZSTD_c_contentSizeFlag, 1),
    ]
    for (key, value) in settings + (setting.map { [$0] } ?? []) {
      check(ZSTD_CCtx_setParameter(context, key, value))
    }
    return context
  }

  /// No frame of that many bytes is longer.
  static func mostFrameBytes(of byteCount: Int) -> Int {
    ZSTD_compressBound(byteCount) + mostStretches * blockHeaderBytes
  }

  /// The frame of `bytes`; valid until the next call.
  /// - Parameter widths: (bytes of an element, elements) of each of its fields, as they went into `ByteShuffle.apply`.
  func compress(_ bytes: UnsafeRawBufferPointer, widths: [(element: Int, count: Int)])
    -> UnsafeRawBufferPointer
  {
    let planes = ByteShuffle.planes(widths)
    let numberBytes = widths.reduce(0) { $0 + ($1.element > 1 ? $1.element * $1.count : 0) }
    let least = part(bytes, planes)
    let isEven = Double(least) >= Self.even * Double(bytes.count)
    let found: Int
    if numberBytes > bytes.count / 2 {
      found = compressStretches(of: bytes.count, numbersContext, into: frames[0])
    } else {
      found = Self.check(
        ZSTD_compress2(
          isEven ? evenBytesContext : bytesContext, frames[0].baseAddress, frames[0].count,
          bytes.baseAddress, bytes.count))
    }
    let first = UnsafeRawBufferPointer(rebasing: frames[0][..<found])
    guard least < found, !isEven else { return first }
    let coded = compressStretches(of: bytes.count, entropyContext, into: frames[1])
    return coded < found ? UnsafeRawBufferPointer(rebasing: frames[1][..<coded]) : first
  }

  /// The entropy of bytes that are about equally frequent, of 8 bits a byte.
  private static let even = 0.97

  // MARK: stretches

  /// A plane below this many bytes joins the one before: a block of its own would cost more than it spares.
  private static let leastPlane = 4096
  /// Of 8 bits a byte: what a plane is noise from.
  private static let noise = 0.95
  private static let mostStretches = 64
  private static let blockHeaderBytes = 3

  /// Finds the stretches of planes that are noise, and those between.
  /// - Returns: about the bytes that no code of each stretch's single bytes goes below.
  private func part(_ bytes: UnsafeRawBufferPointer, _ planes: [Int]) -> Int {
    stretches.removeAll(keepingCapacity: true)
    var (start, end, wasNoise, least) = (0, 0, false, 0)
    var stretch = ByteHistogram()
    func close() {
      stretches.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      least += stretch.entropyBytes(of: end - start)
    }
    for (k, count) in planes.enumerated() {
      let plane = ByteHistogram(UnsafeRawBufferPointer(rebasing: bytes[end..<end + count]))
      let isNoise =
        count < Self.leastPlane
        ? wasNoise : Double(plane.entropyBytes(of: count)) >= Self.noise * Double(count)
      if k > 0 && isNoise != wasNoise && stretches.count < Self.mostStretches - 1 {
        close()
        start = end
        stretch = ByteHistogram()
      }
      stretch.merge(plane)
      wasNoise = isNoise
      end += count
    }
    close()
    return least
  }

  /// - Returns: the bytes of the frame of all stretches, each of which begins a zstd block.
  private func compressStretches(
    of byteCount: Int, _ context: OpaquePointer, into frame: UnsafeMutableRawBufferPointer
  ) -> Int {
    var target = ZSTD_outBuffer(dst: frame.baseAddress, size: frame.count, pos: 0)
    Self.check(ZSTD_CCtx_reset(context, ZSTD_reset_session_only))
    Self.check(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(byteCount)))
    for (i, stretch) in stretches.enumerated() {
      var source = ZSTD_inBuffer(src: stretch.baseAddress, size: stretch.count, pos: 0)
      let end = i == stretches.count - 1 ? ZSTD_e_end : ZSTD_e_flush
      let waiting = Self.check(ZSTD_compressStream2(context, &target, &source, end))
      precondition(waiting == 0, "zstd: the frame is longer than its bound")
    }
    return target.pos
  }

  @discardableResult
  private static func check(_ code: Int) -> Int {
    precondition(ZSTD_isError(code) == 0, "zstd: \(String(cString: ZSTD_getErrorName(code)))")
    return code
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
