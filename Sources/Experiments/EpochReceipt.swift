// The proof that an epoch was consumed exactly once, as metrics.jsonl and state.json hold it (docs/formats.md,
// "Receipts").

import Basics

/// What a whole epoch consumed: one entry of `receipts` in a line of `metrics.jsonl`.
public struct EpochReceipt: Codable, Equatable, Sendable {
  /// Counting from 0.
  public var epoch: UInt64
  /// Which set of a mixture; absent where there is one set.
  public var dataset: String?
  /// Samples trained on.
  public var samples: UInt64
  /// The digest of their ids, 32 hexadecimal digits.
  public var hash: String
  /// Samples left out with damaged blocks, and the digest of their ids.
  public var skipped: UInt64
  public var skippedHash: String
  /// The digest of all ids that the manifest says the epoch has.
  public var manifestHash: String

  enum CodingKeys: String, CodingKey {
    case epoch, dataset, samples, hash, skipped
    case skippedHash = "skipped_hash"
    case manifestHash = "manifest_hash"
  }

  public init(
    epoch: UInt64, dataset: String?, consumed: SetDigest, skipped: SetDigest, manifestHash: String
  ) {
    self.epoch = epoch
    self.dataset = dataset
    samples = consumed.count
    hash = consumed.text
    self.skipped = skipped.count
    skippedHash = skipped.text
    self.manifestHash = manifestHash
  }

  /// What does not hold, against a set of `length` samples whose digest is `whole`; nil: every sample once.
  public func problem(length: UInt64, whole: SetDigest) -> String? {
    let name = dataset.map { "\($0), epoch \(epoch)" } ?? "epoch \(epoch)"
    guard samples <= length, skipped <= length, samples + skipped == length else {
      return "\(name): expected \(length) samples, found \(samples) and \(skipped) left out"
    }
    guard let consumed = SetDigest(count: samples, text: hash),
      let missing = SetDigest(count: skipped, text: skippedHash)
    else { return "\(name): a hash is not 32 hexadecimal digits" }
    guard manifestHash == whole.text else {
      return "\(name): expected the manifest's hash \(whole.text), found \(manifestHash)"
    }
    let found = consumed + missing
    guard found == whole else {
      return "\(name): expected hash \(whole.text), found \(found.text)"
    }
    return nil
  }
}

/// How much of an epoch a run has consumed when it saves: what a resumed run's receipt goes on from. A function of the
/// configuration, the data and the step.
public struct OpenEpoch: Codable, Equatable, Sendable {
  public var epoch: UInt64
  /// Samples in each epoch of the set.
  public var length: UInt64
  /// Which set of a mixture; absent where there is one set.
  public var dataset: String?
  public var samples: UInt64
  public var hash: String
  public var skipped: UInt64
  public var skippedHash: String

  enum CodingKeys: String, CodingKey {
    case epoch, length, dataset, samples, hash, skipped
    case skippedHash = "skipped_hash"
  }

  public init(
    epoch: UInt64, length: UInt64, dataset: String?, consumed: SetDigest, skipped: SetDigest
  ) {
    self.epoch = epoch
    self.length = length
    self.dataset = dataset
    samples = consumed.count
    hash = consumed.text
    self.skipped = skipped.count
    skippedHash = skipped.text
  }

  /// nil when a hash is not 32 hexadecimal digits.
  public var consumed: SetDigest? { SetDigest(count: samples, text: hash) }
  public var leftOut: SetDigest? { SetDigest(count: skipped, text: skippedHash) }
}
