"""A window on the screen for `render_mode="human"`."""

import time
from typing import Any

import numpy as np
from gymnasium.logger import warn


class Window:
    """Shows pictures, at most `fps` per second. Without a screen it warns once and shows nothing."""

    def __init__(self, fps: int) -> None:
        self.pause_s, self.shown_at = 1 / fps, 0.0
        self.root: Any = None
        try:
            import tkinter
        except ImportError as error:
            warn(f"render_mode='human' shows nothing: it needs Python's tkinter (Debian: python3-tk; {error})")
            return
        try:
            self.root = tkinter.Tk(className="drawgen")
        except tkinter.TclError as error:
            warn(f"render_mode='human' shows nothing: there is no screen ({error})")
            return
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        self.label = tkinter.Label(self.root)
        self.label.pack()

    def show(self, picture: np.ndarray) -> None:
        if self.root is None:
            return
        from PIL import Image, ImageTk

        time.sleep(max(self.shown_at + self.pause_s - time.monotonic(), 0))
        self.shown_at = time.monotonic()
        self.image = ImageTk.PhotoImage(Image.fromarray(picture), master=self.root)  # kept: Tk keeps none
        self.label.configure(image=self.image)
        self.root.update()

    def close(self) -> None:
        if self.root is not None:
            self.root.destroy()
            self.root = None
