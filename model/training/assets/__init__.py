"""Pictures, fonts and photos to train on: `python -m model.training.assets` packs them, `Pack` reads them."""
