// What a loader is asked for.

/// How to read a split for training. Only `batch`, `seed`, `shuffle`, `startPosition` and `onBadBlock` touch what is
/// delivered; the rest is how fast and with what patience.
public struct LoaderOptions: Sendable {
  /// The split's folder (the one with `manifest.json`).
  public var directory: String
  /// Samples in a batch.
  public var batch: Int
  /// Worker processes, at least 1.
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
  /// For drills.
  var faults: [InjectedFault] = []

  public init(
    directory: String, batch: Int, workers: Int = 1, seed: UInt64 = 0, shuffle: Shuffle = .window,
    startPosition: UInt64 = 0, slots: Int = 4, onBadBlock: BadBlocks = .fail,
    workerTimeoutSeconds: Double = 30, restartLimit: Int = 5, cacheBytes: Int = 64 << 20
  ) {
    self.directory = directory
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
