"""Drawings as strangers make them, and whether the bundled model describes them truly."""
