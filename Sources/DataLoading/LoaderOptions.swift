// What a loader is asked for.

/// A split's folder (the one with `manifest.json`) and how often its samples come, relative to the others of a mixture.
public struct LoaderFolder: Equatable, Sendable {
  public var directory: String
  public var weight: Int

  public init(_ directory: String, weight: Int = 1) {
    self.directory = directory
    self.weight = weight
  }
}

/// How to read a split for training. Only `folders`, `batch`, `seed`, `shuffle`, `startPosition` and `onBadBlock` touch
/// what is delivered; the rest is how fast and with what patience.
public struct LoaderOptions: Sendable {
  /// One folder, or several to mix; each has workers of its own.
  public var folders: [LoaderFolder]
  /// Samples in a batch.
  public var batch: Int
  /// Worker processes of each folder, at least 1.
  public var workers: Int
  public var seed: UInt64
  public var shuffle: Shuffle
  /// Samples already consumed: where to begin in the endless sequence.
  public var startPosition: UInt64
  /// Slots in each worker's ring; raised to what a batch needs, and to a power of two.
  public var slots: Int
  public var onBadBlock: BadBlocks
  /// A worker that makes no progress for so long is replaced.
  public var workerTimeoutSeconds: Double
  /// How often in a minute a worker is replaced while it delivers nothing.
  public var restartLimit: Int
  /// Memory in each worker for decoded blocks that may be wanted again (windows, full shuffle).
  public var cacheBytes: Int
  /// What the epochs at `startPosition` have given before, one a folder; empty: nothing is known, begin anew.
  public var startTallies: [EpochTally] = []
  /// Faults that were asked for.
  public var chaos = Chaos.none
  /// For drills.
  var faults: [InjectedFault] = []

  public init(
    directory: String, batch: Int, workers: Int = 1, seed: UInt64 = 0, shuffle: Shuffle = .window,
    startPosition: UInt64 = 0, slots: Int = 4, onBadBlock: BadBlocks = .fail,
    workerTimeoutSeconds: Double = 30, restartLimit: Int = 5, cacheBytes: Int = 64 << 20
  ) {
    folders = [LoaderFolder(directory)]
    self.batch = batch
    self.workers = workers
    self.seed = seed
    self.shuffle = shuffle
    self.startPosition = startPosition
    self.slots = slots
    self.onBadBlock = onBadBlock
    self.workerTimeoutSeconds = workerTimeoutSeconds
    self.restartLimit = restartLimit
    self.cacheBytes = cacheBytes
  }
}
