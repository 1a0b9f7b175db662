"""Writers and what they are made of."""
