"""What a user writes: YAML with places, faults, settings, names in the catalog; from text to checked objects."""
