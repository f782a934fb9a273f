"""Cards written from fits: the YAML text and the verb `calibrate`."""
