"""How far shipped cards and laws are off on data that no fit has read."""
