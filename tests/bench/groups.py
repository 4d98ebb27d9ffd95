"""Control groups for a bench: a group with the CPU weight and quota of systemd's units, in whichever hierarchy the machine has."""

import os
import re
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


class NoGroups(Exception):
    """Why no group can be made here."""


class Group:
    """`weight` and `quota_percent` are CPUWeight= and CPUQuota=; gone with `close`, when its processes are."""

    def __init__(self, name, weight=100, quota_percent=None):
        v2 = (MOUNT / "cgroup.controllers").is_file()
        parent = MOUNT if v2 else MOUNT / "cpu"
        self.folder = parent / f"lineside-bench-{os.getpid()}-{name}"
        try:
            if v2:
                if "cpu" not in (MOUNT / "cgroup.subtree_control").read_text().split():
                    (MOUNT / "cgroup.subtree_control").write_text("+cpu")
            elif not (parent / "cpu.shares").is_file():
                raise NoGroups(f"{parent} has no CPU controller")
            self.folder.mkdir()
            if v2:
                (self.folder / "cpu.weight").write_text(str(weight))
                if quota_percent:
                    (self.folder / "cpu.max").write_text(f"{quota_percent * 1000} 100000")
            else:
                # As systemd translates one into the other: weight 100 is 1024 shares.
                (self.folder / "cpu.shares").write_text(str(max(2, weight * 1024 // 100)))
                if quota_percent:
                    (self.folder / "cpu.cfs_quota_us").write_text(str(quota_percent * 1000))
        except OSError as fault:
            self.close()
            raise NoGroups(f"no control group can be made: {fault}; run as root, on a machine or in a container that may") from fault

    def enter(self):
        """In the child, before it becomes the program."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def close(self):
        try:
            self.folder.rmdir()
        except OSError:
            pass


def unit_limits(unit):
    """CPUWeight= and CPUQuota= (percent, or None) of a unit file."""
    text = Path(unit).read_text()
    weight = re.search(r"^CPUWeight=(\d+)", text, re.M)
    quota = re.search(r"^CPUQuota=(\d+)%", text, re.M)
    return int(weight[1]) if weight else 100, int(quota[1]) if quota else None
