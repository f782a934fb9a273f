"""Each digital method's step in plain PyTorch, short enough to be read beside its formulas.

They exist to be counted and checked, not to train: matrices carry a leading axis of equal factor pairs (the groups of a
grouped convolution), and nothing is cached, fused or distributed.
"""
