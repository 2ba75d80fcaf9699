//! Where the running kernel keeps the few fields that the programs read. Rust has no CO-RE, so the enforcer reads
//! these offsets from the kernel's own BTF and puts them into the programs before they load.

macro_rules! layout {
    ($($(#[$doc:meta])* $field:ident = $strukt:literal . $path:literal,)*) => {
        /// Byte offsets, one per field.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Layout { $($(#[$doc])* pub $field: u32,)* }

        /// What stands in the object file; offsets that no kernel has, so that it cannot be mistaken for a real one.
        pub const NONE: Layout = Layout { $($field: u32::MAX,)* };

        impl Layout {
            /// `(struct, member path)` of each field in declaration order; a path may pass through embedded structs.
            pub const FIELDS: &'static [(&'static str, &'static str)] = &[$(($strukt, $path),)*];

            /// The layout whose offsets stand in the order of [`Self::FIELDS`].
            #[must_use]
            pub fn from_offsets(offsets: &[u32]) -> Option<Self> {
                let mut rest = offsets.iter();
                let layout = Self { $($field: *rest.next()?,)* };
                if rest.next().is_none() { Some(layout) } else { None }
            }
        }
    };
}

layout! {
    cgroup_kn = "cgroup"."kn",
    cgroup_parent_css = "cgroup"."self.parent",
    cgroup_root = "cgroup"."root",
    css_cgroup = "cgroup_subsys_state"."cgroup",
    kn_id = "kernfs_node"."id",
    root_hierarchy = "cgroup_root"."hierarchy_id",
    task_cgroups = "task_struct"."cgroups",
    css_set_dfl = "css_set"."dfl_cgrp",
    socket_sk = "socket"."sk",
    sock_family = "sock"."__sk_common.skc_family",
    unix_dentry = "unix_sock"."path.dentry",
    unix_addr = "unix_sock"."addr",
    unix_peer = "unix_sock"."peer",
    unix_addr_len = "unix_address"."len",
    unix_addr_name = "unix_address"."name",
    dentry_inode = "dentry"."d_inode",
    dentry_sb = "dentry"."d_sb",
    inode_number = "inode"."i_ino",
    inode_sb = "inode"."i_sb",
    sb_magic = "super_block"."s_magic",
    sb_dev = "super_block"."s_dev",
    file_inode = "file"."f_inode",
    file_mode = "file"."f_mode",
    mnt_sb = "vfsmount"."mnt_sb",
    path_dentry = "path"."dentry",
}
