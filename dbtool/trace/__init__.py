"""An opt-in shim for applications that records what their statements cost."""
