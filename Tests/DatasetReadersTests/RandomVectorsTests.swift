// The vectors of datasets.md 2.1 to 2.4 and 2.6: made with numpy, pandas and CPython.

import Basics
import Testing

@testable import DatasetReaders

@Suite struct RandomVectorsTests {
  @Test(
    arguments: [
      (42 as UInt32, [1_608_637_542, 3_421_126_067, 4_083_286_876, 787_846_414, 3_143_890_026]),
      (0, [2_357_136_044, 2_546_248_239, 3_071_714_933, 3_626_093_760]),
    ] as [(UInt32, [UInt32])])
  func numpySeeding(seed: UInt32, expected: [UInt32]) {
    var twister = MersenneTwister(numpySeed: seed)
    #expect(expected.map { _ in twister.word() } == expected)
  }

  @Test func pythonSeeding() {
    var twister = MersenneTwister(pythonSeed: 42)
    let expected: [UInt32] = [2_746_317_213, 478_163_327, 107_420_369, 3_184_935_163]
    #expect(expected.map { _ in twister.word() } == expected)
  }

  @Test(
    arguments: [
      (10, [8, 1, 5, 0, 7, 2, 9, 4], [4, 3, 6]),
      (100, [83, 53, 70, 45, 44, 39, 22, 80], [14, 92, 51]),
      (1000, [521, 737, 740, 660, 411, 678, 626, 513], [860, 435, 102]),
      (736, [669, 33, 549, 199, 264, 583, 39, 554], [270, 435, 102]),
      (2170, [1202, 342, 1341, 765, 1085, 259, 736, 1897], [1130, 1294, 860]),
      (12312, [7246, 5566, 6529, 11655, 7793, 360, 5863, 10854], [5390, 860, 7270]),
      (100000, [75721, 80184, 19864, 76699, 92991, 76434, 84004, 80917], [76820, 860, 15795]),
      (
        638507, [480433, 356653, 447559, 200511, 238821, 215536, 340530, 623015],
        [365838, 131932, 121958]
      ),
    ] as [(Int, [Int32], [Int32])])
  func pandasSample(count: Int, first: [Int32], last: [Int32]) {
    let order = DatasetReaders.pandasSample(count)
    #expect(Array(order.prefix(8)) == first)
    #expect(Array(order.suffix(3)) == last)
  }

  @Test func oneGeneratorKeepsItsStreamAcrossShuffles() {
    var generator = MersenneTwister(numpySeed: 42)
    let begins: [[Int32]] = [3, 10, 257, 1, 2, 1000].map {
      Array(generator.permutation($0).prefix(10))
    }
    #expect(
      begins == [
        [0, 1, 2], [3, 9, 0, 8, 5, 2, 1, 6, 4, 7],
        [84, 46, 183, 236, 177, 222, 60, 121, 195, 117], [0], [0, 1],
        [380, 123, 43, 893, 857, 109, 916, 146, 859, 581],
      ])
  }

  @Test(arguments: [
    (9_900_000, 8_910_000, 989_999), (1_100_000, 990_000, 109_999), (2_700, 2_430, 269),
    (1_000_000, 900_000, 99_999), (100_000, 90_000, 9_999), (600_000, 540_000, 59_999),
    (172_950, 155_655, 17_294), (638_507, 574_657, 63_850), (200_000, 180_000, 19_999),
    (24_300, 21_870, 2_429),
  ])
  func headAndTail(count: Int, head: Int, tail: Int) {
    let cut = HeadAndTail(count: count)
    #expect(cut.head == 0..<head)
    #expect(cut.tail == (count - tail)..<count)
  }

  @Test(arguments: [(5, 4), (15, 12), (41, 32), (67, 53), (210, 168), (258, 206), (689, 551)])
  func fourFifthsTruncates(count: Int, train: Int) { #expect(fourFifths(count) == train) }

  @Test func pythonDraws() {
    var generator = PythonRandom(seed: 42)
    #expect(
      (0..<3).map { _ in generator.uniform() } == [
        0.6394267984578837, 0.025010755222666936, 0.27502931836911926,
      ])
    generator = PythonRandom(seed: 0)
    #expect(
      (0..<3).map { _ in generator.uniform() } == [
        0.8444218515250481, 0.7579544029403025, 0.420571580830845,
      ])
    generator = PythonRandom(seed: 42)
    #expect((0..<8).map { _ in generator.integer(1...100) } == [82, 15, 4, 95, 36, 32, 29, 18])
    generator = PythonRandom(seed: 42)
    #expect((0..<8).map { _ in generator.below(17) } == [3, 0, 8, 7, 7, 4, 3, 2])
    generator = PythonRandom(seed: 42)
    #expect((0..<10).map { _ in generator.bits(1) } == [1, 0, 0, 1, 0, 0, 0, 0, 1, 0])
  }
}
