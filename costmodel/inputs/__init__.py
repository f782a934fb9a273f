"""What a user writes: YAML with places, settings, arguments, and the faults of each."""
