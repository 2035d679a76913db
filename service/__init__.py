"""The running machinery: log, replica, streams, audit and settings.

It imports the domain and never the schema; `app` and `cli` stand outside and tie the two together.
"""
