"""What an application's statements cost, as it ran them: an opt-in shim and the log it writes."""
