"""Which calls are observed: what passes the SDK's door, and is an answer of a model that is ours to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from confession_otel.answer import is_inference
from confession_otel.calls import in_a_call, take
from confession_otel.guard import Site
from confession_otel.settings import Way
from confession_otel.suppression import is_ours, is_suppressed

from . import background, chat, responses
from .call import Call
from .passed import Passed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from confession_otel.observation import Observer

_TELL: Final = Site("openai.tell")
_START: Final = Site("openai.start")

_APIS: Final[dict[str, ModuleType]] = {
    "/chat/completions": chat,
    "/responses": responses,
    "/responses?beta=true": responses,
}
"""Path of the request -> how its fields are read."""


def begin(observer: Callable[[], Observer], arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Call | None:
    """A call to be observed, begun; `None` for one that is not ours: another API, suppressed, switched off.

    Args:
        observer: gives the observer in force.
        arguments: of `request(client, cast_to, options, *, stream, stream_cls)`.
        keywords: of the same.
    """
    passed = Passed(arguments, keywords)
    options = passed.options
    api, origin = None, None
    if options.method == "post":
        api = _APIS.get(options.url)
    elif options.method == "get":
        origin = background.retrieved(options.url)
        api = None if origin is None else responses
    # Logfire suppresses other instrumentations below its span: then no span of ours, but the verdict goes onto theirs.
    if api is None or is_ours():
        return None
    if (outer := in_a_call.get()) is not None and outer.request is passed.request:
        # Somebody's own `request` leads on to the one below: ours has both, and sees the call already.
        return None
    here = get_current()
    if is_suppressed(here) and not is_inference(get_current_span(here)):
        return None
    now = observer()
    if not now.settings.enabled:
        return None
    call = Call(now, api, passed, take())
    # What began must end, also where it failed to begin in whole.
    try:
        if now.settings.way is Way.IN_BAND and origin is None:
            with _TELL:
                call.tell()
        try:
            call.start(origin, here)
        except Exception as error:  # noqa: BLE001 - the site's to deal with; `with` takes longer
            _START.swallow(error)
    except BaseException as error:
        # A signal's, which comes between any two steps: the caller gets it, and nothing of ours stays behind.
        call.leave()
        call.raised(error)
        raise
    return call
