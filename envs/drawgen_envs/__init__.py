"""Canvas environments for gymnasium: an agent paints strokes.

Importing this package registers them, and imports neither torch nor anything slow:

>>> import gymnasium
>>> env = gymnasium.make("drawgen_envs:drawgen/Canvas-v0")
"""

import gymnasium

for _name in ("Canvas", "Reconstruct", "Spiral"):
    gymnasium.register(
        id=f"drawgen/{_name}-v0",
        entry_point=f"drawgen_envs.canvas:{_name}",
        vector_entry_point=f"drawgen_envs.canvas:{_name}Vector",
    )
