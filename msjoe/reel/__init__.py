"""Reel, the procedural video world: scripts, pictures, questions and files."""
