"""Networks as K-FAC sees them: layers, what lies beside them, and the families they come from."""
