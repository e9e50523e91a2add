"""What the middleware works with: the settings in force, and what carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confession_otel.settings import AskMode, Way

if TYPE_CHECKING:
    from confession_otel.asking import Asker
    from confession_otel.observation import Observer
    from confession_otel.recorder import Recorder
    from confession_otel.settings import Settings


class Means:
    """Those of one observer; made anew when another comes into force."""

    __slots__ = ("asker", "observer", "observing", "recorder", "settings")

    def __init__(self, observer: Observer, way: Way) -> None:
        self.observer = observer
        self.settings: Settings = observer.settings.override(way=way, ask_mode=AskMode.INLINE)
        self.recorder: Recorder = observer.recorder
        self.observing: Settings = self.settings.override(way=Way.OBSERVE)
        """For the single calls, of which nothing is asked."""
        self.asker: Asker | None = observer.asker if way is Way.ASK else None
        """With all that have this observer: its budget is for the process."""
