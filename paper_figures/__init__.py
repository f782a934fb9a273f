"""What the paper shows, redrawn from this model, this simulator and measured timings; and what becomes of its claims."""
