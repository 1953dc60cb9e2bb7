// The manifest of a computed split: only handed through.

import ShardFormat

func emptyManifest() -> Manifest {
  Manifest(
    dataset: "computed", split: "pretrain", inputs: [], fields: [], task: .none, transforms: [],
    sampleCount: 1, samplesPerBlock: 1, provenance: Provenance())
}
