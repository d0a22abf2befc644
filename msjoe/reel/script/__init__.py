"""Writing the script of a video: shots, and questions that hold for them."""
