"""What may go wrong with an isolated child. Each message is one sentence that a person can act on."""

from __future__ import annotations


class IsolationError(Exception):
    """The isolated work gave no result."""


class BadInput(IsolationError):
    """The child understood its task and found the input wrong; the message says where."""


class ChildTimeout(IsolationError):
    """The child used up its wall-clock or processor time."""


class ChildKilled(IsolationError):
    """The child was ended by a signal, or went over its memory limit."""


class ChildFailed(IsolationError):
    """The child broke off without a result, or answered in no form we know."""


class ChildStopped(IsolationError):
    """The caller asked for the end."""


class NetworkIsolationUnavailable(IsolationError):
    """This machine offers no way to keep a child off the network, and nobody accepted that."""
