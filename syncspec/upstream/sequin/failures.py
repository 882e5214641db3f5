"""Where a failed exchange is translated: what it means for the request, in words.

This is the only module that knows the exceptions of the HTTP library. The question that matters for a mutation is
whether a byte of it may have left; `ERRORS` answers it for every class that httpx can raise, and what is not in the
table counts as possibly sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from syncspec.upstream.sequin.excerpt import clean

__all__ = ["ERRORS", "AnswerTooLargeError", "Failure", "Progress", "translate"]

REASON_LENGTH = 200


class AnswerTooLargeError(Exception):
    """The answer is longer than we are willing to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An exchange without a whole answer.

    `sent`: the request, or a part of it, may have left. `too_large`: there is an answer, larger than we hold.
    """

    sent: bool
    reason: str
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class _Meaning:
    sent: bool
    words: str


ERRORS: dict[type[Exception], _Meaning] = {
    httpx.ConnectError: _Meaning(False, "the connection could not be made"),
    httpx.ConnectTimeout: _Meaning(False, "the connection could not be made in time"),
    httpx.PoolTimeout: _Meaning(False, "no connection became free in time"),
    httpx.ProxyError: _Meaning(False, "the proxy refused the connection"),
    httpx.UnsupportedProtocol: _Meaning(False, "the URL is neither http nor https"),
    httpx.InvalidURL: _Meaning(False, "the URL is invalid"),
    httpx.ReadError: _Meaning(True, "the connection broke before a whole answer came"),
    httpx.ReadTimeout: _Meaning(True, "no answer came in time"),
    httpx.WriteError: _Meaning(True, "the connection broke while the request was sent"),
    httpx.WriteTimeout: _Meaning(True, "the request could not be sent in time"),
    httpx.CloseError: _Meaning(True, "the connection could not be closed"),
    httpx.NetworkError: _Meaning(True, "the network failed"),
    httpx.TimeoutException: _Meaning(True, "no answer came in time"),
    httpx.LocalProtocolError: _Meaning(True, "the request broke the HTTP protocol"),
    httpx.RemoteProtocolError: _Meaning(True, "the answer broke off or is not HTTP"),
    httpx.ProtocolError: _Meaning(True, "the HTTP protocol was broken"),
    httpx.DecodingError: _Meaning(True, "the answer could not be decoded"),
    httpx.TooManyRedirects: _Meaning(True, "the endpoint redirects"),
    httpx.TransportError: _Meaning(True, "the exchange failed"),
    httpx.RequestError: _Meaning(True, "the exchange failed"),
    httpx.HTTPStatusError: _Meaning(True, "the answer is an error"),
    httpx.HTTPError: _Meaning(True, "the exchange failed"),
    httpx.CookieConflict: _Meaning(True, "the answer's cookies conflict"),
    httpx.StreamConsumed: _Meaning(True, "the answer could not be read"),
    httpx.StreamClosed: _Meaning(True, "the answer could not be read"),
    httpx.ResponseNotRead: _Meaning(True, "the answer could not be read"),
    httpx.RequestNotRead: _Meaning(True, "the request could not be read"),
    httpx.StreamError: _Meaning(True, "the answer could not be read"),
    AnswerTooLargeError: _Meaning(True, "the answer is too large"),
}


class Progress:
    """How far a request got, as far as the transport tells.

    `traced`: the transport reports its steps, so a request whose head never started was not sent. Without reports
    everything that is not known to be harmless counts as sent.
    """

    __slots__ = ("_started", "_traced")

    def __init__(self, *, traced: bool) -> None:
        self._traced = traced
        self._started = False

    async def trace(self, event: str, info: dict[str, object]) -> None:
        """Take a step's report; the CONNECT that opens a proxy's tunnel is no part of the request."""
        if event.endswith(".send_request_headers.started"):
            request = info.get("request")
            self._started |= getattr(request, "method", None) != b"CONNECT"

    @property
    def started(self) -> bool:
        """A part of the request has left for sure, or may have."""
        return self._started

    @property
    def may_have_been_sent(self) -> bool:
        return self._started or not self._traced


def translate(error: Exception, progress: Progress) -> Failure:
    """Say what an exception of the exchange means; the error's own words are shortened and made harmless."""
    meaning = next((ERRORS[cls] for cls in type(error).__mro__ if cls in ERRORS), None)
    if meaning is None:
        sent, words = progress.may_have_been_sent, f"the exchange failed with {type(error).__name__}"
    elif meaning.sent:
        sent, words = progress.may_have_been_sent, meaning.words
    else:
        # The transport's own report wins: what started may have left, whatever the error is called.
        sent, words = progress.started, meaning.words
    text = clean(str(error), REASON_LENGTH)
    too_large = isinstance(error, AnswerTooLargeError)
    return Failure(sent=sent, reason=f"{words} ({text})" if text else words, too_large=too_large)
