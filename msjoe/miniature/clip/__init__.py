"""The miniature CLIP: architecture, training pairs, loss, training and measured figures."""
