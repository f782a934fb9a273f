"""How curved a network's loss is, layer by layer: roles, the law fitted to measured networks, and what a user measured."""
