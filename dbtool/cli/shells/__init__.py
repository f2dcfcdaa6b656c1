"""Completion scripts for bash, zsh and fish, from what commands say about themselves.

Verbs and options are written into the scripts, so that most completions start no process; names of
databases, ids of snapshots and keys come from `dbtool __complete`.
"""
