"""Timings of linear algebra and of whole K-FAC steps on the machine at hand. Needs torch; the rest of the tool does not."""
