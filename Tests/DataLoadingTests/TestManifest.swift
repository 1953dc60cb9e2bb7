import ShardFormat

func emptyManifest() -> Manifest { Manifest() }
