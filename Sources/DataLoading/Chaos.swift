// Faults that a user or a test asks for: `--chaos kill-worker:P,stall-worker:P,flip-bit:P`. Keyed by seed, chunk and
// life (block, for bits), so that the same command meets the same faults, and what is delivered does not change but by
// the blocks that a flipped bit damages.

import Basics
import Glibc

public struct Chaos: Equatable, Sendable {
  /// Chance that a worker kills itself while it fills a chunk.
  public var killWorker = 0.0
  /// Chance that a worker stops while it fills a chunk.
  public var stallWorker = 0.0
  /// Chance that a block is read with one bit flipped: always the same blocks.
  public var flipBit = 0.0
  public var seed: UInt64 = 0

  public static let none = Chaos()

  public init() {}

  /// - Parameter text: `kill-worker:0.01,flip-bit:1e-3`: names and chances from 0 to 1.
  /// - Throws: usage for anything else.
  public init(_ text: String, seed: UInt64) throws {
    self.seed = seed
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: ":", omittingEmptySubsequences: false)
      guard words.count == 2, let chance = Double(words[1]), chance >= 0, chance <= 1 else {
        throw Failure(.usage, at: "--chaos", "expected NAME:CHANCE from 0 to 1, found '\(part)'")
      }
      switch words[0] {
      case "kill-worker": killWorker = chance
      case "stall-worker": stallWorker = chance
      case "flip-bit": flipBit = chance
      default:
        throw Failure(
          .usage, at: "--chaos",
          "expected kill-worker, stall-worker or flip-bit, found '\(words[0])'")
      }
    }
  }

  /// Whether workers are struck at all.
  var strikes: Bool { killWorker > 0 || stallWorker > 0 }

  /// What a life of a worker does to itself while it fills a chunk, and where: nil, nothing.
  func strike(chunk: UInt64, life: UInt32) -> (phase: InjectedFault.Phase, signal: Int32)? {
    guard strikes else { return nil }
    var stream = RandomStream(RandomKey(seed: seed, "chaos", chunk, UInt64(life)))
    let draw = stream.uniform()
    guard draw < killWorker + stallWorker else { return nil }
    let phase = InjectedFault.Phase.allCases[stream.below(InjectedFault.Phase.allCases.count)]
    return (phase, draw < killWorker ? SIGKILL : SIGSTOP)
  }

  /// The bit of the block's frame that is flipped, as a number that the frame's length is yet to cut; nil: none.
  func flip(block: Int) -> UInt64? {
    guard flipBit > 0 else { return nil }
    var stream = RandomStream(RandomKey(seed: seed, "chaos flip", UInt64(block)))
    return stream.uniform() < flipBit ? stream.next() : nil
  }
}
