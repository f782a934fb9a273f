"""Networks read from torch modules: one forward pass on the meta device, every product of it seen.

The only package of ``costmodel`` that imports torch; it is imported when a module is traced, and not before.
"""
