// Reconstructions drawn: curves with the hidden spans shaded, images side by side, letters in colour. Where the
// encoder saw the sample, the panels show the sample; where it didn't, the decoder's guess.

import Basics
import Glibc

extension Reconstruction {
  /// A card of the report. Arrays that don't fit each other are cut to the shortest.
  func figure() -> String {
    switch self {
    case .series(let series): series.figure()
    case .image(let image): image.figure()
    case .tokens(let tokens): tokens.figure()
    }
  }
}

extension SeriesReconstruction {
  fileprivate func figure() -> String {
    let key = """
      <span class="key"><i class="ink"></i>original</span>\
      \(channels.contains { $0.before != nil } ? "<span class=\"key\"><i class=\"two\"></i>before adaptation</span>" : "")\
      <span class="key"><i class="one"></i>\(channels.contains { $0.before != nil } ? "after adaptation" : "prediction")</span>\
      <span class="key"><i class="hidden"></i>hidden from the encoder</span>
      """
    let panels = channels.map { channel in
      "<div class=\"channel\"><span>\(escaped(channel.name))</span>\(svg(channel))</div>"
    }
    return
      "<figure class=\"card wide\"><figcaption><b>\(escaped(title))</b><span class=\"keys\">\(key)</span></figcaption>\(panels.joined())</figure>\n"
  }

  private func svg(_ channel: Channel) -> String {
    let (width, height) = (1000.0, 96.0)
    let steps = channel.original.count
    guard steps > 1, patch > 0 else { return "" }
    let shown = (channel.original + channel.after).filter(\.isFinite)
    let (low, high) = (Double(shown.min() ?? 0), Double(shown.max() ?? 0))
    let span = max(high - low, 1e-6)
    func px(_ step: Int) -> String { decimal(Double(step) / Double(steps - 1) * width, 1) }
    func py(_ value: Float) -> String {
      let y = 4 + (height - 8) * (1 - (Double(value) - low) / span)
      return decimal(min(height, max(0, y.isFinite ? y : height)), 1)
    }
    func curve(_ values: [Float], _ range: Range<Int>, _ style: String) -> String {
      let points = range.clamped(to: 0..<min(values.count, steps)).map {
        px($0) + "," + py(values[$0])
      }
      return "<polyline class=\"\(style)\" points=\"\(points.joined(separator: " "))\"/>"
    }
    // Runs of hidden tokens, as steps.
    var spans: [Range<Int>] = []
    for (token, isMasked) in masked.enumerated() where isMasked {
      let range = min(token * patch, steps)..<min((token + 1) * patch, steps)
      if let last = spans.last, last.upperBound == range.lowerBound {
        spans[spans.count - 1] = last.lowerBound..<range.upperBound
      } else if !range.isEmpty {
        spans.append(range)
      }
    }
    var svg = "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" preserveAspectRatio=\"none\">"
    for span in spans {
      let (from, to) = (Double(span.lowerBound) - 0.5, Double(span.upperBound) - 0.5)
      let scale = width / Double(steps - 1)
      svg +=
        "<rect class=\"hidden\" x=\"\(decimal(max(0, from * scale), 1))\" width=\"\(decimal((to - max(0, from)) * scale, 1))\" y=\"0\" height=\"\(Int(height))\"/>"
    }
    svg += curve(channel.original, 0..<steps, "trace ink")
    for span in spans {
      if let before = channel.before { svg += curve(before, span, "trace two") }
      svg += curve(channel.after, span, "trace one")
    }
    return svg + "</svg>"
  }
}

extension ImageReconstruction {
  fileprivate func figure() -> String {
    let count = height * width
    guard count > 0, patch.count == 2, patch.allSatisfy({ $0 > 0 }),
      ([original, after] + (before.map { [$0] } ?? [])).allSatisfy({ planes in
        [1, 3].contains(planes.count) && planes.allSatisfy { $0.count == count }
      })
    else {
      return
        "<figure class=\"card\"><figcaption><b>\(escaped(title))</b></figcaption><p class=\"none\">cannot be drawn: the arrays don't fit its shape</p></figure>\n"
    }
    let bounds = original.map { (low: $0.min()!, high: $0.max()!) }
    var panels = [("original", png(original, bounds, hiding: false, over: nil))]
    panels.append(("masked", png(original, bounds, hiding: true, over: nil)))
    if let before {
      panels.append(("before adaptation", png(before, bounds, hiding: false, over: original)))
    }
    panels.append(
      (
        before == nil ? "prediction" : "after adaptation",
        png(after, bounds, hiding: false, over: original)
      ))
    let cells = panels.map { name, image in
      "<div><img src=\"\(image.dataURL)\" alt=\"\(name)\"><span>\(name)</span></div>"
    }
    return
      "<figure class=\"card wide\"><figcaption><b>\(escaped(title))</b></figcaption><div class=\"panels\">\(cells.joined())</div></figure>\n"
  }

  private func isHidden(_ y: Int, _ x: Int) -> Bool {
    let token = y / patch[0] * (width / patch[1]) + x / patch[1]
    return token < masked.count && masked[token]
  }

  /// - Parameter over: what is shown where the encoder saw the sample.
  private func png(
    _ planes: [[Float]], _ bounds: [(low: Float, high: Float)], hiding: Bool, over seen: [[Float]]?
  ) -> PNGImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(height * width * 3)
    for y in 0..<height {
      for x in 0..<width {
        let isHidden = isHidden(y, x)
        if hiding && isHidden {
          // A fine checkerboard reads as "nothing here" on light and dark pages.
          let grey: UInt8 = (x / 2 + y / 2) % 2 == 0 ? 0x9A : 0x86
          pixels.append(contentsOf: [grey, grey, grey])
          continue
        }
        let source = isHidden ? planes : seen ?? planes
        let levels = source.indices.map { c -> Double in
          let bound = bounds[min(c, bounds.count - 1)]
          let share = Double(
            (source[c][y * width + x] - bound.low) / max(bound.high - bound.low, 1e-6))
          return share.isFinite ? min(1, max(0, share)) : 0
        }
        if levels.count == 3 {
          pixels.append(contentsOf: levels.map { UInt8($0 * 255 + 0.5) })
        } else {
          pixels.append(contentsOf: colour(levels[0]))
        }
      }
    }
    return PNGImage(width: width, height: height, pixels: pixels)
  }

  /// From dark violet over teal to yellow: matplotlib's viridis at nine places, straight in between.
  private func colour(_ level: Double) -> [UInt8] {
    let stops: [[Double]] = [
      [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137],
      [53, 183, 121], [109, 205, 89], [253, 231, 37],
    ]
    let place = level * 8
    let index = min(7, Int(place))
    let share = place - Double(index)
    return (0..<3).map { c in
      UInt8(stops[index][c] * (1 - share) + stops[index + 1][c] * share + 0.5)
    }
  }
}

extension TokenReconstruction {
  fileprivate func figure() -> String {
    let count = [original.count, after.count, masked.count, before?.count ?? original.count].min()!
    let hidden = (0..<count).filter { masked[$0] }
    func share(_ guess: [Int]) -> String {
      if hidden.isEmpty { return "" }
      let right = hidden.filter { guess[$0] == original[$0] }.count
      return "\(right) of \(hidden.count) right"
    }
    var rows = [("original", letters(count) { (original[$0], "") }, "")]
    rows.append(("masked", letters(count) { masked[$0] ? nil : (original[$0], "") }, ""))
    func guessed(_ guess: [Int]) -> String {
      letters(count) { i in
        masked[i]
          ? (guess[i], guess[i] == original[i] ? " right" : " wrong") : (original[i], " seen")
      }
    }
    if let before { rows.append(("before adaptation", guessed(before), share(before))) }
    rows.append((before == nil ? "prediction" : "after adaptation", guessed(after), share(after)))
    let lines = rows.map { name, letters, note in
      "<div class=\"row\"><span>\(name)</span><code>\(letters)</code><em>\(note)</em></div>"
    }
    return
      "<figure class=\"card wide\"><figcaption><b>\(escaped(title))</b><span class=\"keys\"><span class=\"key\">bold: hidden and guessed right</span><span class=\"key\">struck: guessed wrong</span></span></figcaption><div class=\"letters\">\(lines.joined())</div></figure>\n"
  }

  /// A letter in its id's colour; a dot for nil.
  private func letters(_ count: Int, _ cell: (Int) -> (id: Int, style: String)?) -> String {
    (0..<count).map { i in
      guard let (id, style) = cell(i) else { return "<s class=\"gap\">·</s>" }
      let text = alphabet.indices.contains(id) ? alphabet[id] : "\(id)"
      let space = text.count > 1 ? " " : ""
      return "<i class=\"t\(abs(id) % 8)\(style)\">\(escaped(text))</i>\(space)"
    }.joined()
  }
}
