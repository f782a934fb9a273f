"""How curved a network's loss is, layer by layer: roles, a law fitted to measured networks, what a model states."""
