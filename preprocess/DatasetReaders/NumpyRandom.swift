// numpy's legacy generator as far as the splits use it (datasets.md 2.2 and 2.3): masked rejection, shuffle,
// permutation, pandas' `sample(frac=1)`; and the head and tail sizes of datasets.md 2.4.

/// `numpy.random.RandomState(seed)`; one generator keeps its stream across calls.
struct NumpyRandom {
  private var twister: MersenneTwister

  init(seed: UInt32) { twister = MersenneTwister(numpySeed: seed) }

  /// Uniform in 0 ... `maximum` by masked rejection; a maximum of 0 consumes no draw.
  mutating func bounded(_ maximum: UInt32) -> UInt32 {
    if maximum == 0 { return 0 }
    let mask = UInt32.max >> UInt32(maximum.leadingZeroBitCount)
    while true {
      let value = twister.next() & mask
      if value <= maximum { return value }
    }
  }

  /// `randint(count)`: uniform in 0 ..< count.
  mutating func below(_ count: Int) -> Int { Int(bounded(UInt32(count - 1))) }

  /// `shuffle` of a one-dimensional array.
  mutating func shuffle<Element>(_ elements: inout [Element]) {
    var i = elements.count - 1
    while i > 0 {
      elements.swapAt(i, Int(bounded(UInt32(i))))
      i -= 1
    }
  }

  /// `permutation(count)`.
  mutating func permutation(_ count: Int) -> [UInt32] {
    var order = (0..<UInt32(count)).map { $0 }
    shuffle(&order)
    return order
  }

  /// pandas' `DataFrame.sample(frac=1, random_state=seed)`: new row k is old row `result[k]`.
  static func pandasSample(_ count: Int, seed: UInt32 = 42) -> [UInt32] {
    var generator = NumpyRandom(seed: seed)
    return generator.permutation(count)
  }
}

/// The 90/10 cut of the official code: the first ceil(0.9 N) records and the last floor((1 - 0.9) N). In doubles
/// 1 - 0.9 is a little less than 0.1, so one record often belongs to neither part.
struct HeadAndTail: Equatable {
  let head: Range<Int>
  let tail: Range<Int>

  init(count: Int) {
    head = 0..<Int((0.9 * Double(count)).rounded(.up))
    let size = Int(((1 - 0.9) * Double(count)).rounded(.down))
    tail = (count - size)..<count
  }
}

/// The 80/20 cut of the per-class and per-speaker splits: the first int(0.8 n) train, the rest test.
func fourFifths(_ count: Int) -> Int { Int(0.8 * Double(count)) }
