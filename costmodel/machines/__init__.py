"""Hardware: operations, the laws of their time, digital and analog cards."""
