"""A module for each entry, with ENTRY."""
