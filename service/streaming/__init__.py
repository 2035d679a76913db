"""Streams: what happened behind a place in the record, page by page, then live. Nothing here knows GraphQL."""

from service.streaming.filter import DealChange, Filter, Kind
from service.streaming.hub import Hub
from service.streaming.note import CaughtUp, Note, Place, whole
from service.streaming.reading import Reading, Until

__all__ = ["CaughtUp", "DealChange", "Filter", "Hub", "Kind", "Note", "Place", "Reading", "Until", "whole"]
