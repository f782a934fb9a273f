"""Numbers with unit, range and status: units, symbols, estimates."""
