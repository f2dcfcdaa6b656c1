"""The repository as programs see it: that of `backup`, with the features that are built upon it.

`dbtool.backup` keeps pages and knows nothing of rows; what reads rows out of snapshots lies in the
layer above and may not be imported from below. So `dbtool.Repository` is this subclass: it adds a
method per feature, which imports its engine when it is called and does no work of its own. What
takes a repository below this layer goes on taking `dbtool.backup.repository.Repository`.
"""

from __future__ import annotations

from dbtool.backup import repository

__all__ = ["Repository"]


class Repository(repository.Repository):
    """Snapshots of any number of databases in one place, and the rows in them.

    Made by `Repository.open` and `Repository.create`.
    """
