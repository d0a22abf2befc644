"""Drawing the pictures of a video."""
