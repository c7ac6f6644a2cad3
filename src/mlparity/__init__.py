"""Verify that a converted PyTorch model predicts what the source predicts, and keep the proof with the model.

The public names stand in `__init__.pyi`; each is imported when it is first asked for, so that the import stays light.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)

__all__ = ["__version__", *_names]
