//! Host, agent, gateway and servers: what every suite stands on.
//!
//! A suite starts a [`gateway::Gateway`] from a [`plan::Plan`]: an enforcer and a gateway of its own with their own
//! ports, sockets, pins and cgroups, so that suites can run side by side. [`agent::Agent`] runs programs inside an
//! agent's cgroup, [`servers`] is what they talk to, [`records`] is what was written down about it. Suites run as
//! root, with the environment that `cargo xtask test` sets.

pub mod agent;
pub mod daemon;
pub mod gateway;
pub mod host;
pub mod pipe;
pub mod plan;
pub mod records;
pub mod servers;
pub mod transcript;
pub mod wait;
pub mod wire;
