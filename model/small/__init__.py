"""The bundled model's files: config, tokenizer, weights and card; found by `model.loading` as package data."""
