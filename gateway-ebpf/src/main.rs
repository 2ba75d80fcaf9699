//! Postern in the kernel. These programs know "watched or not" and never policy; each gathers facts, asks the plain
//! function in gateway-common, and acts. They sit at the root of the cgroup hierarchy and leave every cgroup
//! alone that is not in [`maps::WATCHED`].
#![no_std]
#![no_main]

mod cgroups;
mod connect;
mod datagram;
mod established;
mod kernel;
mod listener;
mod maps;
mod packets;
mod report;
mod sockets;
mod subject;
mod tasks;
mod unix;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Helpers such as `bpf_sk_lookup_tcp` and `bpf_probe_read_kernel` are for GPL-compatible programs.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
