"""Comparisons with transformers, eager attention and float32, on tiny random checkpoints."""
