"""Training samples of the miniature MLLM: frames, questions about them, replies, and their packing into tensors."""
