import Basics
import Foundation
import Testing

@testable import Reports

@Suite struct FigureTests {
  @Test func ticksAreRound() {
    #expect(
      AxisTicks(low: 0, high: 1, count: 5).labels == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(AxisTicks(low: 10, high: 20_000, count: 4).labels == ["5000", "10k", "15k", "20k"])
    #expect(AxisTicks(low: 0.3512, high: 0.3549, count: 4).labels == ["0.352", "0.353", "0.354"])
    #expect(AxisTicks(low: -1, high: 1, count: 4).labels == ["-1.0", "-0.5", "0", "0.5", "1.0"])
    #expect(AxisTicks(low: 0, high: 3e6, count: 3).labels == ["0", "1M", "2M", "3M"])
  }

  @Test func smoothingKeepsALineAndItsEnds() {
    let line = (0..<200).map { ChartPoint(x: Double($0), y: 2 * Double($0)) }
    let smooth = LineChart.smoothed(line)
    for (a, b) in zip(line, smooth) { #expect(abs(a.y - b.y) < 1e-9) }
    let noisy = line.map { ChartPoint(x: $0.x, y: $0.y + (Int($0.x) % 2 == 0 ? 10 : -10)) }
    let calm = LineChart.smoothed(noisy)
    #expect(abs(calm[100].y - 200) < 1)
    #expect(LineChart.smoothed(Array(line.prefix(5))) == Array(line.prefix(5)))
  }

  @Test func thinningKeepsSpikes() {
    var points = (0..<50_000).map { ChartPoint(x: Double($0), y: 0) }
    points[31_234].y = 9
    let thin = LineChart.thinned(points)
    #expect(thin.count == 1200)
    #expect(thin.contains { $0.y == 9 })
    #expect(thin == thin.sorted { $0.x < $1.x })
  }

  /// A constant curve, one point, and values far apart are drawn inside the frame, but for the rare spike: the inner
  /// viewport cuts it.
  @Test func chartsStayInTheirFrame() throws {
    let cases: [[Double]] = [
      [1], [2, 2, 2], [0, 0], [1e-9, 2e-9], [-5, 1e6], [1000] + Array(repeating: 1, count: 200),
    ]
    for values in cases {
      let svg = LineChart("x", points: values.enumerated().map { ChartPoint(x: Double($0), y: $1) })
        .svg()
      #expect(!svg.contains("nan") && !svg.contains("inf"))
      #expect(svg.components(separatedBy: "<svg").count == 3)
      for match in svg.matches(of: #/([-0-9.]+),([-0-9.]+)/#) {
        let (x, y) = (Double(match.1)!, Double(match.2)!)
        #expect(x >= 0 && x <= 560 && y <= 250, "\(values.prefix(3)): \(x), \(y)")
        if values.count < 200 { #expect(y >= 0, "\(values): \(y)") }
      }
    }
  }

  /// CRC, Adler and the blocks' lengths are right: known bytes of a 1 x 1 red image (checked with libpng), and more
  /// than one stored block for a larger one.
  @Test func pngBytes() {
    let red = PNGImage(width: 1, height: 1, pixels: [255, 0, 0]).encoded()
    let expected =
      "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
      + "53de0000000f494441547801010400fbff00ff0000030101008d1de5820000000049454e44ae426082"
    #expect(red.map { String(format: "%02x", $0) }.joined() == expected)
    let large = PNGImage(
      width: 200, height: 150, pixels: [UInt8](repeating: 200, count: 200 * 150 * 3)
    ).encoded()
    // Signature, three chunks of 12 + contents; 90,150 bytes in two stored blocks, zlib's 6 around.
    #expect(large.count == 8 + 12 + 13 + 12 + (2 + 2 * 5 + 150 * 601 + 4) + 12)
    // zlib.adler32 of the filtered rows, before the chunk's CRC and the last chunk.
    #expect(Array(large.dropLast(16).suffix(4)) == [0x23, 0x38, 0xb8, 0x8f])
  }

  /// Arrays that don't fit are said or cut, never a crash.
  @Test func oddReconstructionsAreSurvived() {
    let image = Reconstruction.image(
      ImageReconstruction(
        title: "i", height: 4, width: 4, patch: [2, 2], masked: [true], original: [[1, 2]],
        before: nil, after: [[1]]))
    #expect(image.figure().contains("cannot be drawn"))
    let tokens = Reconstruction.tokens(
      TokenReconstruction(
        title: "t", alphabet: ["A"], masked: [true, false], original: [0, 5], before: nil,
        after: [0]))
    #expect(tokens.figure().contains("1 of 1 right"))
    let series = Reconstruction.series(
      SeriesReconstruction(
        title: "s", patch: 3, masked: [true, true, true],
        channels: [.init(name: "c", original: [1, 1, .nan, 2], before: [1], after: [.infinity])]))
    #expect(!series.figure().contains("nan"))
    #expect(!series.figure().contains("inf"))
  }

  @Test func reconstructionsRoundTrip() throws {
    let folder = try ScratchFolder()
    let all = exampleReconstructions()
    try Reconstruction.save(all, run: folder.path)
    #expect(try Reconstruction.load(run: folder.path) == all)
  }

  @Test func comparison() {
    #expect(
      comparisonTable(exampleRecord(), encoder: "metamae") == """
        pamap2: accuracy on 10,000 test samples, the paper's linear probe from 50,000 samples, mean of 3 seeds

          encoder   accuracy      95% interval   best epoch
          random      0.6981
          MetaMAE     0.8931   0.8881 - 0.8981       0.8935
        """)
    var single = exampleRecord("lbfgs")
    single.seeds = 1
    single.interval95 = nil
    single.metric = "weighted_f1"
    #expect(
      comparisonTable(single, encoder: "random") == """
        pamap2: weighted F1 on 10,000 test samples, converged linear probe from 50,000 samples

          encoder   weighted F1
          random         0.8931
        """)
    #expect(
      thousands(1_234_567) == "1,234,567" && thousands(-12) == "-12" && thousands(1000) == "1,000")
  }
}
