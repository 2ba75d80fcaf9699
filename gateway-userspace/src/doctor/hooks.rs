//! Each place in the kernel where a program of ours must stand: does this kernel have it, and is the program there?
//! Whether what stands there refuses is the canary's to say, see `enforcement.rs`.

use std::io;
use std::path::Path;

use super::Finding;
use crate::config::Config;
use crate::enforce::PinDir;
use crate::enforce::btf::KERNEL_BTF;
use crate::enforce::programs::{ALL, Hook, Layer, Program};

const CHECK: &str = "hook";
const START: &str = "start postern-enforce.service, and read its journal";

pub fn check(config: &Config) -> Vec<Finding> {
    let types = match std::fs::read(KERNEL_BTF) {
        Ok(types) => types,
        // What the kernel has cannot be told; that it does not say is found elsewhere.
        Err(_) => return Vec::new(),
    };
    let pins = PinDir::new(&config.enforce.bpffs);
    let stands = |program: &Program| stands(&pins.link(program.name));
    let states: Vec<(&Program, Stands)> = ALL.iter().map(|program| (program, stands(program))).collect();
    let layer_stands = |layer: Layer| {
        states.iter().any(|(program, stands)| program.layer() == layer && *stands == Stands::Yes)
    };
    let layers = Layers { first: layer_stands(Layer::Cgroup), second: layer_stands(Layer::Lsm) };
    states
        .iter()
        .map(|(program, stands)| judge(program, has(&types, &program.hook), *stands, layers))
        .collect()
}

/// Whether a program is attached, as its pin tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Yes,
    No,
    /// Only root may look.
    Hidden,
}

/// Whether anything of a layer is attached.
#[derive(Debug, Clone, Copy)]
struct Layers {
    first: bool,
    second: bool,
}

fn judge(program: &Program, kernel_has: bool, stands: Stands, layers: Layers) -> Finding {
    let name = name(&program.hook);
    let name = if name.is_empty() { program.name.trim_start_matches("postern_") } else { name };
    let layer = program.layer();
    if !kernel_has {
        let what = format!("{name}: this kernel does not have it");
        return match layer {
            Layer::Cgroup => Finding::broken(CHECK, what, "run a newer kernel, with CONFIG_CGROUP_BPF"),
            Layer::Lsm => Finding::gap(
                CHECK,
                what,
                "run a kernel with CONFIG_BPF_LSM; agents may start at a lower level only",
            ),
        };
    }
    match (stands, layer) {
        (Stands::Yes, _) => Finding::ok(CHECK, format!("{name}: a program stands there")),
        (Stands::Hidden, _) => {
            Finding::gap(CHECK, format!("{name}: only root may see what stands there"), "run as root")
        }
        // Half a layer is worse than none: what is left of it may let through what the rest would have refused.
        (Stands::No, Layer::Cgroup) if layers.first => Finding::broken(
            CHECK,
            format!("{name}: its program has come loose"),
            "restart postern-enforce.service",
        ),
        (Stands::No, Layer::Lsm) if layers.second => Finding::broken(
            CHECK,
            format!("{name}: its program has come loose"),
            "restart postern-enforce.service",
        ),
        (Stands::No, Layer::Lsm) if layers.first => Finding::gap(
            CHECK,
            format!("{name}: nothing stands there, the second layer is absent"),
            "boot with `bpf` among lsm= on the kernel's command line; the enforcer's journal has the reason",
        ),
        (Stands::No, _) => Finding::gap(CHECK, format!("{name}: nothing stands there yet"), START),
    }
}

fn stands(link: &Path) -> Stands {
    match link.symlink_metadata() {
        Ok(_) => Stands::Yes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Stands::No,
        Err(_) => Stands::Hidden,
    }
}

/// Empty where the program's own name says it.
fn name(hook: &Hook) -> &'static str {
    match hook {
        Hook::SockAddr | Hook::Sock | Hook::Skb | Hook::SockOps => "",
        Hook::Tracepoint(name) | Hook::Lsm(name) => name,
    }
}

/// The kernel's types name every hook that it has.
fn has(types: &[u8], hook: &Hook) -> bool {
    let wanted = match hook {
        Hook::SockAddr => "BPF_CGROUP_INET4_GETPEERNAME".to_owned(),
        Hook::Sock => "BPF_CGROUP_INET_SOCK_CREATE".to_owned(),
        Hook::Skb => "BPF_CGROUP_INET_EGRESS".to_owned(),
        Hook::SockOps => "BPF_CGROUP_SOCK_OPS".to_owned(),
        Hook::Tracepoint(name) => format!("btf_trace_{name}"),
        Hook::Lsm(name) => format!("bpf_lsm_{name}"),
    };
    let wanted = [b"\0", wanted.as_bytes(), b"\0"].concat();
    types.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    fn program(name: &str) -> &'static Program {
        ALL.iter().find(|program| program.name == name).unwrap()
    }

    #[test]
    fn the_running_kernel_names_its_hooks_and_no_others() {
        let types = std::fs::read(KERNEL_BTF).unwrap();
        for program in ALL.iter().filter(|program| program.layer() == Layer::Cgroup) {
            assert!(has(&types, &program.hook), "{program:?}");
        }
        assert!(!has(&types, &Hook::Lsm("no_such_hook")));
        assert!(!has(&types, &Hook::Tracepoint("cgroup_mkdi")));
    }

    #[test]
    fn each_hook_is_judged_by_what_stands_beside_it() {
        let none = Layers { first: false, second: false };
        let first = Layers { first: true, second: false };
        let both = Layers { first: true, second: true };
        let (connect, create) = (program("postern_connect4"), program("postern_socket_create"));
        let table = [
            (connect, true, Stands::Yes, both, Outcome::Ok),
            (create, true, Stands::Yes, both, Outcome::Ok),
            (connect, true, Stands::No, both, Outcome::Broken),
            (create, true, Stands::No, both, Outcome::Broken),
            (create, true, Stands::No, first, Outcome::Gap),
            (connect, true, Stands::No, none, Outcome::Gap),
            (connect, true, Stands::Hidden, none, Outcome::Gap),
            (connect, false, Stands::No, none, Outcome::Broken),
            (create, false, Stands::No, first, Outcome::Gap),
        ];
        for (program, kernel_has, stands, layers, outcome) in table {
            let found = judge(program, kernel_has, stands, layers);
            assert_eq!(found.outcome, outcome, "{found:?}");
            assert_eq!(found.remedy.is_none(), outcome == Outcome::Ok, "{found:?}");
        }
    }
}
