"""Our vector environments for stable-baselines3, whose algorithms then step all canvases at once.

    from drawgen_envs.sb3 import PaintingVecEnv
    envs = PaintingVecEnv(gymnasium.make_vec("drawgen_envs:drawgen/Reconstruct-v0", num_envs=64))
    PPO("MultiInputPolicy", envs).learn(100_000)

Needs stable-baselines3, which this package does not install and no other file of it imports.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv


class PaintingVecEnv(VecEnv):
    """A stable-baselines3 `VecEnv` over one of our vector environments (with numpy arrays).

    The end of an episode is reported as truncation, so stable-baselines3 bootstraps from the value of the final observation. With
    `finite=True` it is reported as termination: right if only the `length` strokes count, and faster.
    """

    def __init__(self, envs: Any, *, finite: bool = False) -> None:
        if not isinstance(envs, VectorEnv):
            raise ValueError(
                f"PaintingVecEnv takes gymnasium.make_vec(...), not {type(envs).__name__}; a single environment goes to "
                "stable-baselines3 as it is"
            )
        if envs.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise ValueError(
                "stable-baselines3 begins episodes in the same step; make the environments with autoreset_mode SAME_STEP"
            )
        if getattr(envs.unwrapped, "tensors", False):
            raise ValueError("stable-baselines3 takes numpy arrays; make the environments with tensors=False")
        self.envs: VectorEnv[Any, Any, Any] = envs
        self.finite = finite
        self.render_mode = envs.render_mode
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> Any:
        seeds = self._seeds if any(seed is not None for seed in self._seeds) else None
        seen, _ = self.envs.reset(seed=seeds)  # type: ignore[arg-type]
        self._reset_seeds()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return seen

    def step_async(self, actions: np.ndarray) -> None:
        self.actions = actions

    def step_wait(self) -> Any:
        seen, rewards, terminated, truncated, told = self.envs.step(self.actions)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(ended):
            infos[row] = {"terminal_observation": told["final_obs"][row], "TimeLimit.truncated": not self.finite}
        return seen, rewards.astype(np.float32), ended, infos

    def close(self) -> None:
        self.envs.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        return self.envs.render() or []  # type: ignore[return-value]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.envs, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("the canvases are one environment: nothing can be set of single ones")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError("the canvases are one environment: no single one has methods")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))
