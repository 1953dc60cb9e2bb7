// One zstd frame with content size and checksum. The only file that imports CZstd.

import CZstd

/// Compresses blocks; contexts reused.
///
/// Each block is compressed at level 3, and without looking for repetitions (entropy coding only) where that may become
/// smaller: the smaller frame is kept. Of noise-like blocks, where level 3 finds chance repetitions, the second is smaller
/// and twice as fast to decompress; where it cannot win it would cost a third of the time.
///
/// zstd has one code for all bytes of each of its own blocks. The lowest bytes of measured numbers are noise that no code
/// shortens, and they spoil the code of the highest ones: entropy coding alone gives them zstd blocks of their own, which
/// are then stored as they are.
final class FrameCompressor {
  static let level: Int32 = 3
  /// Level 3, and entropy coding alone.
  private let contexts: [OpaquePointer]
  private let frames: [UnsafeMutableRawBufferPointer]
  private var stretches: [UnsafeRawBufferPointer] = []

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
    let bound = ZSTD_compressBound(mostBytes) + Self.mostStretches * Self.blockHeaderBytes
    frames = contexts.map { _ in .allocate(byteCount: bound, alignment: 64) }
  }

  deinit {
    for context in contexts { ZSTD_freeCCtx(context) }
    for frame in frames { frame.deallocate() }
  }

  /// The frame of `bytes`; valid until the next call.
  /// - Parameter planes: bytes of each of its planes, in order (`ByteShuffle.planes`).
  func compress(_ bytes: UnsafeRawBufferPointer, planes: [Int]) -> UnsafeRawBufferPointer {
    let found = check(
      ZSTD_compress2(
        contexts[0], frames[0].baseAddress, frames[0].count, bytes.baseAddress, bytes.count))
    // One plane that level 3 hardly shortens: its bytes are about equally frequent, a second attempt spares next to nothing.
    let nearlyAll = bytes.count * 97 / 100
    guard found < nearlyAll || planes.max()! < nearlyAll, part(bytes, planes) < found else {
      return UnsafeRawBufferPointer(rebasing: frames[0][..<found])
    }
    let coded = codeStretches(of: bytes.count)
    let best = coded < found ? 1 : 0
    return UnsafeRawBufferPointer(rebasing: frames[best][..<min(found, coded)])
  }

  // MARK: entropy coding

  /// A plane below this many bytes joins the one before: a block of its own would cost more than it spares.
  private static let leastPlane = 4096
  /// Of 8 bits a byte: what a plane is noise from.
  private static let noise = 0.95
  private static let mostStretches = 64
  private static let blockHeaderBytes = 3

  /// Finds the stretches of planes that are noise, and those between.
  /// - Returns: the bytes that no code of each stretch's single bytes goes below.
  private func part(_ bytes: UnsafeRawBufferPointer, _ planes: [Int]) -> Int {
    stretches.removeAll(keepingCapacity: true)
    var (start, end, wasNoise, least) = (0, 0, false, 0)
    var stretch = ByteHistogram()
    func close() {
      stretches.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      least += stretch.entropyBytes
    }
    for (k, count) in planes.enumerated() {
      let plane = ByteHistogram(UnsafeRawBufferPointer(rebasing: bytes[end..<end + count]))
      let isNoise =
        count < Self.leastPlane
        ? wasNoise : Double(plane.entropyBytes) >= Self.noise * Double(count)
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
  private func codeStretches(of byteCount: Int) -> Int {
    let (context, frame) = (contexts[1], frames[1])
    var target = ZSTD_outBuffer(dst: frame.baseAddress, size: frame.count, pos: 0)
    check(ZSTD_CCtx_reset(context, ZSTD_reset_session_only))
    check(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(byteCount)))
    for (i, stretch) in stretches.enumerated() {
      var source = ZSTD_inBuffer(src: stretch.baseAddress, size: stretch.count, pos: 0)
      let end = i == stretches.count - 1 ? ZSTD_e_end : ZSTD_e_flush
      let waiting = check(ZSTD_compressStream2(context, &target, &source, end))
      precondition(waiting == 0, "zstd: the frame is longer than its bound")
    }
    return target.pos
  }

  @discardableResult
  private func check(_ code: Int) -> Int {
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
