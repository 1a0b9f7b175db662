"""Clips in which things happen at a time: when frames are taken, what things do, what is said, asked and labelled."""
