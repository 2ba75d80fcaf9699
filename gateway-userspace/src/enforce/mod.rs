//! `postern enforce`.
mod attach;
mod btf;
mod programs;

#[cfg(test)]
mod smoke {
    use super::*;
    #[test]
    fn smoke() {
        let pins = attach::PinDir::new(std::path::Path::new("/sys/fs/bpf/smoke"));
        let place = attach::Place { cgroup_root: std::path::Path::new("/sys/fs/cgroup/unified"), pins: &pins, layout: btf::layout(std::path::Path::new(btf::KERNEL_BTF)).unwrap(), max_cgroups: 100, kernel: (6, 18) };
        println!("{:?}", place.layout);
        let ebpf = attach::load(&place).unwrap();
        let at = attach::attach(ebpf, &place).map_err(|e| { let mut s: &dyn std::error::Error = &e; while let Some(n) = s.source() { s = n; } eprintln!("{s}"); e }).unwrap();
        println!("{:?}", at.lsm);
        for l in &at.links { println!("{} {:?}", l.name, l.facts()); }
    }
}
