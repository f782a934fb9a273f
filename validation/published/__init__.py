"""Cards fitted to somebody else's published phase times."""
