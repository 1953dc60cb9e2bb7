// What the trainer can say about its workers: for the log and for the attribution of stalls.

import CSystem

/// The end of a worker's life. It was replaced, unless `next()` throws.
public struct WorkerEnd: Equatable, Sendable, CustomStringConvertible {
  public enum Cause: Hashable, Sendable {
    case signal(Int32)
    case exit(Int32)
    /// Killed by the kernel while it counted a kill for want of memory.
    case outOfMemory
    /// No progress for the time-out; ended by the supervisor.
    case stalled
  }
  public let worker: Int
  public let cause: Cause
  /// 0 for the first life, then how often the worker had been replaced.
  public let life: Int
  /// The slot it was to publish next.
  public let slot: Int

  init(_ event: cs_event) {
    worker = Int(event.worker)
    life = Int(event.life)
    slot = Int(event.slot)
    let code = Int32(bitPattern: event.code)
    cause =
      switch Int(event.cause) {
      case CS_EVENT_SIGNAL: .signal(code)
      case CS_EVENT_EXIT: .exit(code)
      case CS_EVENT_MEMORY: .outOfMemory
      default: .stalled
      }
  }

  static let forWantOfMemory = "for want of memory (the machine's or its control group's)"

  public var description: String {
    let how =
      switch cause {
      case .signal(let number): "was ended by \(String(cString: cs_signal_name(number)))"
      case .exit(let code): "left with exit code \(code)"
      case .outOfMemory: "was killed \(Self.forWantOfMemory)"
      case .stalled: "made no progress and was ended"
      }
    return "loader worker \(worker) (life \(life + 1)) \(how) before its slot \(slot) was filled"
  }
}

/// Seconds, bytes and blocks of all workers since the loader began.
public struct WorkerTimes: Equatable, Sendable {
  /// Bringing compressed blocks into memory, prefetching included.
  public var readSeconds = 0.0
  /// Decompressing.
  public var decodeSeconds = 0.0
  /// Ordering and copying into slots.
  public var placeSeconds = 0.0
  /// Waiting for the trainer to give back a slot.
  public var fullSeconds = 0.0
  public var decodedBytes: UInt64 = 0
  public var blocks: UInt64 = 0
  /// Damaged blocks that were met and skipped.
  public var skippedBlocks: UInt64 = 0

  public init() {}

  /// Everything but waiting for the trainer.
  public var busySeconds: Double { readSeconds + decodeSeconds + placeSeconds }

  mutating func add(_ other: WorkerTimes) {
    readSeconds += other.readSeconds
    decodeSeconds += other.decodeSeconds
    placeSeconds += other.placeSeconds
    fullSeconds += other.fullSeconds
    decodedBytes += other.decodedBytes
    blocks += other.blocks
    skippedBlocks += other.skippedBlocks
  }

  mutating func add(_ words: cs_worker) {
    readSeconds += Double(words.read_nanoseconds) * 1e-9
    decodeSeconds += Double(words.decode_nanoseconds) * 1e-9
    placeSeconds += Double(words.place_nanoseconds) * 1e-9
    fullSeconds += Double(words.full_nanoseconds) * 1e-9
    decodedBytes += words.decoded_bytes
    blocks += words.blocks
    skippedBlocks += words.skipped
  }
}
