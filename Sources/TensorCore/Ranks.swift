// Processes that compute a step together: each has the whole batch and all parameters, and carries a share of the
// samples, as a lane does within a process.

/// What passes between ranks. All of them call the same methods in the same order; each call waits for the others.
public protocol Ranks: Sendable {
  /// This process's place, from 0. Rank 0 leads: it alone writes.
  var index: Int { get }
  var count: Int { get }
  /// x [n] becomes the sum over the ranks, the same bytes on all.
  func sum<R: Real>(_ x: UnsafeMutablePointer<R>, _ n: Int)
  /// Rank k has written `shares[k]` of x; afterwards all have all.
  func gather<R: Real>(_ x: UnsafeMutablePointer<R>, _ shares: [Range<Int>])
  /// The largest of the ranks' values.
  func largest(_ value: Int) -> Int
  /// Leaves the others, who must leave too.
  func close()
}

extension Ranks {
  public var leads: Bool { index == 0 }
  /// Waits for the others.
  public func meet() { _ = largest(0) }
}

/// A process that computes alone.
public struct LoneRank: Ranks {
  public init() {}
  public var index: Int { 0 }
  public var count: Int { 1 }
  public func sum<R: Real>(_ x: UnsafeMutablePointer<R>, _ n: Int) {}
  public func gather<R: Real>(_ x: UnsafeMutablePointer<R>, _ shares: [Range<Int>]) {}
  public func largest(_ value: Int) -> Int { value }
  public func close() {}
}

/// What the launcher's environment says about the ranks, before anything is sent.
public struct RankGroup: Sendable {
  public let index: Int
  public let count: Int
  /// Joins them; call after the last fork, as MPI has threads.
  public let connect: @Sendable () throws -> any Ranks

  public init(index: Int, count: Int, connect: @escaping @Sendable () throws -> any Ranks) {
    self.index = index
    self.count = count
    self.connect = connect
  }

  public static let alone = RankGroup(index: 0, count: 1) { LoneRank() }

  public var leads: Bool { index == 0 }
}
