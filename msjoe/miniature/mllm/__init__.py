"""The miniature MLLM: architecture, vocabulary, the two training stages and measured figures."""
