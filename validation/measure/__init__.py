"""Timings of linear algebra and of whole K-FAC steps on the machine at hand; needs torch."""
