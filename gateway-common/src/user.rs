//! These shapes are plain bytes; the user side may read and write them as map entries.
#![allow(unsafe_code)]

use crate::{
    event::Report,
    flow::{Origin, PendingKey},
    layout::Layout,
    settings::Settings,
    watch::{PeerKey, Watch},
};

// SAFETY: `repr(C)`, integers only, no padding (asserted below), any bit pattern is valid.
unsafe impl aya::Pod for Origin {}
// SAFETY: as above.
unsafe impl aya::Pod for PendingKey {}
// SAFETY: as above.
unsafe impl aya::Pod for Layout {}
// SAFETY: as above.
unsafe impl aya::Pod for Report {}
// SAFETY: as above.
unsafe impl aya::Pod for Settings {}
// SAFETY: as above.
unsafe impl aya::Pod for Watch {}
// SAFETY: as above.
unsafe impl aya::Pod for PeerKey {}

const _: () = {
    assert!(size_of::<Origin>() == 88);
    assert!(size_of::<PendingKey>() == 32);
    assert!(size_of::<Report>() == 88);
    assert!(size_of::<Settings>() == 8);
    assert!(size_of::<Watch>() == 8);
    assert!(size_of::<PeerKey>() == 128);
};
