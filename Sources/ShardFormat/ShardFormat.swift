// ShardFormat
