"""Shapes of well-known models, each read from the code of the library that is named as its source."""
