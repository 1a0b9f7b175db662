"""Photos of anything: their main colours are told, and that it cannot be told what they show; not beside `photos`."""

from model.training.hedged import hedging

PART = hedging("any_photos", "image")
