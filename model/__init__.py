"""The network, its preprocessing and its generation: everything that needs torch, and nothing that knows a terminal.

Floors, imports only downwards: F0 errors, config; F1 geometry, rope, positions, layers, attention, cache, quantize,
sampling, tokenizer; F2 preprocess, prompt, vision, language, weights; F3 qwen; F4 loading, generate; F5 training.

Shape letters: B batch, S decoder positions, P packed patches of all media, M = P/4 merged tokens, G media items,
t,h,w patch grid, D width, H query heads, K key/value heads, d head size, V vocabulary.
"""
