// Fixed sine-cosine position codes (method.md, "Inputs"): base 10000, sines first, then cosines. In an image the
// first half of the channels codes the column and the second half the row. The class token's code is zero.

import Experiments
import Glibc
import TensorCore

/// [1 + T, width]: row 0 belongs to the class token, then each input's grid in row-major order.
public func positionCodes<R: Real>(width: Int, _ inputs: [InputSpecification], _: R.Type)
  -> Storage<R>
{
  let tokenCount = inputs.reduce(0) { $0 + $1.tokenCount }
  let codes = Storage<R>(count: (1 + tokenCount) * width)
  var row = 1
  for input in inputs {
    for token in 0..<input.tokenCount {
      let out = codes.base + row * width
      if input.kind == .image {
        sineCosine(token % input.grid[1], width / 2, out)
        sineCosine(token / input.grid[1], width / 2, out + width / 2)
      } else {
        sineCosine(token, width, out)
      }
      row += 1
    }
  }
  return codes
}

private func sineCosine<R: Real>(_ position: Int, _ width: Int, _ out: UnsafeMutablePointer<R>) {
  let half = width / 2
  for i in 0..<half {
    let angle = Double(position) / pow(10000, Double(i) / (Double(width) / 2))
    out[i] = R(Float(sin(angle)))
    out[half + i] = R(Float(cos(angle)))
  }
}
