"""Signs, labels, screens and plain text to read: what they say, how they look, where every letter lies."""
