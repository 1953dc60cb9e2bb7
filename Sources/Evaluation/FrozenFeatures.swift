// From weights and shards to features.

import Basics

/// Opens the encoder that the request names, and its data.
public func openEncoders(_ request: EncoderRequest, for split: Split) throws -> FrozenEncoders {
  throw Failure(.internalError, at: request.shards, "no network is wired to this program")
}
