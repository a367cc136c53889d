"""What kind of disk a path is on.

SQLite's write-ahead log needs shared memory, which no network filesystem gives to two machines:
sqlite.org/wal.html, "All processes must be on the same host".

/proc/self/mountinfo: `36 25 0:32 / /home rw,noatime shared:1 - nfs4 server:/home rw,vers=4.2`
"""

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d|smbfs|ncpfs|afs|coda|ceph|lustre|gpfs|beegfs|panfs|pvfs2|orangefs|"
    r"ocfs2|gfs2|glusterfs|fuse\.(sshfs|glusterfs|ceph|s3fs|gcsfuse|rclone|davfs2|juicefs)"
)


def network_filesystem(directory: Path, mounts: Path = _MOUNTS) -> str | None:
    """The filesystem's type where it is shared by several machines; None where it is local.

    Only Linux says; elsewhere the answer is None.
    """
    try:
        listed = mounts.read_text()
    except OSError:
        return None
    resolved = directory.resolve()
    kinds = [
        (len(mounted.parts), kind)
        for mounted, kind in map(_mount, listed.splitlines())
        if resolved.is_relative_to(mounted)
    ]
    kind = max(kinds, key=lambda found: found[0], default=(0, ""))[1]
    return kind if _NETWORK.fullmatch(kind) else None


def _mount(line: str) -> tuple[Path, str]:
    """Mount point and type of a line; space, tab, newline and backslash come as octal escapes."""
    place, _, rest = line.partition(" - ")
    point = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), place.split(" ")[4])
    return Path(point), rest.split(" ")[0]
