"""Networks as K-FAC sees them: layers, what lies beside them, and the settings of a comparison."""
