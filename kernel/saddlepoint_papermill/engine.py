"""What papermill loads: an engine named `saddle`, which is papermill's own, and the translator that comes with it.

Papermill asks for a language's translator in a table that has no entry points, and loads the entry points of its engines
whenever it is imported. The entry point names this module and not an object in it, so that it can also be loaded while it is
being imported: by `import saddlepoint_papermill.engine`, which imports papermill, which loads its entry points.
"""

from papermill.engines import NBClientEngine
from papermill.translators import papermill_translators

from .translator import RhaiTranslator

# The kernel may have been installed under another name, the language has only this one.
for name in ("rhai", "saddle"):
    papermill_translators.register(name, RhaiTranslator)

execute_notebook = NBClientEngine.execute_notebook
nb_kernel_name = NBClientEngine.nb_kernel_name
nb_language = NBClientEngine.nb_language
