// The one door to libsndfile: WAV and FLAC (and what else it reads), decoded as a stream to floats in [-1, 1), first
// channel. A file that ends early, a damaged frame and a lying header are errors.

import Basics
import CSndfile
import Glibc

/// The ends of a recording: all that the log-mel of a clip of fixed length needs.
struct AudioClip {
  /// Samples a second.
  var rate: Int
  /// Samples of the whole recording.
  var count: Int
  /// The first samples, at most as many as were asked for.
  var head: [Float]
  /// The last samples, as many; the same as `head` for a recording that is not longer.
  var tail: [Float]
}

enum AudioFile {
  /// Bytes of a file: the largest of the sets here has 2 MB.
  static let mostBytes = 1 << 28
  /// Samples, so that some bytes of compressed silence cannot hold a process for hours.
  static let mostFrames = 1 << 30
  private static let mostChannels = 64
  private static let chunk = 1 << 14

  /// - Parameter length: how many samples of each end are kept.
  /// - Throws: badData for what is no audio, has no samples, or is not whole.
  static func read(_ entry: RawEntry, keeping length: Int) throws -> AudioClip {
    let bytes = try entry.contents(atMost: mostBytes)
    return try bytes.withUnsafeBytes { try read($0, place: entry.place, keeping: length) }
  }

  /// - Parameter seconds: keep no more than this at the file's own rate.
  static func read(
    _ bytes: UnsafeRawBufferPointer, place name: String, keeping length: Int,
    seconds: Double = .infinity
  ) throws -> AudioClip {
    if let place = try openLength(bytes, name) {
      // libsndfile takes a size of 0 for no samples.
      var filled = Array(bytes)
      let size = UInt32(clamping: bytes.count - place - 4).littleEndian
      withUnsafeBytes(of: size) { filled.replaceSubrange(place..<(place + 4), with: $0) }
      return try filled.withUnsafeBytes { try decode($0, name, length, seconds) }
    }
    return try decode(bytes, name, length, seconds)
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, _ place: String, _ most: Int, _ seconds: Double
  ) throws -> AudioClip {
    var memory = Memory(bytes: bytes)
    return try withUnsafeMutablePointer(to: &memory) { memory in
      var information = SF_INFO()
      var functions = Memory.functions
      guard let file = sf_open_virtual(&functions, Int32(SFM_READ), &information, memory) else {
        throw damaged(place, "expected audio (WAV, FLAC)", String(cString: sf_strerror(nil)))
      }
      defer { sf_close(file) }
      let wanted = Double(information.samplerate) * seconds
      let length = max(1, wanted < Double(most) ? Int(wanted.rounded(.up)) : most)
      return try decode(file, information, place, length)
    }
  }

  private static func decode(
    _ file: OpaquePointer, _ information: SF_INFO, _ place: String, _ length: Int
  ) throws -> AudioClip {
    let channels = Int(information.channels)
    guard (1...mostChannels).contains(channels), information.samplerate > 0 else {
      throw damaged(
        place, "expected 1 to \(mostChannels) channels and a rate",
        "\(channels) at \(information.samplerate) Hz")
    }
    var clip = AudioClip(rate: Int(information.samplerate), count: 0, head: [], tail: [])
    var last = LastSamples(length)
    var frames = [Float](repeating: 0, count: chunk * channels)
    while true {
      let count = Int(sf_readf_float(file, &frames, sf_count_t(chunk)))
      if count <= 0 { break }
      if channels > 1 { for frame in 0..<count { frames[frame] = frames[frame * channels] } }
      clip.head += frames[..<min(count, length - clip.head.count)]
      last.append(frames[..<count])
      clip.count += count
      guard clip.count * channels <= mostFrames else {
        throw damaged(place, "expected at most \(mostFrames) samples", "more")
      }
    }
    guard sf_error(file) == 0 else {
      throw damaged(place, "expected whole audio", String(cString: sf_strerror(file)))
    }
    guard clip.count == information.frames || information.frames == sf_count_t.max else {
      throw damaged(place, "expected \(information.frames) samples", "\(clip.count)")
    }
    guard clip.count > 0 else { throw damaged(place, "expected at least one sample", "none") }
    clip.tail = clip.count <= length ? clip.head : last.samples
    guard clip.head.allSatisfy(\.isFinite), clip.tail.allSatisfy(\.isFinite) else {
      throw damaged(place, "expected finite samples", "NaN or infinity")
    }
    return clip
  }

  /// The last samples of a stream: a ring.
  private struct LastSamples {
    private var ring: [Float]
    /// Where the next sample goes: the oldest one's place.
    private var next = 0

    init(_ length: Int) { ring = [Float](repeating: 0, count: length) }

    mutating func append(_ samples: ArraySlice<Float>) {
      var left = samples.suffix(ring.count)
      while !left.isEmpty {
        let count = min(left.count, ring.count - next)
        ring.replaceSubrange(next..<next + count, with: left.prefix(count))
        left = left.dropFirst(count)
        next = (next + count) % ring.count
      }
    }

    /// Oldest first; as many as the ring holds, once it is full.
    var samples: [Float] { Array(ring[next...] + ring[..<next]) }
  }

  /// libsndfile reads what is left of a WAV that was cut; its chunks say what there was.
  ///
  /// - Returns: where the size of the samples stands that means: to the end of the file; nil for all others.
  private static func openLength(_ bytes: UnsafeRawBufferPointer, _ place: String) throws -> Int? {
    func name(_ at: Int) -> String { String(decoding: bytes[at..<(at + 4)], as: UTF8.self) }
    guard bytes.count >= 12, name(0) == "RIFF", name(8) == "WAVE" else { return nil }
    var at = 12
    while at + 8 <= bytes.count {
      let size = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
      let left = bytes.count - at - 8
      if name(at) == "data" {
        if size == 0 || size == .max { return at + 4 }
        if Int(size) <= left { return nil }
        throw damaged(place, "expected \(size) bytes of samples", "\(left): it is cut short")
      }
      at += 8 + Int(size) + Int(size & 1)
    }
    throw damaged(place, "expected a chunk of samples", "none: it is cut short")
  }

  private static func damaged(_ place: String, _ expected: String, _ found: String) -> Failure {
    Failure(
      .badData, at: place,
      "\(expected), found \(found.trimmingSuffix { $0 == "." || $0 == "\n" })",
      remedy: "The file is damaged or of another format; get it again.")
  }

  /// A file in memory, for libsndfile.
  private struct Memory {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    static let functions = SF_VIRTUAL_IO(
      get_filelen: { Int64($0!.assumingMemoryBound(to: Memory.self).pointee.bytes.count) },
      seek: { offset, whence, context in
        let memory = context!.assumingMemoryBound(to: Memory.self)
        let count = memory.pointee.bytes.count
        let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.pointee.position : count
        let (target, overflow) = base.addingReportingOverflow(Int(offset))
        guard !overflow, target >= 0 else { return -1 }
        memory.pointee.position = min(target, count)
        return sf_count_t(memory.pointee.position)
      },
      read: { target, count, context in
        let memory = context!.assumingMemoryBound(to: Memory.self)
        let left = memory.pointee.bytes.count - memory.pointee.position
        let taken = max(0, min(Int(count), left))
        if taken > 0 {
          memcpy(target!, memory.pointee.bytes.baseAddress! + memory.pointee.position, taken)
        }
        memory.pointee.position += taken
        return sf_count_t(taken)
      },
      write: { _, _, _ in 0 },
      tell: { sf_count_t($0!.assumingMemoryBound(to: Memory.self).pointee.position) })
  }
}

extension String {
  fileprivate func trimmingSuffix(_ isOdd: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, isOdd(last) { text.removeLast() }
    return String(text)
  }
}
