"""Training of the two embedded miniatures, a CLIP and an MLLM, on the Reel world."""
