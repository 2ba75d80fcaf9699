//! What the enforcer tells the programs; one entry, replaced whole.

/// Where the gateway listens in every network namespace that it serves.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// TCP port on 127.0.0.1 and ::1, host order.
    pub gateway_port: u16,
    /// UDP port of the resolver front on the same addresses, host order.
    pub dns_port: u16,
    /// Not zero once a new cgroup found no room in the list of watched ones: from then on the ancestors of a cgroup
    /// that is not in the list are asked too, until the enforcer has made room.
    pub crowded: u32,
}

/// What the gateway serves in a network namespace; bits.
pub mod serves {
    pub const TCP: u32 = 1;
    pub const DNS: u32 = 2;
}
