// A configuration whose steps take no time.

/// - Parameter more: further keys, a line each.
func smallModel(_ dataset: String, batch: Int, _ more: String = "") -> String {
  """
  dataset: \(dataset)
  steps: 2
  batch: \(batch)
  encoder: {width: 16, heads: 2, layers: 1}
  decoder: {width: 8, heads: 2, layers: 1}
  projector: {hidden: 16, out: 8}
  \(more)
  """
}
