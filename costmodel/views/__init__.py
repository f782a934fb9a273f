"""What a verb shows: one report a verb, as tables, records and JSON."""
