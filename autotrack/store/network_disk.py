"""Whether a store lies on a file system of the network.

SQLite's write-ahead log needs memory that all processes share, and machines share none: there it would damage the store
silently (https://sqlite.org/wal.html, section 1). With a rollback journal SQLite needs only locks that work, which
today's network file systems have.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

logger = logging.getLogger("autotrack")

NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "afpfs", "9p", "ncpfs", "webdav"),
        *("lustre", "gpfs", "beegfs", "ceph", "glusterfs", "orangefs", "pvfs2", "panfs", "wekafs", "ocfs2", "gfs2"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.goofys", "fuse.rclone"),
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.mount-s3", "fuse.juicefs", "fuse.davfs"),
    }
)
"""File systems whose files other machines may write, as the system's table of mounts names them."""


def network_file_system(path: Path) -> str | None:
    """Return the name of the file system of the network that a path lies on, or None where it lies on a local disk."""
    import psutil  # commands that only read do not wait for it

    place = path.absolute()
    mounts = {Path(mount.mountpoint): mount.fstype.lower() for mount in psutil.disk_partitions(all=True)}
    nearest = next((mounts[folder] for folder in (place, *place.parents) if folder in mounts), "")
    return nearest if nearest in NETWORK_TYPES else None


@lru_cache(maxsize=64)
def journal_mode(path: Path) -> str:
    """Return SQLite's journal mode for a store, with one warning in a process where it is the slow one."""
    network = network_file_system(path)
    if network is None:
        return "WAL"
    logger.warning(
        "the store %s is on %s, a file system of the network: it is written more slowly there, and is only as safe as "
        "the locks of that file system; a local disk (the setting store) or PostgreSQL is better",
        path,
        network,
    )
    return "DELETE"
