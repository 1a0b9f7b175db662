"""Drawings as other programs make them: many forms of 14 shapes, line styles, papers, and more than one renderer."""
