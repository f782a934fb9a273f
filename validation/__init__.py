"""Data that cards are fitted to and scored on, and the programs that do it."""
