"""What an application's statements cost, as it ran them: an opt-in shim and the log it writes.

The shim traces APSW, Python's sqlite3 and SQLAlchemy, and imports none of them: it wraps what the
application hands over.
"""

from dbtool.trace.tracer import Tracer, start

__all__ = ["Tracer", "start"]
