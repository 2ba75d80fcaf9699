//! What the enforcer tells the programs; one entry, replaced whole.

/// Where the gateway listens in every network namespace that it serves.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// TCP port on 127.0.0.1 and ::1, host order.
    pub gateway_port: u16,
    /// UDP port of the resolver front on the same addresses, host order.
    pub dns_port: u16,
    pub zero: u32,
}
