//! Exit codes that systemd and scripts read.

/// Configuration, pack, key or database cannot be used (`EX_CONFIG` of sysexits.h). The unit does not start us again after it: what is wrong stays wrong
/// until somebody mends it.
pub(super) const EX_CONFIG: u8 = 78;
