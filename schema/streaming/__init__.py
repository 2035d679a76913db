"""How subscriptions are executed: what is asked for, where it begins, and each message as JSON text, made once."""

from schema.streaming.subscriptions import Subscriptions

__all__ = ["Subscriptions"]
