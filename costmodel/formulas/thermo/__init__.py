"""Thermodynamic K-FAC: what an Ornstein-Uhlenbeck array needs for a factor."""
