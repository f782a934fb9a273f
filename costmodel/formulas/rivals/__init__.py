"""Preconditioners of the same purpose as K-FAC, which the comparison must not leave out."""

from costmodel.formulas.rivals import ekfac, muon, shampoo, soap

__all__ = ["ekfac", "muon", "shampoo", "soap"]
