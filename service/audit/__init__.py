"""The audit room: a Merkle tree over the log, its signed checkpoints, proofs, exports and their verification."""
