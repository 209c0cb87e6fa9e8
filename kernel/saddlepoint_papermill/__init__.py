"""Teaches papermill to write a notebook's parameters in Rhai, the language of Saddlepoint's cells.

Installed beside papermill it needs no further step: papermill loads `engine` when it starts, and that registers the
translator under the language `rhai` and the kernel's name `saddle`.
"""

__version__ = "0.1.0"
